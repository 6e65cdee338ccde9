import { t } from "@vscode/l10n";
import type { CitationView, FailureAction, FailureView, TurnView } from "../extension/protocol/view.ts";
import { AnswerText } from "./answerText.ts";
import { citationChips, linkCitations } from "./citations.ts";
import type { OpenCitation } from "./citations.ts";
import type { CodeIntents } from "./codeBlocks.ts";
import { button, codicon, element } from "./dom.ts";
import { actionLabel } from "./texts.ts";

export interface TurnIntents extends CodeIntents {
  readonly openCitation: OpenCitation;
  readonly act: (action: FailureAction, turn: TurnView | null) => void;
  /** Asks the same in its place. */
  readonly retry: (turn: TurnView) => void;
  readonly edit: (turn: TurnView) => void;
}

/** A question with its answer, which `update` shows. Only what changed since the last update is rendered again. */
export class TurnElement {
  readonly node: HTMLElement;
  readonly #intents: TurnIntents;
  readonly #answer = element("div", { class: "answer" });
  readonly #text: AnswerText;
  readonly #below = element("div", { class: "below" });
  #shown: TurnView | null = null;
  #found: readonly CitationView[] = [];

  constructor({ question }: Pick<TurnView, "question">, intents: TurnIntents) {
    this.#intents = intents;
    this.#text = new AnswerText(this.#answer, intents);
    this.node = element(
      "article",
      { class: "turn", label: question },
      element("h2", { class: "question", text: question }),
      this.#answer,
      this.#below,
    );
  }

  update(turn: TurnView): void {
    const before = this.#shown;
    if (turn === before) return;
    this.#shown = turn;
    const isFinished = turn.phase === "done";
    const isFinishedNow = isFinished && before?.phase !== "done";
    if (isFinishedNow || turn.text !== (before?.text ?? "")) this.#text.show(turn.text, { isFinished });
    this.node.classList.toggle("writing", turn.phase === "writing");
    if (isFinishedNow) {
      linkCitations(this.#answer, turn.citations, this.#intents.openCitation);
      this.#renderBelow(turn);
    } else if (!isFinished) this.#renderFound(turn);
  }

  /** What was found so far takes the answer's place until there is one. */
  #renderFound({ found, text }: TurnView): void {
    const shown = text === "" ? found : [];
    if (sameCitations(shown, this.#found)) return;
    this.#found = shown;
    this.#below.replaceChildren(
      ...(shown.length === 0 ? [] : [citationChips(shown, this.#intents.openCitation, t("Found so far"))]),
    );
  }

  /** Everything that is known only when the answer is finished. */
  #renderBelow(turn: TurnView): void {
    const { failure, stopReason, text, source, citations } = turn;
    const parts: Node[] = [];
    if (stopReason === "cancelled") parts.push(element("p", { class: "stopped", text: t("Stopped.") }));
    if (stopReason === "length") {
      parts.push(element("p", { class: "stopped", text: t("The answer reached its token limit.") }));
    }
    if (failure !== null) {
      if (text !== "") parts.push(element("p", { class: "stopped", text: t("This answer is incomplete.") }));
      parts.push(
        failureBox(failure, (action) => {
          this.#intents.act(action, turn);
        }),
      );
    }
    if (citations.length > 0) parts.push(citationChips(citations, this.#intents.openCitation, t("Citations")));
    if (source === "extractive" && failure === null && turn.command !== "find") parts.push(this.#extractiveNote(turn));
    parts.push(this.#foot(turn));
    this.#below.replaceChildren(...parts);
  }

  #extractiveNote(turn: TurnView): HTMLElement {
    return element(
      "div",
      { class: "note" },
      button({
        class: "secondary",
        text: t("Choose a model to get written answers"),
        onClick: () => {
          this.#intents.act("chooseModel", turn);
        },
      }),
    );
  }

  #foot(turn: TurnView): HTMLElement {
    const tools = [
      iconButton("edit", t("Edit the question"), () => {
        this.#intents.edit(turn);
      }),
      iconButton("refresh", t("Answer again"), () => {
        this.#intents.retry(turn);
      }),
    ];
    if (turn.text !== "") {
      tools.unshift(
        iconButton("copy", t("Copy the answer"), () => {
          this.#intents.copy(turn.text);
        }),
      );
    }
    const foot = element("div", { class: "turnFoot" });
    if (turn.figures !== "") foot.append(element("span", { class: "figures", text: turn.figures }));
    foot.append(element("div", { class: "tools" }, ...tools));
    return foot;
  }
}

/** What went wrong and the one thing to do about it. */
export function failureBox(failure: FailureView, act: (action: FailureAction) => void): HTMLElement {
  const { action, detail, sentence } = failure;
  const box = element("div", { class: "failure" }, codicon("error"), element("p", { text: sentence }));
  if (detail !== "") {
    box.append(element("details", {}, element("summary", { text: t("Details") }), element("pre", { text: detail })));
  }
  if (action !== "none") {
    box.append(
      button({
        class: "secondary",
        text: actionLabel(action),
        onClick: () => {
          act(action);
        },
      }),
    );
  }
  return box;
}

function iconButton(icon: string, label: string, onClick: () => void): HTMLButtonElement {
  return button({ class: "icon", icon, label, title: label, onClick });
}

/** Every update brings new objects; the chips are kept, and the focus on them, where they say the same. */
function sameCitations(some: readonly CitationView[], others: readonly CitationView[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}
