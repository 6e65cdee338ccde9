/** How a context's cells are looked at: by its own last tokens, or by a second reading of its segments. */
import type { NativeContext, NativeKvState } from "../../native/addon.ts";
import type { EvictSegment } from "../pipeline/evictSegments.ts";

export interface Observed {
  /** [layer][KV head][cell] of the whole state. */
  readonly attention: Float32Array;
  /** [layer][head][query][key size]; empty where none were asked for. */
  readonly queryVectors: Float32Array;
  readonly queryCount: number;
  /** Tokens read for it. */
  readonly tokens: number;
}

interface ObserveOptions {
  readonly state: NativeKvState;
  /** By position. */
  readonly tokens: Int32Array;
  /** Runs an operation of the context so that it can be cancelled. */
  readonly run: <T>(operation: () => Promise<T>) => Promise<T>;
}

/** SnapKV's window, of the length that its authors use for long prompts. */
export const windowTokens = 64;
/**
 * Tokens that are read again at once, and those before them that lead in. In a longer piece, tokens look at the piece
 * itself instead of at the context.
 */
const repeatTokens = 256;
const leadTokens = 16;
/** Cells that a second reading takes behind the sequence, besides its prompt. */
export const repeatCellsMax = repeatTokens + leadTokens;
/** Queries per token read again: with all of them a refit takes several times as long and is hardly better. */
const queriesPerToken = 0.25;
/** Numbers that query vectors may take, all layers and heads together: a quarter of a gibibyte. */
const queryNumbersMax = 2 ** 26;
/** What a refit takes at most: queries of a KV head times cells. */
const refitSizeMax = 2 ** 26;

/** Mean attention of the last tokens on the cells before them; their own cells have infinite attention. */
export async function observeWindow(context: NativeContext, { state, tokens, run }: ObserveOptions): Promise<Observed> {
  const { cells, layers, kvHeads, positions } = state.info;
  const window = Math.min(windowTokens, Math.floor(cells / 2));
  const start = positions[cells - window] ?? 0;
  const attention = new Float32Array(layers * kvHeads * cells).fill(Infinity);
  const before = state.slice(0, start);
  try {
    await run(() => context.attachState(0, before));
  } finally {
    before.close();
  }
  const read = tokens.slice(context.nextPosition(0));
  const seen = await run(() => context.observe(0, read, { reduce: "mean" }));
  for (let row = 0; row < layers * kvHeads; row += 1) {
    attention.set(seen.attention.subarray(row * seen.cells, (row + 1) * seen.cells), row * cells);
  }
  return { attention, queryVectors: new Float32Array(0), queryCount: 0, tokens: read.length };
}

/**
 * Reads each segment that is to be compressed once more behind the state, which the context holds, after a prompt that asks for it
 * (KVzip, arXiv 2505.23416), and takes the maximum of the attention over all that was read. Unlike in KVzip's code, a
 * piece competes with the whole context for attention, not only with itself.
 */
export async function observeRepeat(
  context: NativeContext,
  options: ObserveOptions & {
    readonly segments: readonly EvictSegment[];
    readonly prompt: Int32Array;
    /** Query heads of the model whose queries are wanted; 0: none are. */
    readonly queryHeads: number;
  },
): Promise<Observed> {
  const { state, tokens, run, prompt } = options;
  const { cells, layers, kvHeads, keySize } = state.info;
  const attention = new Float32Array(layers * kvHeads * cells);
  const pieces = repeatPieces(options.segments);
  const all = pieces.reduce((sum, { from, to }) => sum + to - from, 0);
  const { queryHeads } = options;
  const queriesMax = Math.min(
    queryNumbersMax / (layers * queryHeads * keySize),
    refitSizeMax / (queryHeads / kvHeads) / cells,
  );
  const share = queryHeads === 0 ? 0 : queriesMax / all;
  const queries: { readonly vectors: Float32Array; readonly count: number }[] = [];
  let read = 0;
  for (const { from, to } of pieces) {
    const lead = tokens.subarray(Math.max(0, from - leadTokens), from);
    const piece = Int32Array.of(...prompt, ...lead, ...tokens.subarray(from, to));
    const seen = await run(() =>
      context.observe(0, piece, {
        reduce: "max",
        firstQuery: prompt.length + lead.length,
        queries: Math.floor((to - from) * Math.min(queriesPerToken, share)),
      }),
    );
    for (const [at, value] of seen.attention.entries()) if (value > (attention[at] ?? 0)) attention[at] = value;
    queries.push({ vectors: seen.queryVectors, count: seen.queryCount });
    read += piece.length;
  }
  return { attention, ...joinedQueries(queries, keySize), tokens: read };
}

interface Piece {
  readonly from: number;
  readonly to: number;
}

/** Neighbouring segments together, as long ones as can be read at once. */
function repeatPieces(segments: readonly EvictSegment[]): Piece[] {
  const runs: { from: number; to: number }[] = [];
  for (const { kind, from, to } of segments) {
    if (kind !== "code" && kind !== "generated") continue;
    const last = runs.at(-1);
    if (last?.to === from) last.to = to;
    else runs.push({ from, to });
  }
  return runs.flatMap(({ from, to }) => {
    const pieces = Math.ceil((to - from) / repeatTokens);
    const cut = (at: number): number => from + Math.round(((to - from) * at) / pieces);
    return Array.from({ length: pieces }, (_, at) => ({ from: cut(at), to: cut(at + 1) }));
  });
}

/** From [layer][head][query][size] of each piece to one of all. */
function joinedQueries(
  pieces: readonly { readonly vectors: Float32Array; readonly count: number }[],
  size: number,
): Pick<Observed, "queryVectors" | "queryCount"> {
  const queryCount = pieces.reduce((sum, { count }) => sum + count, 0);
  const [first] = pieces;
  if (first === undefined || queryCount === 0) return { queryVectors: new Float32Array(0), queryCount: 0 };
  const rows = first.count === 0 ? 0 : first.vectors.length / (first.count * size);
  const queryVectors = new Float32Array(rows * queryCount * size);
  let before = 0;
  for (const { vectors, count } of pieces) {
    for (let row = 0; row < rows; row += 1) {
      const own = vectors.subarray(row * count * size, (row + 1) * count * size);
      queryVectors.set(own, (row * queryCount + before) * size);
    }
    before += count;
  }
  return { queryVectors, queryCount };
}
