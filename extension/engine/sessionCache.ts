/**
 * What the serving context holds, segment by segment. A prompt is made to stand in it from left to right: what is there
 * already, else what is stored, else it is read.
 */
import type { LogLevel } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import { CachedTokens } from "./cachedTokens.ts";
import { throwIfCancelled, whileCancellable } from "./cancellable.ts";
import { linkOf, recipeName, segmentKey, isStorable } from "./kvSegments.ts";
import type { KvRecipe, TokenSegment } from "./kvSegments.ts";
import { nativeFailure } from "./nativeFailure.ts";
import type { PlacedState, SegmentStore } from "./segmentStore.ts";
import { sequence } from "./servingContext.ts";
import type { ServingContext } from "./servingContext.ts";

export interface PromptTokens {
  readonly tokens: Int32Array;
  /** Ascending and covering all tokens. */
  readonly segments: readonly TokenSegment[];
}

export interface HoldOptions {
  readonly recipe: KvRecipe;
  readonly store: SegmentStore | null;
  readonly log: (level: LogLevel, message: string) => void;
  /** Cells to keep free behind the prompt. */
  readonly reserveTokens: number;
  readonly signal?: AbortSignal;
  /** After each step: tokens of the prompt that are in the cache, and how many of them were not read. */
  readonly onProgress?: (tokensDone: number, tokensReused: number) => void;
}

export interface Held {
  readonly tokensRead: number;
  /** Tokens that were in the context already. */
  readonly tokensKept: number;
  /** Tokens whose cells were loaded from disk. */
  readonly tokensLoaded: number;
  /** Time spent on what was loaded. */
  readonly loadMs: number;
}

interface LoadedSegment extends PlacedState {
  readonly segment: TokenSegment;
  readonly key: string;
}

export class SessionCache {
  readonly serving: ServingContext;
  readonly cached = new CachedTokens();

  constructor(serving: ServingContext) {
    this.serving = serving;
  }

  /**
   * Makes the cache hold exactly the prompt. Fails with cancelled, contextFull or what llama.cpp reports; what was read
   * until then stays.
   */
  async hold(prompt: PromptTokens, options: HoldOptions): Promise<Held> {
    const { tokens } = prompt;
    if (tokens.length === 0) throw new Failure("nativeArgument", "there is nothing to read");
    if (tokens.length > this.serving.cellsMax) {
      throw new Failure("contextFull", `${tokens.length} tokens, room for ${this.serving.cellsMax}`);
    }
    throwIfCancelled(options.signal);
    const startMs = performance.now();
    // The last token is always read: its logits say how the answer begins.
    const common = this.cached.reusable(tokens, recipeName(options.recipe), tokens.length - 1);
    const loaded = await this.#load(prompt, common, options);
    try {
      const first = loaded[0]?.segment.from ?? common;
      const kept = Math.min(common, first);
      const room = this.#cellsNeeded(tokens.length, kept, loaded) + this.#reserve(tokens.length, options.reserveTokens);
      await this.#grow(room);
      const tokensKept = Math.min(kept, this.cached.length);
      this.#cut(tokensKept);
      const loadMs = performance.now() - startMs;
      return await this.#fill(tokens, { ...options, loaded, tokensKept, loadMs });
    } catch (error) {
      throw nativeFailure(error);
    } finally {
      for (const { state } of loaded) state.close();
    }
  }

  /** Notes a token that the context has generated. */
  push(token: number): void {
    this.cached.append(Int32Array.of(token));
  }

  /** Whether another token fits. */
  get hasRoom(): boolean {
    return this.cached.cells() < this.serving.info.cellsPerSequence && this.cached.length < this.serving.cellsMax;
  }

