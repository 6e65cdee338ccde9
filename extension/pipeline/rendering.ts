/** How units look in a prompt or an answer: a header with path and lines, a fence, and marks where lines are left out. */
import type { Unit } from "../protocol/units.ts";
import { signatureLinesMax } from "./parse.ts";
import { scanLines } from "./pruneScan.ts";
import { withMarks } from "./renderingMarks.ts";

/** A comment before the declaration is kept at signature fidelity up to this length. */
const docLinesKeptMax = 3;
/** A declaration longer than this is cut. */
const declarationLinesMax = 60;

/** The lines of a unit that a fidelity keeps, ascending, 1-based; empty where the unit has no such fidelity. */
export function keptLines(unit: Unit, fidelity: "full" | "signature"): number[] {
  return fidelity === "signature" ? signatureLines(unit) : unitLines(unit);
}

/**
 * Chosen lines of a unit (ascending) as `### path:first-last`, fence, lines, fence. A gap between two lines, before the
 * first or after the last is a comment that names the lines left out, so that each line's number in the file can be told
 * from the text. Null where no line is left.
 */
export function renderUnit(unit: Unit, lines: readonly number[], lineComment: string): string | null {
  if (lines.length === 0) return null;
  const code = renderChosen(unit, lines, lineComment);
  const fence = fenceFor(code);
  return `### ${unit.path}:${unit.startLine}-${unit.endLine}\n${fence}${unit.language}\n${code}\n${fence}\n\n`;
}

/** Chosen lines of a unit (ascending) with marks for what is missing, without header and fence. */
export function renderChosen(unit: Unit, lines: readonly number[], lineComment: string): string {
  const { language, startLine, endLine } = unit;
  const textByLine = lineTexts(unit);
  const kept = lines.map((line) => ({ line, text: textByLine.get(line) ?? "" }));
  return withMarks(kept, { startLine, endLine, language, lineComment });
}

/** A run of backticks longer than any in the text, at least three. */
export function fenceFor(text: string): string {
  let longest = 0;
  for (const run of text.matchAll(/`+/g)) longest = Math.max(longest, run[0].length);
  return "`".repeat(Math.max(3, longest + 1));
}

/** All lines of a unit, ascending. */
export function unitLines(unit: Unit): number[] {
  const lines: number[] = [];
  for (const range of unit.ranges) {
    for (let line = range.startLine; line <= range.endLine; line += 1) lines.push(line);
  }
  return lines;
}

function lineTexts(unit: Unit): Map<number, string> {
  const texts = unit.text.split("\n");
  return new Map(unitLines(unit).map((line, place) => [line, texts[place] ?? ""]));
}

/** The declaration's lines, a short comment before it, and a last line that only closes. */
function signatureLines(unit: Unit): number[] {
  if (unit.signature.trim() === "") return [];
  const lines = unitLines(unit);
  const texts = unit.text.split("\n");
  const signature = unit.signature.split("\n");
  const start = findSignature(texts, signature);
  if (start < 0) return [];
  const end = declarationEnd(texts, start, start + signature.length, unit.language);
  const from = start <= docLinesKeptMax ? 0 : start;
  const kept = lines.slice(from, end);
  const last = lines.at(-1);
  const closing = texts[lines.length - 1] ?? "";
  const closes = /^\s*(?:[})\]]+[;,]?|end;?)\s*$/.test(closing) && indentOf(closing) === indentOf(texts[start] ?? "");
  if (last !== undefined && lines.length > end && closes) kept.push(last);
  return kept;
}

/** Behind the line that opens the body: a long signature was cut, and an opening bracket may have a line of its own. */
function declarationEnd(texts: readonly string[], start: number, signatureEnd: number, language: string): number {
  const isCut = signatureEnd - start >= signatureLinesMax;
  const scanned = scanLines(texts.slice(start, isCut ? start + declarationLinesMax : signatureEnd + 1), language);
  let end = signatureEnd - start;
  const isOpen = () => (scanned[end]?.depth ?? 0) > 0 && !/[{:]$/.test(scanned[end - 1]?.code ?? "");
  while (end < scanned.length && end < declarationLinesMax && isOpen()) end += 1;
  return start + (/^\s*\{$/.test(scanned[end]?.code ?? "") ? end + 1 : end);
}

/** The lines that say what `doc` says: comments before the declaration, or a Python docstring behind it. */
export function docLines(unit: Unit): Set<number> {
  const found = new Set<number>();
  if (unit.doc === "") return found;
  const lines = unitLines(unit);
  const texts = unit.text.split("\n");
  const signature = unit.signature.split("\n");
  const start = unit.signature.trim() === "" ? 0 : Math.max(0, findSignature(texts, signature));
  for (let index = 0; index < start; index += 1) {
    if (/^\s*(?:\/\/|\/\*|\*|#(?!\[)|--|$)/.test(texts[index] ?? "")) found.add(lines[index] ?? 0);
  }
  if (unit.language !== "python") return found;
  const first = start + signature.length;
  const quote = /^\s*[rRuUbB]{0,2}("""|'''|"|')/.exec(texts[first] ?? "")?.[1];
  for (let index = first; quote !== undefined && index < texts.length; index += 1) {
    found.add(lines[index] ?? 0);
    const text = texts[index] ?? "";
    const from = index === first ? text.indexOf(quote) + quote.length : 0;
    if (quote.length === 1 || text.includes(quote, from)) break;
  }
  return found;
}

function indentOf(line: string): string {
  return /^\s*/.exec(line)?.[0] ?? "";
}

/** Where the signature begins among the unit's lines; −1 where it does not stand there as it is. */
function findSignature(texts: readonly string[], signature: readonly string[]): number {
  for (let start = 0; start + signature.length <= texts.length; start += 1) {
    const fits = signature.every((part, place) => {
      const text = texts[start + place] ?? "";
      const wanted = part.trim();
      // The first and last line may hold more than the declaration, e.g. `export` before or `{` behind it.
      return place === 0 || place === signature.length - 1 ? text.includes(wanted) : text.trim() === wanted;
    });
    if (fits) return start;
  }
  return -1;
}
