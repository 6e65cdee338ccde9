import { t } from "@vscode/l10n";
import type { HistoryEntry } from "../extension/protocol/view.ts";
import { button, element } from "./dom.ts";
import { dateText } from "./l10n.ts";

export interface HistoryIntents {
  readonly openConversation: (id: string) => void;
  readonly deleteConversation: (id: string) => void;
  readonly newConversation: () => void;
  readonly showHistory: (isOpen: boolean) => void;
}

/** The list of the workspace's conversations, in place of the answers while it is open. */
export class HistoryPanel {
  readonly node = element("section", { class: "history", label: t("Conversations") });
  readonly #intents: HistoryIntents;
  readonly #list = element("div", { class: "historyList" });
  readonly #close: HTMLButtonElement;
  #shown: readonly HistoryEntry[] | null = null;

  constructor(intents: HistoryIntents) {
    this.#intents = intents;
    this.#close = button({
      class: "icon",
      icon: "close",
      label: t("Back to the conversation"),
      title: t("Back to the conversation"),
      onClick: () => {
        intents.showHistory(false);
      },
    });
    this.node.hidden = true;
    this.node.append(
      element(
        "div",
        { class: "historyHead" },
        element("h2", { text: t("Conversations") }),
        button({
          class: "icon",
          icon: "add",
          label: t("New conversation"),
          title: t("New conversation"),
          onClick: () => {
            intents.newConversation();
            intents.showHistory(false);
          },
        }),
        this.#close,
      ),
      this.#list,
    );
  }

  /** Moves the focus into the list when it opens. */
  render(entries: readonly HistoryEntry[], isOpen: boolean): void {
    const opens = isOpen && this.node.hidden;
    this.node.hidden = !isOpen;
    if (isOpen && entries !== this.#shown) {
      const focused = document.activeElement;
      const hadFocus = this.#list.contains(focused) || (this.#shown?.length === 0 && focused === this.#close);
      this.#shown = entries;
      this.#list.replaceChildren(
        ...(entries.length === 0
          ? [element("p", { class: "empty", text: t("There are no conversations yet.") })]
          : [conversationList(entries, this.#intents)]),
      );
      // What had the focus is gone, or had it only because there was nothing better.
      if (hadFocus) this.#focusFirst();
    }
    if (opens) this.#focusFirst();
  }

  #focusFirst(): void {
    (this.#list.querySelector("button") ?? this.#close).focus();
  }
}

/** One row per conversation: a button that opens it, and one that deletes it. */
function conversationList(entries: readonly HistoryEntry[], intents: HistoryIntents): HTMLElement {
  return element("ul", {}, ...entries.map((entry) => conversationRow(entry, intents)));
}

function conversationRow(entry: HistoryEntry, intents: HistoryIntents): HTMLElement {
  const { id, title, isOpen } = entry;
  const open = openButton(entry, intents);
  if (isOpen) open.setAttribute("aria-current", "true");
  const remove = button({
    class: "icon",
    icon: "trash",
    label: t("Delete the conversation {0}", title),
    title: t("Delete"),
    onClick: () => {
      intents.deleteConversation(id);
    },
  });
  return element("li", {}, open, remove);
}

/** Title, and when and how much was asked. */
export function openButton(
  { id, title, updatedMs, questions }: HistoryEntry,
  { openConversation }: Pick<HistoryIntents, "openConversation">,
): HTMLButtonElement {
  const count = questions === 1 ? t("1 question") : t("{0} questions", questions);
  const open = button({
    class: "conversation",
    onClick: () => {
      openConversation(id);
    },
  });
  open.append(
    element("span", { class: "conversationTitle", text: title }),
    element("span", { class: "conversationDate", text: `${dateText(updatedMs)} · ${count}` }),
  );
  return open;
}
