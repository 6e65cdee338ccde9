/** From scores to the cells that stay, segment by segment. */
import type { EvictPlan, SegmentPlan } from "./evictSegments.ts";

/** Room for the plan's kept cells; filled with indices of cells, ascending. */
export type KeptCells = Int32Array;
export type Scores = Float32Array | Float64Array;

/** The cells with the largest scores (one per cell of the context) of each segment; of equal ones the earlier. */
export function keepLargest(plan: EvictPlan, scores: Scores, kept: KeptCells): void {
  fillSegments(plan, kept, (segment, taken) => {
    takePinned(segment, scores, taken);
    takeLargest(cellsOf(segment), scores, segment.kept, taken);
  });
}

/**
 * The chunks with the largest mean score, whole, until one does not fit: of that one the beginning. A chunk begins at
 * each of `starts` (ascending), and with each segment.
 */
export function keepChunks(plan: EvictPlan, scores: Scores, kept: KeptCells, starts: Int32Array): void {
  const begins = new Set(starts);
  fillSegments(plan, kept, (segment, taken) => {
    takePinned(segment, scores, taken);
    const chunks: { cells: number[]; mean: number }[] = [];
    for (const cell of cellsOf(segment)) {
      const open = chunks.at(-1);
      if (open === undefined || begins.has(cell)) chunks.push({ cells: [cell], mean: 0 });
      else open.cells.push(cell);
    }
    for (const chunk of chunks) {
      chunk.mean = chunk.cells.reduce((sum, cell) => sum + (scores[cell] ?? 0), 0) / chunk.cells.length;
    }
    // A stable sort: of equal chunks the earlier.
    for (const { cells } of chunks.sort((a, b) => compareScores(b.mean, a.mean))) {
      for (const cell of cells) if (taken.size < segment.kept) taken.add(cell);
    }
  });
}

/**
 * Where chunks of whole lines begin: each line is one, short neighbours go together, long lines are cut. `endsLine`: of
 * each cell, whether its token has a line end.
 */
export function lineChunks(endsLine: readonly boolean[]): Int32Array {
  const starts: number[] = [];
  let start = 0;
  for (const [cell, ends] of endsLine.entries()) {
    if (cell === start) starts.push(cell);
    const length = cell - start + 1;
    if ((ends && length >= chunkTokensMin) || length >= chunkTokensMax) start = cell + 1;
  }
  return Int32Array.from(starts);
}

/** ChunkKV's chunks have ten tokens; lines of code are about as long. */
const chunkTokensMin = 6;
const chunkTokensMax = 24;

function fillSegments(
  plan: EvictPlan,
  kept: KeptCells,
  take: (segment: SegmentPlan, taken: Set<number>) => void,
): void {
  let at = 0;
  for (const segment of plan.plans) {
    const taken = new Set(segment.kept === segment.cells ? cellsOf(segment) : segment.forced);
    if (taken.size < segment.kept) take(segment, taken);
    for (const cell of [...taken].sort((a, b) => a - b)) kept[at++] = cell;
  }
}

function takePinned(segment: SegmentPlan, scores: Scores, taken: Set<number>): void {
  const byPin = [...segment.pinned].sort(
    (a, b) => b.pin - a.pin || compareScores(scores[b.cell] ?? 0, scores[a.cell] ?? 0) || a.cell - b.cell,
  );
  for (const { cell } of byPin.slice(0, segment.pinnedMax)) taken.add(cell);
}

function takeLargest(cells: readonly number[], scores: Scores, size: number, taken: Set<number>): void {
  const open = cells.filter((cell) => !taken.has(cell));
  open.sort((a, b) => compareScores(scores[b] ?? 0, scores[a] ?? 0) || a - b);
  for (const cell of open.slice(0, size - taken.size)) taken.add(cell);
}

/** Unlike a difference, it orders infinite scores. */
export function compareScores(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function cellsOf({ first, cells }: SegmentPlan): number[] {
  return Array.from({ length: cells }, (_, at) => first + at);
}
