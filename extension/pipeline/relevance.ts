/** Whether a unit has anything to do with a question: "nothing" is an answer, too. */
import type { RankedUnit } from "../protocol/units.ts";
import { parseQuestion } from "./question.ts";
import { stemWord } from "./stem.ts";
import { splitWords } from "./words.ts";

/** Said where nothing is relevant. */
export const nothingRelevant = "Nothing in the indexed code matches this question.";

/** True for units that share a word with the question, define what it names, or are close to its meaning. */
export function relevanceTo(question: string): (ranked: RankedUnit) => boolean {
  const stems = questionStems(question);
  return ({ unit, reasons }) => {
    if (reasons.some((reason) => reason.startsWith("meaning is close") || reason.startsWith("defines "))) return true;
    const words = splitWords(`${unit.path} ${unit.qualifiedName} ${unit.doc} ${unit.text}`);
    return words.some((word) => stems.has(stemWord(word)));
  };
}

/** The stems of the question's words. */
export function questionStems(question: string): ReadonlySet<string> {
  return new Set(parseQuestion(question).words.map(stemWord));
}
