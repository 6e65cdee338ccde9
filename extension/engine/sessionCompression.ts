/** What happens to a prompt's cache after the answer: it is compressed, stored, and moved into a smaller context. */
import type { NativeAddon, NativeKvState, NativeModel } from "../../native/addon.ts";
import type { EvictSegment } from "../pipeline/evictSegments.ts";
import { throwIfCancelled } from "./cancellable.ts";
import { KvCompressor } from "./kvCompression.ts";
import { isCompressible, isExact, isStorable, linkOf, recipeName, segmentKey } from "./kvSegments.ts";
import type { KvRecipe, TokenSegment } from "./kvSegments.ts";
import type { SegmentStore } from "./segmentStore.ts";
import { roundedUp, sequence } from "./servingContext.ts";
import type { PromptTokens, SessionCache } from "./sessionCache.ts";

export interface CompressionOptions {
  readonly addon: NativeAddon;
  readonly model: NativeModel;
  readonly threads: number;
  readonly cache: SessionCache;
  /** As the cache holds it, behind which an answer may stand. */
  readonly prompt: PromptTokens;
  readonly recipe: KvRecipe;
  readonly store: SegmentStore | null;
  readonly signal: AbortSignal;
  /** Tokens of segments that are compressed, and that will be. */
  readonly onProgress: (tokensDone: number, tokensTotal: number) => void;
}

export interface CompressionResult {
  /** Tokens that were compressed now. */
  readonly tokens: number;
  readonly segmentsStored: number;
  /** Bytes of the serving context's cache as llama.cpp allocated it. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/**
 * Segments that are compressed together share their cells by what matters, so groups are large. What is done is stored
 * before the next group begins.
 */
const groupTokens = 2048;
/** Stored cells take 8 bits, where the heads' sizes allow it. */
const storedType = "q8_0";

/**
 * Compresses the segments of the prompt that are not compressed yet, one group after the other, stores each, and moves
 * what the next prompt may use into a context of that size. The question and the answer are not part of it. Aborted, it
 * fails with `cancelled` within one batch; what was stored by then stays, and the cache is as it was.
 */
export async function compressSession(options: CompressionOptions): Promise<CompressionResult> {
  const { cache, prompt, recipe } = options;
  const bytes = cache.serving.info.kvBytes;
  const end = prompt.segments.findLast((segment) => isStorable(segment))?.to ?? 0;
  const nothing = { tokens: 0, segmentsStored: 0, bytesBefore: bytes, bytesAfter: bytes };
  if (end === 0 || cache.cached.length < end) return nothing;
  throwIfCancelled(options.signal);
  const whole = await cache.serving.native.captureSequence(sequence, { from: 0, to: end });
  const compression = new Compression(options, whole, end);
  try {
    if (isExact(recipe)) return { ...nothing, segmentsStored: await compression.storeWhole() };
    await compression.compress();
    await compression.storeWhole();
    await compression.compact();
    const { tokens, segmentsStored } = compression;
    return { tokens, segmentsStored, bytesBefore: bytes, bytesAfter: cache.serving.info.kvBytes };
  } finally {
    compression.close();
  }
}

class Compression {
  readonly #options: CompressionOptions;
  /** Everything up to the end of the last segment that is kept, as it was read. */
  readonly #whole: NativeKvState;
  readonly #end: number;
  /** Compressed cells by where they begin. */
  readonly #parts = new Map<number, NativeKvState>();
  readonly #compressed = new Set<TokenSegment>();
  tokens = 0;
  segmentsStored = 0;

  constructor(options: CompressionOptions, whole: NativeKvState, end: number) {
    this.#options = options;
    this.#whole = whole;
    this.#end = end;
  }

