/** Cuts long runs of rows where the syntax allows it. */
import { indentation, type SourceLines } from "./parseLines.ts";

/** Units of more lines are split. */
export const unitLinesMax = 120;
/** A part has at least this many lines, unless nothing else is possible. */
const partLinesMin = 30;

/**
 * Cuts ascending rows into parts of at most `linesMax`. Preferred are, in this order of weight: a gap between the rows,
 * a low indentation, a blank line before, an even size. `splitPoints` are rows where a piece of syntax starts; without
 * any in reach a part starts after a blank line, and without one of those anywhere.
 */
export function splitRows(
  rows: readonly number[],
  splitPoints: ReadonlySet<number>,
  source: SourceLines,
  linesMax: number = unitLinesMax,
): (readonly number[])[] {
  const parts: (readonly number[])[] = [];
  let start = 0;
  while (rows.length - start > linesMax) {
    const left = rows.length - start;
    const even = Math.ceil(left / Math.ceil(left / linesMax));
    const last = Math.min(linesMax, left - Math.min(partLinesMin, Math.floor(linesMax / 4)));
    const size = bestSize(rows, start, even, last, splitPoints, source);
    parts.push(rows.slice(start, start + size));
    start += size;
  }
  if (start < rows.length) parts.push(rows.slice(start));
  return parts;
}

function bestSize(
  rows: readonly number[],
  start: number,
  even: number,
  last: number,
  splitPoints: ReadonlySet<number>,
  source: SourceLines,
): number {
  let best = last;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let size = Math.min(partLinesMin, last); size <= last; size += 1) {
    const row = rows[start + size] ?? 0;
    const before = rows[start + size - 1] ?? 0;
    const afterGap = row !== before + 1;
    const afterBlank = source.isBlank(before);
    let cost = Math.abs(size - even) * costs.perLineOff;
    if (afterGap) cost += costs.gap;
    else if (splitPoints.has(row)) cost += indentation(source.lines[row] ?? "") * costs.perColumn;
    else cost += costs.noSyntax;
    if (afterBlank) cost += costs.afterBlank;
    if (cost < bestCost) {
      bestCost = cost;
      best = size;
    }
  }
  return best;
}

/** Chosen so that two levels of indentation outweigh any unevenness, and syntax outweighs everything. */
const costs = { perLineOff: 0.1, gap: -4, perColumn: 1, noSyntax: 1000, afterBlank: -3 };
