/** How many cells of each segment stay, which of them in any case, and at which positions. */

/**
 * `instructions` stay whole; `kept` segments stay as they are, whatever has happened to them; of `code` the share that
 * was asked for stays; `generated` text, what the model wrote itself, is cut like code, but its end always stays: an
 * answer goes on from there.
 */
export const segmentKinds = ["instructions", "kept", "code", "generated"] as const;
export type SegmentKind = (typeof segmentKinds)[number];

/** A run of positions, `from` inclusive, `to` exclusive. */
export interface EvictSegment {
  readonly kind: SegmentKind;
  readonly from: number;
  readonly to: number;
  /** The first `link` tokens stay, at their own positions, so that they can be read again at another place. */
  readonly link?: number;
  /** One number per token of the segment: 0, or how much it matters to the code's structure. Higher goes first. */
  readonly pins?: Uint8Array;
}

/** Where a segment lies afterwards: `kept` cells at positions from `from` to `to` (exclusive). */
export interface KeptSegment {
  readonly kind: SegmentKind;
  readonly from: number;
  readonly to: number;
  readonly tokens: number;
  readonly kept: number;
}

/** Cells `first` … `first + cells` of the context, of which `kept` stay. */
export interface SegmentPlan {
  readonly first: number;
  readonly cells: number;
  readonly kept: number;
  /** Cells that stay in any case, less than `kept` unless all stay. */
  readonly forced: readonly number[];
  /** Further cells that stay, best first by their pins; never so many that the scores have no say. */
  readonly pinned: readonly { readonly cell: number; readonly pin: number }[];
  readonly pinnedMax: number;
}

export interface EvictPlan {
  readonly cells: number;
  readonly kept: number;
  readonly positions: Int32Array;
  readonly fixed: Uint8Array;
  readonly plans: readonly SegmentPlan[];
  readonly segments: readonly KeptSegment[];
}

/** The first tokens of a context take up attention that goes nowhere else (StreamingLLM, arXiv 2309.17453). */
export const sinkTokens = 4;
/** A segment keeps at least this many cells: one that is gone from all heads cannot be told from one never read. */
export const segmentCellsMin = 8;
/** An answer goes on from its last tokens. */
export const generatedTailTokens = 32;
/** Pins may take this share of a segment's kept cells; the scores decide about the rest. */
const pinnedShareMax = 0.5;

/**
 * Cells that stay of a segment by itself: the share of its tokens, rounded (halves up), but at least `segmentCellsMin` and
 * one more than its link, and never more than it has. Of several segments as many stay as these are together.
 */
export function keptCellsOf(tokens: number, keepRatio: number, link = 0): number {
  return Math.max(Math.floor(tokens * keepRatio + 0.5), keptCellsMin(tokens, link));
}

/** The cells of a segment, before anything is chosen. */
export interface SegmentSpan {
  readonly segment: EvictSegment;
  readonly first: number;
  readonly cells: number;
}

/** Throws RangeError where the segments do not cover the cells one by one, or pins do not fit. */
export function segmentSpans(segments: readonly EvictSegment[], positions: Int32Array): SegmentSpan[] {
  let cell = 0;
  const spans = segments.map((segment): SegmentSpan => {
    const { from, to, pins } = segment;
    const first = cell;
    while (cell < positions.length && isWithin(positions[cell], segment)) cell += 1;
    const cells = cell - first;
    if (isCompressed(segment) && cells !== to - from) {
      throw new RangeError(`${cells} cells at positions ${from} to ${to}: compressed before?`);
    }
    if (pins !== undefined && pins.length !== to - from)
      throw new RangeError(`${pins.length} pins, ${to - from} tokens`);
    return { segment, first, cells };
  });
  if (cell !== positions.length) throw new RangeError(`segments end before position ${positions[cell] ?? 0}`);
  return spans;
}

/** Cells to keep of each segment at this share. Throws RangeError where it is not in (0, 1]. */
export function evenCounts(spans: readonly SegmentSpan[], keepRatio: number): number[] {
  if (!(keepRatio > 0 && keepRatio <= 1)) throw new RangeError(`a keep ratio of ${keepRatio}`);
  return spans.map(({ segment, cells }) =>
    isCompressed(segment) ? keptCellsOf(cells, keepRatio, segment.link) : cells,
  );
}

/**
 * As many cells as `even` has, but given to the segments of code as wished: `wishes` are weights in cells. None gets fewer
 * than its least number or more than it has. All other segments keep what `even` says: what the model wrote itself does
 * not compete with what it read (ShotKV, arXiv 2502.01941).
 */
