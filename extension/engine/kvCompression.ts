/** Compresses what a context has read: observes how the cells are used, chooses those that stay, refits their values. */
import type { NativeContext, NativeKvState, NativeModel, RefitOptions } from "../../native/addon.ts";
import { evict, evictors } from "../pipeline/evict.ts";
import type { LayerSeen } from "../pipeline/evictScores.ts";
import type { EvictSegment, KeptSegment } from "../pipeline/evictSegments.ts";
import { lineChunks } from "../pipeline/evictSelection.ts";
import { Failure } from "../protocol/failure.ts";
import type { EvictorName } from "../protocol/settings.ts";
import { throwIfCancelled, whileCancellable } from "./cancellable.ts";
import { observeRepeat, observeWindow, repeatCellsMax, type Observed } from "./kvObservation.ts";
import { nativeFailure } from "./nativeFailure.ts";

export interface CompressOptions {
  /** The whole sequence. It is neither changed nor closed. */
  readonly state: NativeKvState;
  /** What was read at each position, from 0 to the sequence's end; also where cells were evicted before. */
  readonly tokens: Int32Array;
  /** Ascending, covering the sequence. */
  readonly segments: readonly EvictSegment[];
  readonly evictor: EvictorName;
  /** Share of the cells of each segment that stays, above 0 and at most 1. */
  readonly keepRatio: number;
  readonly signal?: AbortSignal;
}

export interface Compressed {
  /** Also holds the segments that stay as they are. Whoever asked closes it. */
  readonly state: NativeKvState;
  readonly segments: readonly KeptSegment[];
  /** Tokens that were read to observe attention. */
  readonly observedTokens: number;
}

/** How strongly refitted values are held to the old ones: much less, and they follow these queries only. */
const refitRidge = 1;

/** One context without flash attention, in which attention can be observed. One compression at a time. */
export class KvCompressor {
  readonly #model: NativeModel;
  readonly #context: NativeContext;
  readonly #repeatPrompt: Int32Array;
  /** The state whose cells the context holds: several compressions of one state attach it once. */
  #held: NativeKvState | null = null;

  /**
   * `cells`: of the longest sequence that will be compressed. `repeatText`: what asks for a repetition; control tokens in
   * it count. Fails with outOfMemory or what llama.cpp reports.
   */
  static async open(
    model: NativeModel,
    options: { readonly cells: number; readonly threads: number; readonly repeatText?: string },
  ): Promise<KvCompressor> {
    const { cells, threads, repeatText = repeatTextDefault } = options;
    try {
      const prompt = model.tokenize(repeatText, { special: true });
      const context = await model.openContext({
        cells: cells + prompt.length + repeatCellsMax,
        threads,
        batchTokens: 256,
        flashAttention: "off",
      });
      return new KvCompressor(model, context, prompt);
    } catch (error) {
      throw nativeFailure(error);
    }
  }

  private constructor(model: NativeModel, context: NativeContext, repeatPrompt: Int32Array) {
    this.#model = model;
    this.#context = context;
    this.#repeatPrompt = repeatPrompt;
  }

  /**
   * Fails with `cancelled` within a batch of the abort, and with what llama.cpp reports. `observed`: what `observe` gave
   * for the same state and needs, where several ratios are tried.
   */
  async compress(options: CompressOptions, observed?: Observed | null): Promise<Compressed> {
    const { state, tokens, segments, keepRatio, signal } = options;
    const evictor = evictors[options.evictor];
    const { layers, kvHeads, keySize, cells, positions } = state.info;
    if (tokens.length !== (positions.at(-1) ?? -1) + 1) {
      throw new Failure("nativeArgument", `${tokens.length} tokens end at position ${positions.at(-1) ?? -1}`);
    }
    try {
      throwIfCancelled(signal);
      const looked = observed ?? (keepRatio < 1 ? await this.observe(options) : null);
      const seen = (layer: number): LayerSeen => ({
        kvHeads,
        cells,
        keySize,
        keys: evictor.needs.includes("keys") ? state.keys(layer) : new Float32Array(0),
        attention:
          looked?.attention.subarray(layer * kvHeads * cells, (layer + 1) * kvHeads * cells) ?? new Float32Array(0),
      });
      const kept = await evict(
        {
          ...{ evictor, keepRatio, segments, positions, layers, kvHeads, seen },
          ...(evictor.keeps === "chunks" ? { chunkStarts: this.#chunkStarts(tokens, positions) } : {}),
        },
        async () => {
          // Lets other requests, and a cancellation, in.
          await new Promise((resolve) => setImmediate(resolve));
          throwIfCancelled(signal);
        },
      );
      const isRefitted = looked !== null && evictor.refits && kept.positions.length < cells;
      const smaller = isRefitted
        ? await refitted(state, { ...kept, ...looked, ridge: refitRidge }, signal)
        : state.select(kept.cells, kept.positions);
      return { state: smaller, segments: kept.segments, observedTokens: looked?.tokens ?? 0 };
    } catch (error) {
      throw nativeFailure(error);
    }
  }

  /** What the evictor needs to see, or null where it looks at positions and keys only. Fails as `compress` does. */
  async observe(options: Omit<CompressOptions, "keepRatio">): Promise<Observed | null> {
    const { needs } = evictors[options.evictor];
    const context = this.#context;
    const run = <T>(operation: () => Promise<T>): Promise<T> => whileCancellable(context, options.signal, operation);
    try {
      if (needs.includes("windowAttention")) {
        this.#forget();
        return await observeWindow(context, { ...options, run });
      }
      if (!needs.includes("repeatAttention")) return null;
      if (this.#held !== options.state) {
        this.#forget();
        await run(() => context.attachState(0, options.state));
        this.#held = options.state;
      }
      const queryHeads = needs.includes("queries") ? this.#model.info.heads : 0;
      return await observeRepeat(context, { ...options, run, queryHeads, prompt: this.#repeatPrompt });
    } catch (error) {
      throw nativeFailure(error);
    }
  }

  /** Stops what runs and frees the context; the model stays open. */
  async close(): Promise<void> {
    this.#context.cancel();
    await this.#context.close();
  }

  #forget(): void {
    this.#held = null;
    this.#context.clear();
  }

  #chunkStarts(tokens: Int32Array, positions: Int32Array): Int32Array {
    const ends = new Map<number, boolean>();
    const endsLine = (token: number): boolean => {
      const known = ends.get(token);
      if (known !== undefined) return known;
      const found = this.#model.detokenize(Int32Array.of(token), { special: true }).includes(lineEnd);
      ends.set(token, found);
      return found;
    };
    return lineChunks(Array.from(positions, (position) => endsLine(tokens[position] ?? 0)));
  }
}

/** Rejects with NATIVE_CANCELLED soon after an abort. */
async function refitted(
  state: NativeKvState,
  options: RefitOptions,
  signal: AbortSignal | undefined,
): Promise<NativeKvState> {
  const cancel = (): void => {
    state.cancel();
  };
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await state.refit(options);
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

const lineEnd = 10;
/** KVzip's own words. */
const repeatTextDefault = "\n\nRepeat the previous context exactly:\n";
