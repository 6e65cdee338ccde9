import { canSend, isAnswering, progressLine, progressShare } from "./state.ts";
import type { AskModel } from "./state.ts";
import type { FailureAction, TurnView } from "../extension/protocol/view.ts";
import { button, codicon, element } from "./dom.ts";
import { failureBox, TurnElement } from "./turnElement.ts";
import type { TurnIntents } from "./turnElement.ts";

export interface AskIntents extends TurnIntents {
  readonly draftChanged: (draft: string) => void;
  readonly send: () => void;
  readonly stop: () => void;
  readonly recall: (direction: "older" | "newer") => void;
}

/** A reader who has scrolled further than this away from where the answer was shown is left alone. */
const followWithinPx = 48;

/** The Ask view's elements. Made once; `render` brings them up to date with a model. */
export class AskPage {
  readonly #intents: AskIntents;
  readonly #scroll = element("div", { class: "scroll" });
  readonly #log = element("div", { class: "log", role: "log", label: "Answers" });
  readonly #welcome = element("div", { class: "welcome" });
  readonly #notice = element("div", { class: "notice" });
  readonly #status = element("p", { class: "status", role: "status" });
  readonly #bar = element("div", { class: "bar" });
  readonly #barDone = element("div", { class: "done" });
  readonly #box = element("textarea", { class: "box", id: "question", label: "Question" });
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #turns = new Map<string, TurnElement>();
  #noticeShown = "";

  constructor(root: HTMLElement, intents: AskIntents) {
    this.#intents = intents;
    this.#log.setAttribute("aria-live", "polite");
    this.#bar.setAttribute("aria-hidden", "true");
    this.#bar.append(this.#barDone);
    this.#send = button({
      class: "icon send",
      icon: "send",
      label: "Ask",
      title: "Ask (Enter)",
      onClick: intents.send,
    });
    this.#stop = button({
      class: "icon stop",
      icon: "debug-stop",
      label: "Stop",
      title: "Stop (Escape)",
      onClick: intents.stop,
    });
    this.#prepareBox();
    this.#scroll.append(this.#welcome, this.#log);
    root.append(
      this.#scroll,
      element(
        "div",
        { class: "foot" },
        this.#notice,
        this.#bar,
        this.#status,
        element("div", { class: "composer" }, this.#box, this.#send, this.#stop),
      ),
    );
  }

  focusQuestion(): void {
    this.#box.focus();
  }

  render(model: AskModel): void {
    const isFollowing = Math.abs(this.#scroll.scrollTop - this.#readingPosition()) < followWithinPx;
    const turnsBefore = this.#turns.size;
    const answering = isAnswering(model);
    this.#renderTurns(model.snapshot?.turns ?? []);
    this.#log.setAttribute("aria-busy", String(answering));
    this.#renderWelcome(model);
    this.#renderNotice(model);
    this.#renderProgress(model, answering);

    // Before the host has answered, a question would have nowhere to go.
    this.#box.disabled = (model.snapshot?.folder ?? null) === null;
    if (this.#box.value !== model.draft) {
      this.#box.value = model.draft;
    }
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
    this.#send.hidden = answering;
    this.#send.disabled = !canSend(model);
    this.#stop.hidden = !answering;
    this.#stop.disabled = model.pending === "stop";
    if (isFollowing || this.#turns.size !== turnsBefore) this.#scroll.scrollTop = this.#readingPosition();
  }

  /** The end of the log, but never so far down that the last question is out of sight: answers are read from the top. */
  #readingPosition(): number {
    const end = this.#scroll.scrollHeight - this.#scroll.clientHeight;
    const last = this.#log.lastElementChild;
    return last instanceof HTMLElement ? Math.min(end, last.offsetTop - this.#scroll.offsetTop) : end;
  }

  #prepareBox(): void {
    this.#box.rows = 2;
    this.#box.placeholder = "Ask about this folder";
    this.#box.addEventListener("input", () => {
      this.#intents.draftChanged(this.#box.value);
    });
    this.#box.addEventListener("keydown", (event) => {
      // While an input method composes a word, Enter and the arrows belong to it.
      if (event.isComposing) return;
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.#intents.send();
      } else if (event.key === "ArrowUp" && this.#box.selectionEnd === 0) {
        event.preventDefault();
        this.#intents.recall("older");
      } else if (event.key === "ArrowDown" && this.#box.selectionStart === this.#box.value.length) {
        event.preventDefault();
        this.#intents.recall("newer");
      }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#intents.stop();
    });
  }

  #renderTurns(turns: readonly TurnView[]): void {
    const known = new Set(turns.map((turn) => turn.askId));
    for (const [askId, shown] of this.#turns) {
      if (known.has(askId)) continue;
      shown.node.remove();
      this.#turns.delete(askId);
    }
    for (const turn of turns) {
      const shown = this.#turns.get(turn.askId);
      if (shown === undefined) {
        const added = new TurnElement(turn, this.#intents);
        this.#turns.set(turn.askId, added);
        this.#log.append(added.node);
      } else {
        shown.update(turn);
      }
    }
  }

  #renderWelcome({ snapshot }: AskModel): void {
    this.#welcome.hidden = snapshot === null || snapshot.turns.length > 0;
    if (this.#welcome.hidden || snapshot === null) return;
    if (snapshot.folder === null) {
      this.#welcome.replaceChildren(
        codicon("folder"),
        element("p", { text: "Open a folder to ask questions about its code." }),
        button({
          class: "primary",
          text: "Open a folder",
          onClick: () => {
            this.#act("openFolder");
          },
        }),
      );
      return;
    }
    this.#welcome.replaceChildren(
      codicon("comment-discussion"),
      element("p", { class: "title", text: `Ask about ${snapshot.folder}` }),
      element("p", { text: "Nothing leaves this machine. Answers name the files and lines they come from." }),
    );
  }

  #renderNotice({ snapshot }: AskModel): void {
    const notice = snapshot?.notice ?? null;
    const shown = JSON.stringify(notice);
    // An alert that is made again is read out again.
    if (shown === this.#noticeShown) return;
    this.#noticeShown = shown;
    this.#notice.replaceChildren(
      ...(notice === null
        ? []
        : [
            failureBox(notice, (action) => {
              this.#act(action);
            }),
          ]),
    );
  }

  #renderProgress(model: AskModel, answering: boolean): void {
    const line = progressLine(model);
    if (this.#status.textContent !== line) this.#status.textContent = line;
    this.#bar.classList.toggle("active", answering);
    const share = progressShare(model);
    this.#bar.classList.toggle("unknown", share === null);
    this.#barDone.style.width = share === null ? "" : `${Math.round(share * 100)}%`;
  }

  #act(action: FailureAction): void {
    this.#intents.act(action, null);
  }
}
