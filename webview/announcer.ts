import { t } from "@vscode/l10n";
import { element } from "./dom.ts";
import { number } from "./l10n.ts";
import { isAnswering } from "./state.ts";
import type { AskModel } from "./state.ts";
import { phaseLine } from "./texts.ts";

/**
 * Says to screen readers what changes, once: the phases of an answer, not its words and figures; how many suggestions
 * there are; and what became of an intent.
 */
export class Announcer {
  readonly node = element("p", { class: "unseen", role: "status" });
  #before: AskModel | null = null;

  render(model: AskModel): void {
    const sentence = sentenceOf(this.#before, model);
    this.#before = model;
    if (sentence !== "") this.node.textContent = sentence;
  }
}

function sentenceOf(before: AskModel | null, model: AskModel): string {
  if (before === null) return "";
  if (model.told.number !== before.told.number) return model.told.sentence;
  const line = phaseLine(model);
  if (line !== "" && line !== phaseLine(before)) return line;
  // A question that is refused may be over before its turn was seen open.
  const wasAsked = isAnswering(before) || before.pending === "ask";
  if (wasAsked && model.pending === "none" && !isAnswering(model)) return endOf(model);
  const items = model.suggesting?.items;
  if (items !== undefined && items.length > 0 && items !== before.suggesting?.items) {
    return items.length === 1 ? t("1 suggestion") : t("{0} suggestions", number(items.length));
  }
  return "";
}

function endOf({ snapshot }: AskModel): string {
  const turn = snapshot?.turns.at(-1);
  if (turn === undefined) return "";
  if (turn.failure !== null) return turn.failure.sentence;
  if (turn.stopReason === "cancelled") return t("Stopped.");
  const citations = turn.citations.length;
  return citations === 0
    ? t("The answer is complete.")
    : t("The answer is complete, with {0} citations.", number(citations));
}
