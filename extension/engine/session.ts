/**
 * The assistant model: reads prompts, reuses what it has read before, writes answers, and compresses its cache when
 * there is nothing else to do.
 */
import path from "node:path";
import type { ContextInfo, ModelInfo, NativeAddon, NativeModel } from "../../native/addon.ts";
import type { ChatFormat, TokenCounter } from "../pipeline/ports.ts";
import { promptSegments } from "../pipeline/promptSegments.ts";
import type { KvMeter, LogLevel } from "../protocol/engine.ts";
import type { KvType } from "../protocol/settings.ts";
import type { Prompt } from "../protocol/units.ts";
import { throwIfCancelled } from "./cancellable.ts";
import { openChatFormat } from "./chat.ts";
import { generate } from "./generation.ts";
import type { GenerateOptions, GenerateResult } from "./generation.ts";
import { IdleWork } from "./idleWork.ts";
import { KvAccount } from "./kvAccount.ts";
import { noRefusal, refusalSentence } from "./kvRefusal.ts";
import { isExact } from "./kvSegments.ts";
import type { KvRecipe, TokenSegment } from "./kvSegments.ts";
import type { Llama } from "./llama.ts";
import { nativeFailure } from "./nativeFailure.ts";
import { PieceTokenizer } from "./pieceTokenizer.ts";
import { SegmentStore } from "./segmentStore.ts";
import { SessionCache } from "./sessionCache.ts";
import type { PromptTokens } from "./sessionCache.ts";
import { compressSession } from "./sessionCompression.ts";
import { ServingContext } from "./servingContext.ts";
import { modelFingerprint } from "./stateFiles.ts";

export interface SessionOptions {
  readonly llama: Llama;
  readonly modelPath: string;
  /** Tokens that prompt and answer may take together. */
  readonly contextTokens: number;
  /** 0: one per physical core, at most 8. */
  readonly threads: number;
  /** `auto`: f16 on the CPU, q8_0 on a GPU where the model allows it. */
  readonly kvType: KvType;
  /** Default: all on a GPU, none on the CPU. */
  readonly gpuLayers?: number;
  readonly signal?: AbortSignal;
  /** Share of the model that is loaded, 0…1. */
  readonly onProgress?: (fraction: number) => void;
  readonly log?: (level: LogLevel, message: string) => void;
  /** Called when work in idle time begins, goes on or ends. */
  readonly onKvChanged?: (kv: KvMeter) => void;
}

/** How the session keeps what it has read. */
export interface KvPolicy {
  readonly recipe: KvRecipe;
  /** Where segments are kept on disk; null: nowhere. */
  readonly disk: { readonly folder: string; readonly bytesMax: number } | null;
}

export interface ReadOptions {
  /** Those of `promptTokens`; without them nothing is stored or compressed. */
  readonly segments?: readonly TokenSegment[];
  /** Room for the answer; default: what the context leaves. */
  readonly reserveTokens?: number;
  readonly signal?: AbortSignal;
  /** After each step: tokens of this prompt that are in the cache, and how many of them were not read now. */
  readonly onProgress?: (tokensDone: number, tokensReused: number) => void;
}

export interface ReadResult {
  readonly tokensRead: number;
  /** Tokens that were in the cache, or were loaded from disk. */
  readonly tokensReused: number;
  /** Those of them that were loaded. */
  readonly tokensLoaded: number;
}

