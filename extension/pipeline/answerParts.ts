/** An earlier answer in parts, and what each is worth to the question that is asked now. */
import { findCitations } from "./cite.ts";
import { stemWord } from "./stem.ts";
import { splitWords } from "./words.ts";

/** A sentence, a list item or a fenced block. */
export interface AnswerPart {
  readonly text: string;
  /** What stands between the part before and this one. */
  readonly before: string;
}

/** More parts are not looked at: what is behind them counts as one. */
const partsMax = 200;

/** What a part is worth besides the words that it shares with the question, each of which is worth its rarity, 0…1. */
const partValues = { first: 1.5, citation: 1 } as const;

/** The parts, in order: their texts and what is before each, joined, are the answer. */
export function answerParts(answer: string): AnswerPart[] {
  const parts: AnswerPart[] = [];
  let at = 0;
  for (const end of partEnds(answer)) {
    const between = /^\s*/.exec(answer.slice(at, end))?.[0] ?? "";
    const text = answer.slice(at + between.length, end);
    at = end;
    if (text !== "") parts.push({ text, before: parts.length === 0 ? "" : between });
  }
  return parts;
}

/**
 * For each answer, what each of its parts is worth: 0 where it is neither the first one, nor names a place, nor shares a
 * word with the question. A word that most parts have says little.
 */
export function partValuesOf(
  answers: readonly (readonly AnswerPart[])[],
  questionStems: ReadonlySet<string>,
): number[][] {
  const sharedBy = ({ text }: AnswerPart): ReadonlySet<string> =>
    new Set(
      splitWords(text)
        .map(stemWord)
        .filter((stem) => questionStems.has(stem)),
    );
  const shared = answers.map((parts) => parts.map(sharedBy));
  const total = answers.flat().length;
  const having = new Map<string, number>();
  for (const stem of shared.flat().flatMap((stems) => [...stems])) having.set(stem, (having.get(stem) ?? 0) + 1);
  const rarity = (stem: string): number => Math.log((total + 1) / ((having.get(stem) ?? 0) + 1)) / Math.log(total + 2);
  return answers.map((parts, answer) =>
    parts.map((part, at) => {
      const words = [...(shared[answer]?.[at] ?? [])].reduce((sum, stem) => sum + rarity(stem), 0);
      const citation = findCitations(part.text, () => null).length > 0 ? partValues.citation : 0;
      return words + citation + (at === 0 ? partValues.first : 0);
    }),
  );
}

/** Ends of the parts, ascending, the answer's own end last. Blanks behind a part belong to the next one. */
function partEnds(answer: string): number[] {
  const ends: number[] = [];
  let at = 0;
  let fence = "";
  for (const line of answer.split("\n")) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    const lineEnd = at + line.length;
    if (fence !== "") {
      if (mark.startsWith(fence)) {
        fence = "";
        ends.push(lineEnd);
      }
    } else if (mark !== "") {
      fence = mark;
    } else if (line.trim() !== "") {
      for (const { index, 0: stop } of line.matchAll(/[.!?:](?=\s+\S)/g)) ends.push(at + index + stop.length);
      ends.push(lineEnd);
    }
    at = lineEnd + 1;
  }
  return [...ends.slice(0, partsMax - 1).filter((end) => end < answer.length), answer.length];
}
