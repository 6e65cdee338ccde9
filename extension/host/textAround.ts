import { completionTextLimits } from "../protocol/complete.ts";

/** The lines of a document; VS Code's own documents fit. Lines count from 0 and have no line ends. */
export interface TextLines {
  readonly lineCount: number;
  lineAt(line: number): { readonly text: string };
}

/** The text around a cursor as the engine wants it: `\n` line ends, no longer than the limits. */
export interface TextAround {
  readonly before: string;
  readonly after: string;
  /** Line of the document at which `before` starts, from 1. */
  readonly startLine: number;
  /** The first lines of the document, where `before` does not start with them. */
  readonly head?: string;
}

/**
 * `before` starts at a multiple of so many lines: while one types it keeps its start, so that the engine need not read it
 * again and cached suggestions are found.
 */
const stepLines = 64;

/** The text around a cursor. Cheap for documents of any length: only lines within the limits are looked at. */
export function textAround(
  document: TextLines,
  { line, character }: { readonly line: number; readonly character: number },
): TextAround {
  const own = document.lineAt(line).text;
  const startOfLine = own.slice(0, character);
  const first = firstLine(document, line, startOfLine.length);
  const before = [...linesOf(document, first, line), startOfLine].join("\n");
  return {
    before: lastCharacters(before, completionTextLimits.before),
    after: textAfter(document, line, own.slice(character)),
    startLine: first + 1,
    ...(first === 0 ? {} : { head: head(document, first) }),
  };
}

/** The same, with the code of a notebook's cells above the cursor's cell in front. */
export function withCellsAbove(around: TextAround, cells: readonly string[]): TextAround {
  if (around.startLine > 1) return around;
  const room = completionTextLimits.before - around.before.length;
  let above = "";
  for (const cell of cells.toReversed()) {
    const lines = `${cell.replaceAll(/\r\n?/g, "\n")}\n`;
    if (above.length + lines.length > room) break;
    above = lines + above;
  }
  return { ...around, before: above + around.before };
}

function firstLine(document: TextLines, line: number, length: number): number {
  let first = line;
  for (let characters = length; first > 0; first -= 1) {
    characters += document.lineAt(first - 1).text.length + 1;
    if (characters > completionTextLimits.before) break;
  }
  return Math.min(line, Math.ceil(first / stepLines) * stepLines);
}

function textAfter(document: TextLines, line: number, restOfLine: string): string {
  let after = restOfLine;
  for (let next = line + 1; next < document.lineCount; next += 1) {
    const { text } = document.lineAt(next);
    if (after.length + text.length + 1 > completionTextLimits.after) break;
    after += `\n${text}`;
  }
  return firstCharacters(after, completionTextLimits.after);
}

/** The first lines of the document, up to line `end`. */
function head(document: TextLines, end: number): string {
  let text = "";
  for (let line = 0; line < end; line += 1) {
    const next = `${document.lineAt(line).text}\n`;
    if (text.length + next.length > completionTextLimits.head) break;
    text += next;
  }
  return text;
}

function linesOf(document: TextLines, start: number, end: number): string[] {
  return Array.from({ length: end - start }, (_, index) => document.lineAt(start + index).text);
}

/** Never starts with the second half of a surrogate pair. */
function lastCharacters(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(-limit).replace(/^[\udc00-\udfff]/, "");
}

/** Never ends with the first half of one. */
function firstCharacters(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(0, limit).replace(/[\ud800-\udbff]$/, "");
}