/** One operation at a time; whoever shares a session queues. Work in idle time makes way for the next operation. */
export class Session {
  readonly model: ModelInfo;
  readonly chat: ChatFormat;
  /** Counts content; a text of `chat` counts with its control tokens, as `tokenizePrompt` reads it. */
  readonly counter: TokenCounter;
  readonly #parts: SessionParts;
  readonly #cache: SessionCache;
  readonly #tokenizer: PieceTokenizer;
  readonly #templateTexts: ReadonlySet<string>;
  readonly #account: KvAccount;
  readonly #idle = new IdleWork(() => {
    this.#parts.onKvChanged(this.kv);
  });
  #policy: KvPolicy = { recipe: { evictor: "none", keepRatio: 1 }, disk: null };
  #store: SegmentStore | null = null;
  #fingerprint: Promise<string> | null = null;
  /** What was read last, once it was read to its end. */
  #prompt: PromptTokens | null = null;

  /**
   * Loads the model and opens its context. Fails with modelMissing, modelNotGguf, modelTruncated, modelUnsupported,
   * modelLoadFailed, outOfMemory or cancelled; nothing stays open then.
   */
  static async open(options: SessionOptions): Promise<Session> {
    throwIfCancelled(options.signal);
    const { llama, modelPath, threads } = options;
    const { addon } = llama;
    try {
      const model = await addon.openModel({
        path: modelPath,
        gpuLayers: options.gpuLayers ?? llama.gpuLayers,
        ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      });
      try {
        throwIfCancelled(options.signal);
        const chat = await openChatFormat({
          modelPath,
          bosText: bosText(model),
          addBos: model.info.addBos,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
        const serving = await ServingContext.open(model, {
          cells: options.contextTokens,
          kvType: options.kvType,
          threads,
          isOnGpu: (options.gpuLayers ?? llama.gpuLayers) > 0,
        });
        const log = options.log ?? (() => undefined);
        const onKvChanged = options.onKvChanged ?? (() => undefined);
        return new Session({ addon, model, chat, modelPath, threads, log, onKvChanged }, new SessionCache(serving));
      } catch (error) {
        await model.close();
        throw error;
      }
    } catch (error) {
      throw nativeFailure(error);
    }
  }

  private constructor(parts: SessionParts, cache: SessionCache) {
    this.#parts = parts;
    this.#cache = cache;
    this.#account = new KvAccount(cache);
    this.model = parts.model.info;
    this.chat = parts.chat;
    this.#tokenizer = new PieceTokenizer(parts.model);
    const { beforeSystem, between, after } = parts.chat.wrap();
    this.#templateTexts = new Set([beforeSystem, between, after]);
    this.counter = { name: path.basename(parts.modelPath), count: (text) => this.count(text) };
  }

  get context(): ContextInfo {
    return this.#cache.serving.info;
  }

  /** Bytes of the KV cache, as allocated. */
  get kvBytes(): number {
    return this.context.kvBytes;
  }

  /** Tokens that the cache stands for. */
  get cachedTokens(): number {
    return this.#cache.cached.length;
  }

  /** What the cache is made of and how it came to be. */
  get kv(): KvMeter {
    return this.#account.meter(this.#policy.recipe, this.#idle.isRunning);
  }

  /** From the next prompt on. What is stored under another policy stays on disk. */
  async setPolicy(policy: KvPolicy): Promise<void> {
    if (JSON.stringify(policy) === JSON.stringify(this.#policy)) return;
    await this.#idle.stop();
    const { addon, model, modelPath, log } = this.#parts;
    this.#policy = policy;
    this.#store = null;
    if (policy.disk === null || policy.disk.bytesMax <= 0) return;
    this.#fingerprint ??= modelFingerprint(modelPath);
    this.#store = new SegmentStore({
      ...policy.disk,
      addon,
      model,
      modelName: path.basename(modelPath),
      modelFingerprint: await this.#fingerprint,
      onProblem: (message) => {
        log("warning", message);
      },
    });
  }

  count(text: string): number {
    return this.#tokenize(text, this.#templateTexts.has(text)).length;
  }

  /** The prompt's tokens without their segments. */
  tokenizePrompt(prompt: Pick<Prompt, "pieces">): Int32Array {
    return this.promptTokens(prompt).tokens;
  }

  /**
   * The prompt's tokens: each piece on its own, one after another, so that the pieces' counts add up. Only pieces of
   * the chat format may hold control tokens; what looks like one in a file or a question is plain text.
   */
  promptTokens(prompt: Pick<Prompt, "pieces">): PromptTokens {
    const pieces = prompt.pieces.map((piece) =>
      this.#tokenize(piece.text, piece.share === "template" && this.#templateTexts.has(piece.text)),
    );
    const starts = [0];
    for (const piece of pieces) starts.push((starts.at(-1) ?? 0) + piece.length);
    const tokens = new Int32Array(starts.at(-1) ?? 0);
    for (const [at, piece] of pieces.entries()) tokens.set(piece, starts[at] ?? 0);
    const segments = promptSegments(prompt.pieces)
      .map(({ kind, first, end, label }) => ({ kind, label, from: starts[first] ?? 0, to: starts[end] ?? 0 }))
      .filter(({ from, to }) => to > from);
    return { tokens, segments };
  }

  /**
   * Makes the cache hold exactly `tokens`: what it holds already of their beginning, what is stored of their segments,
   * and the rest read. Fails with cancelled, contextFull or what llama.cpp reports; what was read until then stays in the
   * cache and the session stays usable.
   */
  async read(tokens: Int32Array, options: ReadOptions = {}): Promise<ReadResult> {
    await this.#idle.stop();
    this.#prompt = null;
    const { segments = [{ kind: "loose", from: 0, to: tokens.length, label: "" } as const] } = options;
    const prompt = { tokens, segments };
    const held = await this.#cache.hold(prompt, {
      recipe: this.#policy.recipe,
      store: this.#account.uncompressedBecause === noRefusal ? this.#store : null,
      log: this.#parts.log,
      reserveTokens: options.reserveTokens ?? this.#cache.serving.cellsMax,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    });
    this.#prompt = prompt;
    this.#account.noteRead(held, tokens.length);
    const { tokensRead, tokensKept, tokensLoaded } = held;
    return { tokensRead, tokensReused: tokensKept + tokensLoaded, tokensLoaded };
  }

  /** Writes on after the last `read`; see `generate` in generation.ts. */
  generate(options: GenerateOptions): AsyncGenerator<string, GenerateResult, undefined> {
    const stopStrings = [...this.chat.stopStrings, ...(options.stopStrings ?? [])];
    return generate(this.#parts.model, this.#cache, { ...options, stopStrings });
  }

  /** Something is asked: idle time is over. */
  wake(): void {
    void this.#idle.stop();
  }

  /** Nothing is asked for now: compresses and stores what was read, unless that is done. Any operation interrupts it. */
  rest(): void {
    const prompt = this.#prompt;
    if (prompt === null || this.#account.uncompressedBecause !== noRefusal) return;
    if (isExact(this.#policy.recipe) && this.#store === null) return;
    this.#idle.start((signal) => this.#compress(prompt, signal));
  }

  /** Resolves when nothing runs in idle time any more. Rejects with `cancelled` when aborted; the work goes on. */
  settled(signal: AbortSignal): Promise<void> {
    return this.#idle.ended(signal);
  }

  /** Stops what runs and frees the model. */
  async close(): Promise<void> {
    await this.#idle.stop();
    await this.#cache.serving.close();
    await this.#parts.model.close();
  }

  async #compress(prompt: PromptTokens, signal: AbortSignal): Promise<void> {
    const { addon, model, threads, log } = this.#parts;
    const startMs = performance.now();
    try {
      const result = await compressSession({
        ...{ addon, model, threads, prompt, signal },
        cache: this.#cache,
        recipe: this.#policy.recipe,
        store: this.#store,
        onProgress: (tokensDone, tokensTotal) => {
          this.#account.noteProgress(tokensDone, tokensTotal);
          this.#parts.onKvChanged(this.kv);
        },
      });
      this.#account.noteCompression(result, performance.now() - startMs);
      this.#prompt = null;
    } catch (error) {
      const failure = nativeFailure(error);
      if (failure.code === "cancelled") return;
      if (failure.code === "modelUnsupported") this.#account.uncompressedBecause = refusalSentence(failure.detail);
      log(
        failure.code === "modelUnsupported" ? "info" : "warning",
        `What the model has read stays uncompressed: ${failure.message}`,
      );
    }
  }

  #tokenize(text: string, special: boolean): Int32Array {
    return this.#tokenizer.tokenize(text, { special });
  }
}

interface SessionParts {
  readonly addon: NativeAddon;
  readonly model: NativeModel;
  readonly chat: ChatFormat;
  readonly modelPath: string;
  readonly threads: number;
  readonly log: (level: LogLevel, message: string) => void;
  readonly onKvChanged: (kv: KvMeter) => void;
}

function bosText(model: NativeModel): string {
  const { bos } = model.info.tokens;
  return bos < 0 ? "" : new TextDecoder().decode(model.detokenize(Int32Array.of(bos), { special: true }));
}
