/** Which cells of a KV cache stay: a table of methods that differ in their scores, and one selection for all. */
import type { EvictorName } from "../protocol/settings.ts";
import type { EvictSegment, KeptSegment, SegmentSpan } from "./evictSegments.ts";
import { evenCounts, isShared, planSegments, segmentSpans, sharedCounts } from "./evictSegments.ts";
import { compareScores, keepChunks, keepLargest, type Scores } from "./evictSelection.ts";
import { keyDifference, observedAttention, pooledAttention, pseudoRandom, recent } from "./evictScores.ts";
import type { LayerSeen } from "./evictScores.ts";

/** What a method looks at besides positions; whoever has the model gets it. */
export type EvictorNeed =
  | "keys" // as they lie in the cache
  | "windowAttention" // of the context's last tokens on all before them, mean
  | "repeatAttention" // of a second reading of the segments on the first one, maximum
  | "queries"; // some of the second reading, for the refit

/**
 * What is kept of a segment: whole cells (`tokens`: the same in all layers and heads), whole chunks of them, or cells
 * that each KV head fills with tokens of its own (`heads`).
 */
export type KeptPart = "all" | "tokens" | "chunks" | "heads";

export interface Evictor {
  readonly keeps: KeptPart;
  readonly needs: readonly EvictorNeed[];
  /** The kept values are refitted, so that attention gives what it gave over all of them. */
  readonly refits: boolean;
  /** [KV head][cell]; what scores higher stays. */
  score(seen: LayerSeen): Float32Array;
}

/** Where each score comes from: evictScores.ts. What they cost and keep: docs/kv-cache.md. */
export const evictors: Readonly<Record<EvictorName, Evictor>> = {
  none: { keeps: "all", needs: [], refits: false, score: recent },
  random: { keeps: "tokens", needs: [], refits: false, score: pseudoRandom },
  recency: { keeps: "tokens", needs: [], refits: false, score: recent },
  keydiff: { keeps: "tokens", needs: ["keys"], refits: false, score: keyDifference },
  snapkv: { keeps: "tokens", needs: ["windowAttention"], refits: false, score: pooledAttention },
  chunkkv: { keeps: "chunks", needs: ["windowAttention"], refits: false, score: observedAttention },
  kvzip: { keeps: "tokens", needs: ["repeatAttention"], refits: false, score: observedAttention },
  "kvzip-composite": { keeps: "heads", needs: ["repeatAttention"], refits: false, score: observedAttention },
  "kvzip-composite-refit": {
    keeps: "heads",
    needs: ["repeatAttention", "queries"],
    refits: true,
    score: observedAttention,
  },
};

export interface EvictOptions {
  readonly evictor: Evictor;
  /** Share of the cells that stay, above 0 and at most 1. */
  readonly keepRatio: number;
  /** Ascending; together they cover all cells. */
  readonly segments: readonly EvictSegment[];
  /** Of the cells, ascending. */
  readonly positions: Int32Array;
  readonly layers: number;
  readonly kvHeads: number;
  readonly seen: (layer: number) => LayerSeen;
  /** Cells at which a chunk begins, ascending; needed for methods that keep chunks. */
  readonly chunkStarts?: Int32Array;
}

/** What `NativeKvState.select` takes, and where each segment lies afterwards. */
export interface Kept {
  /** [layer][KV head][kept]: indices of cells, ascending in each row. */
  readonly cells: Int32Array;
  /** [kept], ascending; the last kept cell of each segment has the segment's last position. */
  readonly positions: Int32Array;
  /** [kept]: 1 where the cell belongs to a segment that stays as it is, in all heads. */
  readonly fixed: Uint8Array;
  readonly segments: readonly KeptSegment[];
}

/**
 * Chooses the cells that stay. Instructions stay whole; of the segments of code together exactly as many cells stay as
 * `keptCellsOf` gives for each, and a segment that scores higher than others gets more of them. The same input gives the
 * same output. `pause` is awaited between layers; it may let other work run, and what it throws ends the choice. Throws
 * RangeError where segments do not cover the positions, or a ratio is out of range.
 */
export async function evict(options: EvictOptions, pause: () => Promise<void>): Promise<Kept> {
  const { evictor, layers, kvHeads, positions } = options;
  const spans = segmentSpans(options.segments, positions);
  const even = evenCounts(spans, evictor.keeps === "all" ? 1 : options.keepRatio);
  const isWhole = even.every((count, at) => count === spans[at]?.cells);
  const scores = isWhole ? null : await scoreRows(options, pause);
  const counts = scores === null ? even : sharedCounts(spans, even, wishedCounts(spans, even, scores.mean));
  const plan = planSegments(spans, counts, positions);
  const cells = new Int32Array(layers * kvHeads * plan.kept);
  for (let row = 0; row < layers * kvHeads; row += 1) {
    const own = cells.subarray(row * plan.kept, (row + 1) * plan.kept);
    if (scores === null) own.forEach((_, at) => (own[at] = at));
    else if (evictor.keeps === "heads") keepLargest(plan, scores.heads[row] ?? scores.mean, own);
    else if (row > 0) own.set(cells.subarray(0, plan.kept));
    else if (evictor.keeps === "chunks") keepChunks(plan, scores.mean, own, options.chunkStarts ?? new Int32Array(0));
    else keepLargest(plan, scores.mean, own);
    if (scores !== null && row % kvHeads === kvHeads - 1) await pause();
  }
  return { cells, positions: plan.positions, fixed: plan.fixed, segments: plan.segments };
}

interface ScoreRows {
  /** Mean over layers and KV heads, by cell. */
  readonly mean: Scores;
  /** For each layer and KV head; empty where all keep the same cells. */
  readonly heads: readonly Scores[];
}

async function scoreRows(
  { evictor, layers, kvHeads, positions, seen }: EvictOptions,
  pause: () => Promise<void>,
): Promise<ScoreRows> {
  const cells = positions.length;
  const heads: Scores[] = [];
  const mean = new Float64Array(cells);
  for (let layer = 0; layer < layers; layer += 1) {
    await pause();
    const scores = evictor.score(seen(layer));
    for (let head = 0; head < kvHeads; head += 1) {
      const row = scores.slice(head * cells, (head + 1) * cells);
      for (const [at, score] of row.entries()) mean[at] = (mean[at] ?? 0) + score / (layers * kvHeads);
      if (evictor.keeps === "heads") heads.push(row);
    }
  }
  return { mean, heads };
}

/** What each segment of code would keep if its cells were chosen by their mean scores without regard to segments. */
function wishedCounts(spans: readonly SegmentSpan[], even: readonly number[], mean: Scores): number[] {
  const shared = spans.filter(({ segment }) => isShared(segment));
  const total = spans.reduce((sum, { segment }, at) => sum + (isShared(segment) ? (even[at] ?? 0) : 0), 0);
  const all = shared.flatMap((span) =>
    Array.from({ length: span.cells }, (_, at) => ({ span, cell: span.first + at, score: mean[span.first + at] ?? 0 })),
  );
  all.sort((a, b) => compareScores(b.score, a.score) || a.cell - b.cell);
  const wishes = new Map<SegmentSpan, number>();
  for (const { span } of all.slice(0, total)) wishes.set(span, (wishes.get(span) ?? 0) + 1);
  return spans.map((span) => wishes.get(span) ?? 0);
}
