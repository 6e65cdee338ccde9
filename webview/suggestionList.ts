import { element } from "./dom.ts";
import type { Suggesting } from "./state.ts";
import type { Suggestion } from "./suggestions.ts";
import { commandHint, mentionHint } from "./texts.ts";

const listId = "suggestions";

/** The list of suggestions above the question box: a combobox's listbox while there is something in it. */
export class SuggestionList {
  readonly node = element("ul", { class: "suggestions", id: listId, role: "listbox" });
  readonly #box: HTMLTextAreaElement;
  readonly #accept: (index: number) => void;
  #items: readonly Suggestion[] = [];

  constructor(box: HTMLTextAreaElement, accept: (index: number) => void) {
    this.#box = box;
    this.#accept = accept;
    this.node.hidden = true;
    this.node.setAttribute("aria-labelledby", "question");
    box.setAttribute("aria-autocomplete", "list");
    // The box keeps the focus, else the list would close before it is clicked.
    this.node.addEventListener("mousedown", (event) => {
      event.preventDefault();
    });
  }

  render(suggesting: Suggesting | null): void {
    const items = suggesting?.items ?? [];
    if (items !== this.#items) {
      this.#items = items;
      this.node.replaceChildren(...items.map((item, index) => this.#option(item, index)));
    }
    const isOpen = items.length > 0;
    this.node.hidden = !isOpen;
    this.#tellBox(isOpen);
    if (suggesting === null || !isOpen) return;
    for (const [index, option] of [...this.node.children].entries()) {
      option.setAttribute("aria-selected", String(index === suggesting.active));
    }
    const active = this.node.children[suggesting.active];
    if (active === undefined) return;
    this.#box.setAttribute("aria-activedescendant", active.id);
    active.scrollIntoView({ block: "nearest" });
  }

  /** A text box of many lines is a combobox only while it has a list. */
  #tellBox(isOpen: boolean): void {
    if (isOpen) {
      this.#box.setAttribute("role", "combobox");
      this.#box.setAttribute("aria-expanded", "true");
      this.#box.setAttribute("aria-controls", listId);
      this.#box.setAttribute("aria-haspopup", "listbox");
      return;
    }
    for (const name of ["role", "aria-expanded", "aria-controls", "aria-haspopup", "aria-activedescendant"]) {
      this.#box.removeAttribute(name);
    }
  }

  #option(item: Suggestion, index: number): HTMLElement {
    const option = element(
      "li",
      { id: `suggestion-${index}`, role: "option" },
      element("span", { class: "suggestionName", text: nameOf(item) }),
      element("span", { class: "suggestionDetail", text: detailOf(item) }),
    );
    option.addEventListener("click", () => {
      this.#accept(index);
    });
    return option;
  }
}

function nameOf(item: Suggestion): string {
  switch (item.kind) {
    case "command":
      return `/${item.name}`;
    case "mentionKind":
      return `#${item.name}`;
    case "file":
    case "symbol":
      return item.name;
  }
}

function detailOf(item: Suggestion): string {
  switch (item.kind) {
    case "command":
      return commandHint(item.name);
    case "mentionKind":
      return mentionHint(item.name);
    case "file":
    case "symbol":
      return item.detail;
  }
}
