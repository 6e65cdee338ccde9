import { t } from "@vscode/l10n";
import { button, element } from "./dom.ts";
import { canSend, isAnswering } from "./state.ts";
import type { AskModel } from "./state.ts";
import { SuggestionList } from "./suggestionList.ts";

export interface ComposerIntents {
  readonly draftChanged: (draft: string, caret: number) => void;
  readonly send: () => void;
  readonly stop: () => void;
  readonly recall: (direction: "older" | "newer") => void;
  readonly cancelEdit: () => void;
  readonly moveSuggestion: (by: 1 | -1) => void;
  readonly acceptSuggestion: (index: number) => void;
  readonly closeSuggestions: () => void;
}

/** The question box with what can be written in it, and its buttons. */
export class Composer {
  readonly node = element("div", { class: "composer" });
  readonly #intents: ComposerIntents;
  readonly #box = element("textarea", { class: "box", id: "question", label: t("Question") });
  readonly #editing = element("div", { class: "editing" });
  readonly #suggestions: SuggestionList;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  #model: AskModel | null = null;

  constructor(intents: ComposerIntents) {
    this.#intents = intents;
    this.#suggestions = new SuggestionList(this.#box, intents.acceptSuggestion);
    const [ask, stop] = [t("Ask"), t("Stop")];
    this.#send = button({
      class: "icon send",
      icon: "send",
      label: ask,
      title: t("Ask (Enter)"),
      onClick: intents.send,
    });
    this.#stop = button({
      class: "icon stop",
      icon: "debug-stop",
      label: stop,
      title: t("Stop (Escape)"),
      onClick: intents.stop,
    });
    this.#editing.append(
      element("span", { text: t("Editing a question: it and what follows it are asked anew.") }),
      button({ class: "link", text: t("Cancel"), onClick: intents.cancelEdit }),
    );
    this.#prepareBox();
    this.node.append(
      this.#suggestions.node,
      this.#editing,
      element("div", { class: "boxRow" }, this.#box, this.#send, this.#stop),
    );
  }

  focus(): void {
    this.#box.focus();
  }

  render(model: AskModel): void {
    const before = this.#model;
    this.#model = model;
    const answering = isAnswering(model);
    // Before the host has answered, a question would have nowhere to go.
    this.#box.disabled = (model.snapshot?.folder ?? null) === null;
    if (this.#box.value !== model.draft) {
      this.#box.value = model.draft;
      this.#box.setSelectionRange(model.caret, model.caret);
    }
    // Measuring costs a layout of the page, and an answer that is written renders often.
    if (before?.draft !== model.draft) this.#fitHeight();
    this.#editing.hidden = model.editing === null;
    if (model.editing !== null && before?.editing?.askId !== model.editing.askId) this.#box.focus();
    this.#send.hidden = answering;
    this.#send.disabled = !canSend(model);
    this.#stop.hidden = !answering;
    this.#stop.disabled = model.pending === "stop";
    this.#suggestions.render(model.suggesting);
  }

  #fitHeight(): void {
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }

  #prepareBox(): void {
    this.#box.rows = 2;
    this.#box.placeholder = t("Ask about this folder; / for commands, # to mention code");
    this.#box.setAttribute("aria-describedby", "questionHelp");
    this.node.append(
      element("p", {
        class: "unseen",
        id: "questionHelp",
        text: t("Enter asks, Shift and Enter begins a line. Type / for commands and # to mention code."),
      }),
    );
    const changed = (): void => {
      this.#intents.draftChanged(this.#box.value, this.#box.selectionEnd);
    };
    this.#box.addEventListener("input", changed);
    // Where the cursor goes, other suggestions fit.
    this.#box.addEventListener("click", changed);
    this.#box.addEventListener("blur", () => {
      this.#intents.closeSuggestions();
    });
    this.#box.addEventListener("keydown", (event) => {
      // While an input method composes a word, Enter and the arrows belong to it.
      if (!event.isComposing && this.#takesKey(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    });
  }

  /** Acts on a key and says whether it did. */
  #takesKey(event: KeyboardEvent): boolean {
    const { suggesting } = this.#model ?? {};
    if (suggesting !== null && suggesting !== undefined && this.#takesSuggestionKey(event)) return true;
    switch (event.key) {
      case "Enter":
        if (event.shiftKey) return false;
        this.#intents.send();
        return true;
      case "ArrowUp":
        if (this.#box.selectionEnd !== 0) return false;
        this.#intents.recall("older");
        return true;
      case "ArrowDown":
        if (this.#box.selectionStart !== this.#box.value.length) return false;
        this.#intents.recall("newer");
        return true;
      case "Escape":
        if ((this.#model?.editing ?? null) === null) return false;
        this.#intents.cancelEdit();
        return true;
      default:
        return false;
    }
  }

  #takesSuggestionKey({ key, shiftKey }: KeyboardEvent): boolean {
    const suggesting = this.#model?.suggesting ?? null;
    if (suggesting === null) return false;
    if (key === "Escape") {
      this.#intents.closeSuggestions();
      return true;
    }
    if (suggesting.items.length === 0 || shiftKey) return false;
    if (key === "ArrowUp" || key === "ArrowDown") this.#intents.moveSuggestion(key === "ArrowUp" ? -1 : 1);
    else if (key === "Enter" || key === "Tab") this.#intents.acceptSuggestion(suggesting.active);
    else return false;
    return true;
  }
}
