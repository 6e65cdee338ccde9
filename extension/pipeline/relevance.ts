/** Whether a unit has anything to do with a question: "nothing" is an answer, too. */
import type { RankedUnit } from "../protocol/units.ts";
import { parseQuestion } from "./question.ts";
import { stemWord } from "./stem.ts";
import { splitWords } from "./words.ts";

/** Reasons that make a unit relevant also where it shares no word with the question. */
export const tellingReasons = { definition: "defines `{0}`", closeness: "meaning is close ({0})" } as const;
const telling: ReadonlySet<string> = new Set(Object.values(tellingReasons));

/** True for units that share a word with the question, define what it names, or are close to its meaning. */
export function relevanceTo(question: string): (ranked: RankedUnit) => boolean {
  const stems = questionStems(question);
  return ({ unit, reasons }) => {
    if (reasons.some(({ text }) => telling.has(text))) return true;
    const words = splitWords(`${unit.path} ${unit.qualifiedName} ${unit.doc} ${unit.text}`);
    return words.some((word) => stems.has(stemWord(word)));
  };
}

/** The stems of the question's words. */
export function questionStems(question: string): ReadonlySet<string> {
  return new Set(parseQuestion(question).words.map(stemWord));
}