  async #grow(cells: number): Promise<void> {
    try {
      await this.serving.grow(cells);
    } finally {
      if (this.serving.isEmpty) this.cached.cut(0);
    }
  }

  #cut(position: number): void {
    if (position >= this.cached.length) return;
    this.serving.native.remove(sequence, position, -1);
    this.cached.cut(position);
  }

  async #fill(
    tokens: Int32Array,
    plan: HoldOptions & { loaded: readonly LoadedSegment[]; tokensKept: number; loadMs: number },
  ): Promise<Held> {
    const { recipe, loaded, tokensKept } = plan;
    let { loadMs } = plan;
    let tokensLoaded = 0;
    const reused = (): number => tokensKept + tokensLoaded;
    for (const { segment, key, state, from } of loaded) {
      const link = linkOf(segment, recipe);
      await this.#read(tokens.subarray(this.cached.length, segment.from + link), { ...plan, reused });
      const startMs = performance.now();
      try {
        throwIfCancelled(plan.signal);
        await this.#attach(segment, { state, from }, link);
      } catch (error) {
        const failure = nativeFailure(error);
        if (failure.code === "cancelled") throw failure;
        // It is read instead. A model whose keys cannot be moved may still find it at its own place.
        if (failure.code !== "modelUnsupported") await plan.store?.remove(key);
        plan.log("debug", `${segment.label} is read instead of loaded: ${failure.message}`);
        continue;
      }
      const rest = tokens.subarray(this.cached.length, segment.to);
      const cells = this.serving.native.usedCells(sequence) - this.cached.cells();
      this.cached.appendSealed(rest, cells, recipeName(recipe));
      tokensLoaded += rest.length;
      loadMs += performance.now() - startMs;
      plan.onProgress?.(this.cached.length, reused());
    }
    await this.#read(tokens.subarray(this.cached.length), { ...plan, reused });
    return { tokensRead: tokens.length - reused(), tokensKept, tokensLoaded, loadMs: tokensLoaded === 0 ? 0 : loadMs };
  }

  async #read(tokens: Int32Array, options: HoldOptions & { readonly reused: () => number }): Promise<void> {
    const { native } = this.serving;
    const { batchTokens } = this.serving.info;
    for (let from = 0; from < tokens.length; from += batchTokens) {
      const batch = tokens.slice(from, from + batchTokens);
      await whileCancellable(native, options.signal, () => native.read(sequence, batch));
      this.cached.append(batch);
      options.onProgress?.(this.cached.length, options.reused());
    }
  }

  /** Appends a stored segment's cells behind its first `link` tokens. On failure the context is as it was. */
  async #attach(segment: TokenSegment, { state, from }: PlacedState, link: number): Promise<void> {
    const { native } = this.serving;
    const rest = link === 0 ? state : state.slice(from + link, from + segment.to - segment.from);
    const moved = from === segment.from ? rest : rest.shift(segment.from - from);
    try {
      await native.attachState(sequence, moved);
    } finally {
      if (moved !== rest) moved.close();
      if (rest !== state) rest.close();
    }
  }

  /** Stored segments that reach behind `common`, ascending. Where one is only begun, its beginning is given up for it. */
  async #load(prompt: PromptTokens, common: number, options: HoldOptions): Promise<LoadedSegment[]> {
    const { store, recipe } = options;
    if (store === null) return [];
    const contextType = this.serving.info.kvType;
    const wanted = prompt.segments.filter(
      (segment) =>
        segment.to > common &&
        segment.to < prompt.tokens.length &&
        isStorable(segment) &&
        (segment.from >= common || this.cached.canCutAt(segment.from)),
    );
    const loaded: LoadedSegment[] = [];
    for (const segment of wanted) {
      throwIfCancelled(options.signal);
      const key = segmentKey(segment, prompt, { recipe, contextType });
      const placed = await store.load(key, prompt.tokens.subarray(segment.from, segment.to));
      if (placed !== null) loaded.push({ ...placed, segment, key });
    }
    return loaded;
  }

  /** Cells of the whole prompt. */
  #cellsNeeded(length: number, kept: number, loaded: readonly LoadedSegment[]): number {
    const saved = loaded.reduce((sum, { segment, state }) => sum + (segment.to - segment.from) - state.info.cells, 0);
    return this.cached.cells(kept) + (length - kept) - saved;
  }

  #reserve(length: number, wanted: number): number {
    return Math.min(wanted, this.serving.cellsMax - length);
  }
}
