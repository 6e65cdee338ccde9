import type { KvMeter } from "../protocol/engine.ts";
import { noRefusal } from "./kvRefusal.ts";
import type { KvRecipe } from "./kvSegments.ts";
import type { CompressionResult } from "./sessionCompression.ts";
import type { Held, SessionCache } from "./sessionCache.ts";

/** What the KV meter shows: figures of the last prompt and of the last compression. */
export class KvAccount {
  readonly #cache: SessionCache;
  #read: Held & { readonly tokens: number } = {
    tokensRead: 0,
    tokensKept: 0,
    tokensLoaded: 0,
    loadMs: 0,
    tokens: 0,
  };
  #compression: (CompressionResult & { readonly ms: number }) | null = null;
  #progress = { done: 0, total: 0 };
  /** As in `KvMeter`. */
  uncompressedBecause = noRefusal;

  constructor(cache: SessionCache) {
    this.#cache = cache;
  }

  noteRead(held: Held, tokens: number): void {
    this.#read = { ...held, tokens };
  }

  noteProgress(done: number, total: number): void {
    this.#progress = { done, total };
  }

  noteCompression(result: CompressionResult, ms: number): void {
    this.#progress = { done: 0, total: 0 };
    this.#compression = { ...result, ms };
  }

  meter(recipe: KvRecipe, isCompressing: boolean): KvMeter {
    const { cached, serving } = this.#cache;
    const { kvBytes, cells } = serving.info;
    const { tokens, tokensRead, tokensKept, tokensLoaded, loadMs } = this.#read;
    return {
      ...{ evictor: recipe.evictor, keepRatio: recipe.keepRatio },
      ...{ cells, cellsUsed: cached.cells(), tokens: cached.length },
      bytes: kvBytes,
      bytesFull: Math.max(kvBytes, this.#compression?.bytesBefore ?? 0),
      prompt: { tokens, tokensRead, tokensKept, tokensLoaded, loadMs },
      compression: {
        isRunning: isCompressing,
        tokensDone: isCompressing ? this.#progress.done : (this.#compression?.tokens ?? 0),
        tokensTotal: isCompressing ? this.#progress.total : (this.#compression?.tokens ?? 0),
        ms: this.#compression?.ms ?? 0,
      },
      uncompressedBecause: this.uncompressedBecause,
    };
  }
}
