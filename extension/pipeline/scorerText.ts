/**
 * The word stream that the embedded scorers were trained on: identifiers split, lower case, punctuation gone, the same
 * for code and questions. It is not `splitWords`: a scorer only knows what its training text looked like, so this one
 * changes only together with models/scorer.
 */
import type { Unit } from "../protocol/units.ts";

/** Tokens that the likelihood model has seen before the separator: path and name. */
export const headTokensMax = 24;
/** Tokens from the head to the end of the body, separator included: the model was trained at this length. */
export const prefixTokensMax = 150;
/** Tokens of the question; what is longer is cut. */
export const questionTokensMax = 32;

/** Longer letter runs are data, not words. */
const wordLettersMax = 24;
const pathFoldersMax = 4;
const pathWordsMax = 8;
const nameWordsMax = 6;
const docWordsMax = 40;
const bodyWordsMax = 200;
const questionWordsMax = 64;
const wordPattern = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g;

/** The words of a unit as the likelihood model reads them; the caller puts its separator token between the two. */
export interface UnitWords {
  /** Path and name, at most 14 words. */
  readonly head: readonly string[];
  /** Documentation, then code without documentation, at most 200 words. */
  readonly body: readonly string[];
}

export function unitPrefixWords(unit: Unit): UnitWords {
  const body = [...streamWords(unit.doc, docWordsMax), ...streamWords(codeWithoutDoc(unit), bodyWordsMax)];
  return {
    head: [
      ...streamWords(scorerPath(unit)).slice(-pathWordsMax),
      ...streamWords(scorerName(unit)).slice(-nameWordsMax),
    ],
    body: body.slice(0, bodyWordsMax),
  };
}

export function questionWords(question: string): string[] {
  return streamWords(question, questionWordsMax);
}

/** Words as text: each with a blank before it, which is how the tokenizer was trained. */
export function streamText(words: readonly string[]): string {
  return words.length === 0 ? "" : ` ${words.join(" ")}`;
}

/** At most `limit` words of a text, from its beginning. */
export function streamWords(text: string, limit = Number.POSITIVE_INFINITY): string[] {
  const words: string[] = [];
  wordPattern.lastIndex = 0;
  for (let match = wordPattern.exec(text); match !== null && words.length < limit; match = wordPattern.exec(text)) {
    if (match[0].length <= wordLettersMax) words.push(match[0].toLowerCase());
  }
  return words;
}

/** The last folders and the file name: what is above them says little about one unit. */
export function scorerPath(unit: Pick<Unit, "path">): string {
  return unit.path.split("/").slice(-pathFoldersMax).join("/");
}

/** The qualified name; nothing for units that are only named after their file. */
export function scorerName(unit: Unit): string {
  return unit.kind === "header" || unit.kind === "file" ? "" : unit.qualifiedName;
}

/** A unit's code without the comment before it or the docstring at its beginning: the scorers get those as `doc`. */
export function codeWithoutDoc(unit: Unit): string {
  if (unit.doc === "" || unit.signature === "") return unit.text;
  const firstLine = unit.signature.split("\n", 1)[0] ?? "";
  const start = firstLine.trim() === "" ? -1 : unit.text.indexOf(firstLine.trim());
  const code = start > 0 ? unit.text.slice(start) : unit.text;
  if (unit.language !== "python") return code;
  // A docstring is the first string after the header's colon; other triple quotes belong to the code.
  return code.replace(/(:[^\n"']*\n\s*)[rRuUbB]{0,2}("""[\s\S]*?"""|'''[\s\S]*?''')/, "$1");
}