export function sharedCounts(
  spans: readonly SegmentSpan[],
  even: readonly number[],
  wishes: readonly number[],
): number[] {
  const bounds = spans.map(({ segment, cells }, at) => {
    const own = even[at] ?? 0;
    return isShared(segment) ? { low: keptCellsMin(cells, segment.link), high: cells } : { low: own, high: own };
  });
  const total = even.reduce((sum, count) => sum + count, 0);
  const counts = bounds.map(({ low, high }, at) => Math.min(high, Math.max(low, wishes[at] ?? 0)));
  // What the bounds took or gave is shared in proportion to the room that is left on that side.
  const missing = total - counts.reduce((sum, count) => sum + count, 0);
  const room = counts.map((count, at) => (missing > 0 ? (bounds[at]?.high ?? 0) : (bounds[at]?.low ?? 0)) - count);
  const rooms = room.reduce((sum, each) => sum + each, 0);
  const exact = counts.map((count, at) => (rooms === 0 ? count : count + (missing * (room[at] ?? 0)) / rooms));
  return roundedTo(
    total,
    exact,
    bounds.map(({ high }) => high),
  );
}

/** Whether the segment's cells compete with those of other segments. */
export function isShared({ kind }: EvictSegment): boolean {
  return kind === "code";
}

export function planSegments(
  spans: readonly SegmentSpan[],
  counts: readonly number[],
  positions: Int32Array,
): EvictPlan {
  const kept: number[] = [];
  const fixed: number[] = [];
  const plans = spans.map((span, at) => planOf(span, counts[at] ?? 0, positions));
  for (const [at, { segment, first, cells }] of spans.entries()) {
    const count = counts[at] ?? 0;
    const own = isCompressed(segment) ? keptPositions(segment, count) : positions.subarray(first, first + cells);
    for (const position of own) {
      kept.push(position);
      fixed.push(count < cells ? 0 : 1);
    }
  }
  return {
    cells: positions.length,
    kept: kept.length,
    positions: Int32Array.from(kept),
    fixed: Uint8Array.from(fixed),
    plans,
    segments: spans.map(({ segment: { kind, from, to } }, at) => ({
      kind,
      from,
      to,
      tokens: to - from,
      kept: counts[at] ?? 0,
    })),
  };
}

function keptCellsMin(tokens: number, link = 0): number {
  return Math.min(tokens, Math.max(link + 1, segmentCellsMin));
}

/** Whole numbers with this sum, each next to the exact one; the largest remainders are rounded up, within `most`. */
function roundedTo(total: number, exact: readonly number[], most: readonly number[]): number[] {
  const counts = exact.map((value) => Math.floor(value + 1e-9));
  const byRemainder = exact
    .map((value, at) => ({ at, remainder: value - (counts[at] ?? 0) }))
    .sort((a, b) => b.remainder - a.remainder || a.at - b.at);
  let missing = total - counts.reduce((sum, count) => sum + count, 0);
  for (const { at } of byRemainder) {
    if (missing <= 0) break;
    if ((counts[at] ?? 0) >= (most[at] ?? 0)) continue;
    counts[at] = (counts[at] ?? 0) + 1;
    missing -= 1;
  }
  return counts;
}

function isWithin(position: number | undefined, { from, to }: EvictSegment): boolean {
  return position !== undefined && position >= from && position < to;
}

/** Whether cells of the segment may go. */
function isCompressed({ kind }: EvictSegment): boolean {
  return kind === "code" || kind === "generated";
}

function planOf({ segment, first, cells }: SegmentSpan, kept: number, positions: Int32Array): SegmentPlan {
  const { link = 0, pins } = segment;
  if (!isCompressed(segment)) return { first, cells, kept: cells, forced: [], pinned: [], pinnedMax: 0 };
  const sinks = Math.max(0, sinkTokens - (positions[first] ?? 0));
  const head = Math.min(kept, Math.max(link, sinks));
  const tail = segment.kind === "generated" ? Math.min(generatedTailTokens, Math.max(0, kept - head - 1)) : 0;
  const isForced = (at: number): boolean => at < head || at >= cells - tail;
  const all = Array.from({ length: cells }, (_, at) => at);
  const forced = all.filter(isForced);
  const pinned = all
    .filter((at) => (pins?.[at] ?? 0) > 0 && !isForced(at))
    .map((at) => ({ cell: first + at, pin: pins?.[at] ?? 0 }));
  const pinnedMax = Math.floor((kept - forced.length) * pinnedShareMax);
  return { first, cells, kept, forced: forced.map((at) => first + at), pinned, pinnedMax };
}

/** The link's own positions; behind them at equal distances, the last one at the segment's end. */
function* keptPositions({ from, to, link = 0 }: EvictSegment, kept: number): Generator<number> {
  for (let at = 0; at < link && at < kept; at += 1) yield from + at;
  const rest = kept - link;
  const room = to - from - link;
  for (let at = 1; at <= rest; at += 1) yield from + link + Math.floor((at * room) / rest) - 1;
}