  close(): void {
    this.#whole.close();
    for (const part of this.#parts.values()) part.close();
  }

  /** Makes a part of every segment that can be compressed and is not. */
  async compress(): Promise<void> {
    const { model, threads, recipe, signal, onProgress } = this.#options;
    const fresh = this.#segments.filter((segment) => isCompressible(segment, recipe) && !this.#isSealed(segment));
    const missing: TokenSegment[] = [];
    for (const segment of fresh) if (!(await this.#restore(segment))) missing.push(segment);
    if (missing.length === 0) return;
    const total = sum(missing);
    const compressor = await KvCompressor.open(model, { cells: this.#end, threads });
    try {
      for (const group of groups(missing)) {
        throwIfCancelled(signal);
        await this.#compressGroup(compressor, group);
        this.tokens += sum(group);
        onProgress(this.tokens, total);
      }
    } finally {
      await compressor.close();
    }
  }

  /** Stores the segments that stay whole and are not stored yet; resolves to their number. */
  async storeWhole(): Promise<number> {
    const { recipe, store, signal } = this.#options;
    if (store === null) return 0;
    let stored = 0;
    for (const segment of this.#segments) {
      if (!isStorable(segment) || this.#isSealed(segment) || this.#compressed.has(segment)) continue;
      throwIfCancelled(signal);
      const key = this.#key(segment);
      if (!store.isWritable || (await store.has(key))) continue;
      const state = this.#whole.slice(segment.from, segment.to);
      try {
        const kvType = isExact(recipe) ? state.info.kvType : storedType;
        await store.save(key, this.#record(segment, state, { evictor: "none", keepRatio: 1 }), kvType);
      } finally {
        state.close();
      }
      stored += 1;
    }
    this.segmentsStored += stored;
    return stored;
  }

  /** Moves everything into a context that is as small as it can be. */
  async compact(): Promise<void> {
    const { addon, cache, recipe, signal } = this.#options;
    const { cached, serving } = cache;
    throwIfCancelled(signal);
    const pieces: NativeKvState[] = [];
    const sealed: { readonly from: number; readonly to: number; readonly cells: number }[] = [];
    let joined: NativeKvState | null = null;
    try {
      let at = 0;
      for (const [from, part] of [...this.#parts].sort(([a], [b]) => a - b)) {
        if (from > at) pieces.push(this.#whole.slice(at, from));
        pieces.push(part.convert(this.#whole.info.kvType));
        at = (part.info.positions.at(-1) ?? from) + 1;
        sealed.push({ from, to: at, cells: part.info.cells });
      }
      if (at < this.#end) pieces.push(this.#whole.slice(at, this.#end));
      joined = addon.joinKvStates(pieces);
      if (roundedUp(joined.info.cells) >= serving.info.cells) return;
      await serving.replace(joined.info.cells, joined);
    } finally {
      joined?.close();
      for (const piece of pieces) piece.close();
    }
    const before = cached.sealed.filter(({ to }) => to <= this.#end);
    const tokens = cached.slice(0, this.#end);
    cached.cut(0);
    for (const range of [...before, ...sealed].sort((a, b) => a.from - b.from)) {
      cached.append(tokens.subarray(cached.length, range.from));
      cached.appendSealed(tokens.subarray(range.from, range.to), range.cells, recipeName(recipe));
    }
    cached.append(tokens.subarray(cached.length));
  }

  get #segments(): TokenSegment[] {
    return this.#options.prompt.segments.filter(({ to }) => to <= this.#end);
  }

  /** A segment that was compressed for an earlier prompt, but read again for this one, e.g. after an interruption. */
  async #restore(segment: TokenSegment): Promise<boolean> {
    const { prompt, store, recipe } = this.#options;
    const { from, to } = segment;
    const placed = (await store?.load(this.#key(segment), prompt.tokens.subarray(from, to))) ?? null;
    if (placed === null) return false;
    const link = linkOf(segment, recipe);
    const rest = placed.state.slice(placed.from + link, placed.from + to - from);
    try {
      this.#parts.set(from + link, rest.shift(from - placed.from));
      this.#compressed.add(segment);
    } finally {
      rest.close();
      placed.state.close();
    }
    return true;
  }

  async #compressGroup(compressor: KvCompressor, group: readonly TokenSegment[]): Promise<void> {
    const { prompt, recipe, signal, store } = this.#options;
    const { state } = await compressor.compress({
      ...recipe,
      state: this.#whole,
      tokens: prompt.tokens.subarray(0, this.#end),
      segments: this.#segments.map((segment) => this.#evictSegment(segment, group)),
      signal,
    });
    try {
      for (const segment of group) {
        const part = state.slice(segment.from, segment.to);
        this.#parts.set(segment.from, part);
        this.#compressed.add(segment);
        if (store === null || !store.isWritable) continue;
        await store.save(this.#key(segment), this.#record(segment, part, recipe), storedType);
        this.segmentsStored += 1;
      }
    } finally {
      state.close();
    }
  }

  #evictSegment(segment: TokenSegment, group: readonly TokenSegment[]): EvictSegment {
    const { from, to } = segment;
    if (segment.kind === "instructions") return { kind: "instructions", from, to };
    if (!group.includes(segment)) return { kind: "kept", from, to };
    return { kind: "code", from, to, link: linkOf(segment, this.#options.recipe) };
  }

  #record(
    { from, to, label }: TokenSegment,
    state: NativeKvState,
    recipe: KvRecipe,
  ): Parameters<SegmentStore["save"]>[1] {
    return { ...recipe, label, state, from, tokens: this.#options.prompt.tokens.slice(from, to) };
  }

  #key(segment: TokenSegment): string {
    const { cache, prompt, recipe } = this.#options;
    return segmentKey(segment, prompt, { recipe, contextType: cache.serving.info.kvType });
  }

  #isSealed({ from, to }: TokenSegment): boolean {
    return this.#options.cache.cached.isSealed(from, to);
  }
}

/** Neighbours together, at least one segment each. */
function* groups(segments: readonly TokenSegment[]): Generator<readonly TokenSegment[]> {
  let group: TokenSegment[] = [];
  for (const segment of segments) {
    if (group.length > 0 && sum([...group, segment]) > groupTokens) {
      yield group;
      group = [];
    }
    group.push(segment);
  }
  if (group.length > 0) yield group;
}

function sum(segments: readonly TokenSegment[]): number {
  return segments.reduce((total, { from, to }) => total + to - from, 0);
}
