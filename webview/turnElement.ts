import type { CitationView, FailureAction, FailureView, TurnView } from "../extension/protocol/view.ts";
import { citationChips, linkCitations } from "./citations.ts";
import type { OpenCitation } from "./citations.ts";
import { button, codicon, element } from "./dom.ts";
import { renderMarkdown } from "./markdown.ts";

export interface TurnIntents {
  readonly openCitation: OpenCitation;
  readonly act: (action: FailureAction, turn: TurnView | null) => void;
}

const actionLabels: Readonly<Record<FailureAction, string>> = {
  none: "",
  askAgain: "Ask again",
  chooseModel: "Choose a model",
  openFolder: "Open a folder",
  openSettings: "Open settings",
  reloadWindow: "Reload the window",
  restartEngine: "Restart the engine",
  showLog: "Show the log",
};

/** A question with its answer. Only what changed since the last update is rendered again. */
export class TurnElement {
  readonly node: HTMLElement;
  readonly #intents: TurnIntents;
  readonly #answer = element("div", { class: "answer" });
  readonly #below = element("div", { class: "below" });
  #shown: TurnView | null = null;
  #found: readonly CitationView[] = [];

  constructor(turn: TurnView, intents: TurnIntents) {
    this.#intents = intents;
    this.node = element(
      "article",
      { class: "turn", label: turn.question },
      element("h2", { class: "question", text: turn.question }),
      this.#answer,
      this.#below,
    );
    this.update(turn);
  }

  update(turn: TurnView): void {
    const before = this.#shown;
    this.#shown = turn;
    const finished = turn.phase === "done";
    const finishedNow = finished && before?.phase !== "done";
    if (turn.text !== (before?.text ?? "") || finishedNow) this.#renderAnswer(turn);
    this.node.classList.toggle("writing", turn.phase === "writing");
    if (finishedNow) this.#renderBelow(turn);
    else if (!finished) this.#renderFound(turn);
  }

  /** What was found so far takes the answer's place until there is one. */
  #renderFound({ found, text }: TurnView): void {
    const shown = text === "" ? found : [];
    if (sameCitations(shown, this.#found)) return;
    this.#found = shown;
    this.#below.replaceChildren(
      ...(shown.length === 0 ? [] : [citationChips(shown, this.#intents.openCitation, "Found so far")]),
    );
  }

  #renderAnswer(turn: TurnView): void {
    const content = renderMarkdown(turn.text);
    linkCitations(content, turn.citations, this.#intents.openCitation);
    this.#answer.replaceChildren(content);
  }

  /** Everything that is known only when the answer is finished. */
  #renderBelow(turn: TurnView): void {
    const parts: Node[] = [];
    if (turn.stopReason === "cancelled") parts.push(element("p", { class: "stopped", text: "Stopped." }));
    if (turn.stopReason === "length") {
      parts.push(element("p", { class: "stopped", text: "The answer reached its token limit." }));
    }
    if (turn.failure !== null)
      parts.push(
        failureBox(turn.failure, (action) => {
          this.#intents.act(action, turn);
        }),
      );
    if (turn.citations.length > 0) parts.push(citationChips(turn.citations, this.#intents.openCitation));
    if (turn.source === "extractive" && turn.failure === null) parts.push(this.#extractiveNote(turn));
    if (turn.figures !== "") parts.push(this.#figures(turn));
    this.#below.replaceChildren(...parts);
  }

  #extractiveNote(turn: TurnView): HTMLElement {
    return element(
      "div",
      { class: "note" },
      button({
        class: "secondary",
        text: "Choose a model to get written answers",
        onClick: () => {
          this.#intents.act("chooseModel", turn);
        },
      }),
    );
  }

  #figures(turn: TurnView): HTMLElement {
    const copy = button({
      class: "icon",
      icon: "copy",
      label: "Copy the answer",
      title: "Copy the answer",
      onClick: () => {
        void navigator.clipboard.writeText(turn.text);
      },
    });
    return element("div", { class: "figures" }, element("span", { text: turn.figures }), copy);
  }
}

/** What went wrong and the one thing to do about it. */
export function failureBox(failure: FailureView, act: (action: FailureAction) => void): HTMLElement {
  const box = element(
    "div",
    { class: "failure", role: "alert" },
    codicon("error"),
    element("p", { text: failure.sentence }),
  );
  if (failure.detail !== "") {
    box.append(
      element("details", {}, element("summary", { text: "Details" }), element("pre", { text: failure.detail })),
    );
  }
  if (failure.action !== "none") {
    box.append(
      button({
        class: "secondary",
        text: actionLabels[failure.action],
        onClick: () => {
          act(failure.action);
        },
      }),
    );
  }
  return box;
}

/** Every update brings new objects; the chips are kept, and the focus on them, where they say the same. */
function sameCitations(some: readonly CitationView[], others: readonly CitationView[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}
