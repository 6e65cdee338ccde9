/** A text as lines. Rows count from 0 here; line numbers of units count from 1. */
import type { LineRange } from "../protocol/units.ts";

export interface SourceLines {
  readonly text: string;
  readonly lines: readonly string[];
  /** The row that holds the character at an index of `text`. */
  rowOf(index: number): number;
  /** The index of a row's first character. */
  startOf(row: number): number;
  isBlank(row: number): boolean;
}

/** `\r\n` and lone `\r` become `\n`; a byte order mark goes. A last `\n` ends the last line and opens no new one. */
export function sourceLines(raw: string): SourceLines {
  const unmarked = raw.startsWith("\uFEFF") ? raw.slice(1) : raw;
  const text = unmarked.includes("\r") ? unmarked.replace(/\r\n?/g, "\n") : unmarked;
  const lines = text.split("\n");
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  const starts = new Float64Array(lines.length);
  let start = 0;
  for (const [row, line] of lines.entries()) {
    starts[row] = start;
    start += line.length + 1;
  }
  return {
    text,
    lines,
    rowOf(index) {
      let low = 0;
      let high = starts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((starts[middle] ?? 0) <= index) low = middle;
        else high = middle - 1;
      }
      return low;
    },
    startOf: (row) => starts[row] ?? text.length,
    isBlank: (row) => isBlank(lines[row] ?? ""),
  };
}

/** Ascending rows as ranges of lines, without blank lines at the ends of a range and without blank ranges. */
export function lineRanges(rows: readonly number[], source: SourceLines): LineRange[] {
  const ranges: LineRange[] = [];
  let first = -1;
  let last = -1;
  const close = (): void => {
    if (first >= 0) ranges.push({ startLine: first + 1, endLine: last + 1 });
    first = -1;
  };
  let previous = -2;
  for (const row of rows) {
    if (row !== previous + 1) close();
    previous = row;
    if (source.isBlank(row)) continue;
    if (first < 0) first = row;
    last = row;
  }
  close();
  return ranges;
}

/** The text of ranges of lines, joined by `\n`. */
export function textOfRanges(ranges: readonly LineRange[], source: SourceLines): string {
  return ranges.flatMap((range) => source.lines.slice(range.startLine - 1, range.endLine)).join("\n");
}

/** Columns of white space before a row's first character; a tab counts as four. */
export function indentation(line: string): number {
  let width = 0;
  for (let i = 0; i < line.length; i += 1) {
    const character = line[i];
    if (character === " ") width += 1;
    else if (character === "\t") width += 4;
    else break;
  }
  return width;
}

export function isBlank(line: string): boolean {
  return line.trim() === "";
}
