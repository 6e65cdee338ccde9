/** One-line completions: a line of a function is taken out, and the model writes it again. */
import type { ParsedFile } from "../../extension/protocol/units.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import { joined, type CodeModel } from "./codeModel.ts";
import type { HeldOutFile } from "./corpus.ts";
import { isFunction } from "./sourceFiles.ts";

export interface CompletionCase {
  readonly repository: string;
  readonly language: string;
  readonly path: string;
  /** Everything before the line. */
  readonly before: string;
  /** The line without its line end. */
  readonly line: string;
  /** Everything after it, its line end first. */
  readonly after: string;
}

export interface CompletionResult {
  readonly language: string;
  readonly exact: boolean;
  /** 1: the same line, 0: nothing in common. */
  readonly similarity: number;
}

export interface CompletionMeans {
  readonly cases: number;
  readonly exactMatch: number;
  readonly editSimilarity: number;
}

/** What stands around a hole in training has this length together. */
const fillInCharacters = { before: 1000, after: 500 } as const;
/** Tokens of file text in front of the line, without fill-in-the-middle. */
const prefixTokensMax = 1500;
const lineTokensMax = 80;
/** Shorter lines are brackets and `end`. */
const lineCharactersMin = 4;
const lineCharactersMax = 160;
/** Nobody could say what a comment goes on with. */
const comment = /^(?:\/\/|\/\*|\*|#\s|--\s|"""|''')/;

/**
 * Lines of functions, not their first ones, that have a letter, are no comments, and neither short nor very long; at
 * most `count`, of as many different files as possible, in random order.
 */
export function completionCases(
  files: readonly HeldOutFile[],
  parsed: readonly ParsedFile[],
  count: number,
): CompletionCase[] {
  const random = new SeededRandom("completions");
  const texts = new Map(files.map((file) => [file.path, file]));
  const queues = random
    .shuffled(parsed)
    .map(({ path, units }) => ({ path, units: random.shuffled(units.filter(isFunction)) }));
  const cases: CompletionCase[] = [];
  for (let round = 0; cases.length < count && queues.some(({ units }) => units.length > round); round += 1) {
    for (const { path, units } of queues) {
      const unit = units[round];
      const file = texts.get(path);
      if (unit === undefined || file === undefined || cases.length === count) continue;
      const lines = file.text.split("\n");
      const rows = Array.from({ length: unit.endLine - unit.startLine }, (_, at) => unit.startLine + at);
      const row = random.pick(rows.filter((candidate) => isWorthwhile(lines[candidate] ?? "")));
      if (row !== undefined) cases.push(caseAt(file, lines, row));
    }
  }
  return cases;
}

/** As after some typing: what stands of the line up to a random place belongs to what was there before. */
export function typedInto(found: CompletionCase): CompletionCase {
  const { before, line } = found;
  const indent = line.length - line.trimStart().length;
  const random = new SeededRandom(`${found.repository}/${found.path}:${before.length}`);
  const typed = random.between(indent + 1, line.length - 1);
  return { ...found, before: before + line.slice(0, typed), line: line.slice(typed) };
}

/** With the rest of the file, where the model can fill in; null where it cannot. */
export async function fillInLine(model: CodeModel, { path, before, line, after, language }: CompletionCase) {
  const [head, tail] = [lastLines(before, fillInCharacters.before), firstLines(after, fillInCharacters.after)];
  const prompt = model.fillInPrompt(path, head, tail);
  return prompt === null ? null : compared(language, line, await model.writeLine(prompt, lineTokensMax));
}

/** Only with what stands before it. */
export async function continueLine(model: CodeModel, { path, before, line, language }: CompletionCase) {
  const prompt = joined([model.header(path), model.tokenize(before).slice(-prefixTokensMax)]);
  return compared(language, line, await model.writeLine(prompt, lineTokensMax));
}

export function completionMeans(results: readonly CompletionResult[]): CompletionMeans {
  const share = (value: (result: CompletionResult) => number) =>
    results.reduce((sum, result) => sum + value(result), 0) / Math.max(1, results.length);
  return {
    cases: results.length,
    exactMatch: share(({ exact }) => Number(exact)),
    editSimilarity: share(({ similarity }) => similarity),
  };
}

/** 1 less Levenshtein's distance over the longer length; white space around does not count. */
export function editSimilarity(a: string, b: string): number {
  const [left, right] = [a.trim(), b.trim()];
  const longer = Math.max(left.length, right.length);
  if (longer === 0) return 1;
  let previous = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return 1 - (previous[right.length] ?? 0) / longer;
}

/** Whole lines from the end, at most so many characters. */
export function lastLines(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const cut = text.slice(-characters);
  return cut.slice(cut.indexOf("\n") + 1);
}

/** Whole lines from the beginning, at most so many characters, but the first one in any case as far as that goes. */
export function firstLines(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const cut = text.slice(0, characters);
  const end = cut.lastIndexOf("\n");
  return end <= 0 ? cut : cut.slice(0, end + 1);
}

function compared(language: string, line: string, written: string): CompletionResult {
  return { language, exact: written.trim() === line.trim(), similarity: editSimilarity(written, line) };
}

function isWorthwhile(line: string): boolean {
  const text = line.trim();
  if (text.length < lineCharactersMin || text.length > lineCharactersMax || comment.test(text)) return false;
  return /\p{L}/u.test(text);
}

function caseAt(file: HeldOutFile, lines: readonly string[], row: number): CompletionCase {
  const { repository, language, path } = file;
  const line = lines[row] ?? "";
  const before = lines
    .slice(0, row)
    .map((each) => `${each}\n`)
    .join("");
  return { repository, language, path, before, line, after: file.text.slice(before.length + line.length) };
}
