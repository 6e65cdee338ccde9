/** The assistant model with one context: reads prompts, reuses what it has read before, and writes answers. */
import path from "node:path";
import type { ContextInfo, ModelInfo, NativeContext, NativeModel, NativeKvType } from "../../native/addon.ts";
import type { ChatFormat, TokenCounter } from "../pipeline/ports.ts";
import { Failure } from "../protocol/failure.ts";
import type { KvType } from "../protocol/settings.ts";
import type { Prompt, StopReason } from "../protocol/units.ts";
import { throwIfCancelled, whileCancellable } from "./cancellable.ts";
import { openChatFormat } from "./chat.ts";
import type { Llama } from "./llama.ts";
import { nativeFailure } from "./nativeFailure.ts";
import { PieceTokenizer } from "./pieceTokenizer.ts";
import { readSessionFile, sessionFingerprint, writeSessionFile } from "./sessionFile.ts";
import { TextStream } from "./textStream.ts";

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
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** After each batch: tokens of this prompt that are in the cache, and how many of them were there before. */
  readonly onProgress?: (tokensDone: number, tokensReused: number) => void;
}

export interface ReadResult {
  readonly tokensRead: number;
  readonly tokensReused: number;
}

export interface GenerateOptions {
  readonly maxTokens: number;
  /** 0: always the likeliest token. */
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repeatPenalty?: number;
  readonly repeatLastTokens?: number;
  readonly seed?: number;
  /** In addition to the chat format's own. */
  readonly stopStrings?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface GenerateResult {
  readonly stopReason: StopReason;
  /** Tokens generated, the ending one included. */
  readonly tokens: number;
}

/** One operation at a time; whoever shares a session queues. */
export class Session {
  readonly model: ModelInfo;
  readonly context: ContextInfo;
  readonly chat: ChatFormat;
  /** Counts content; a text of `chat` counts with its control tokens, as `tokenizePrompt` reads it. */
  readonly counter: TokenCounter;
  readonly #parts: SessionParts;
  readonly #tokenizer: PieceTokenizer;
  readonly #templateTexts: ReadonlySet<string>;
  /** Exactly the tokens in the cache. */
  #cached: number[] = [];

  /**
   * Loads the model and opens its context. Fails with modelMissing, modelNotGguf, modelTruncated, modelUnsupported,
   * modelLoadFailed, outOfMemory or cancelled; nothing stays open then.
   */
  static async open(options: SessionOptions): Promise<Session> {
    throwIfCancelled(options.signal);
    const { llama, modelPath } = options;
    try {
      const model = await llama.addon.openModel({
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
        const context = await openContext(model, options);
        return new Session({ model, context, chat, modelPath, release: llama.addon.release });
      } catch (error) {
        await model.close();
        throw error;
      }
    } catch (error) {
      throw nativeFailure(error);
    }
  }

  private constructor(parts: SessionParts) {
    this.#parts = parts;
    this.model = parts.model.info;
    this.context = parts.context.info;
    this.chat = parts.chat;
    this.#tokenizer = new PieceTokenizer(parts.model);
    const { beforeSystem, between, after } = parts.chat.wrap();
    this.#templateTexts = new Set([beforeSystem, between, after]);
    this.counter = { name: path.basename(parts.modelPath), count: (text) => this.count(text) };
  }

  /** Bytes of the KV cache, as allocated. */
  get kvBytes(): number {
    return this.context.kvBytes;
  }

  /** Tokens in the cache. */
  get cachedTokens(): number {
    return this.#cached.length;
  }

  count(text: string): number {
    return this.#tokenize(text, this.#templateTexts.has(text)).length;
  }

  /**
   * The prompt's tokens: each piece on its own, one after another, so that the pieces' counts add up. Only pieces of
   * the chat format may hold control tokens; what looks like one in a file or a question is plain text.
   */
  tokenizePrompt(prompt: Pick<Prompt, "pieces">): Int32Array {
    const pieces = prompt.pieces.map((piece) =>
      this.#tokenize(piece.text, piece.share === "template" && this.#templateTexts.has(piece.text)),
    );
    const tokens = new Int32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let offset = 0;
    for (const piece of pieces) {
      tokens.set(piece, offset);
      offset += piece.length;
    }
    return tokens;
  }

  /**
   * Makes the cache hold exactly `tokens`, reusing the longest beginning that it holds already. Fails with cancelled,
   * contextFull or what llama.cpp reports; what was read until then stays in the cache and the session stays usable.
   */
  async read(tokens: Int32Array, options: ReadOptions = {}): Promise<ReadResult> {
    const { context } = this.#parts;
    if (tokens.length === 0) throw new Failure("nativeArgument", "there is nothing to read");
    if (tokens.length > this.context.cellsPerSequence) {
      throw new Failure("contextFull", `${tokens.length} tokens, room for ${this.context.cellsPerSequence}`);
    }
    throwIfCancelled(options.signal);
    // The last token is always read: its logits say how the answer begins.
    const tokensReused = Math.min(commonPrefix(this.#cached, tokens), tokens.length - 1);
    try {
      if (tokensReused < this.#cached.length) {
        context.remove(sequence, tokensReused, -1);
        this.#cached.length = tokensReused;
      }
      for (let from = tokensReused; from < tokens.length; from += this.context.batchTokens) {
        const batch = tokens.slice(from, from + this.context.batchTokens);
        await whileCancellable(context, options.signal, () => context.read(sequence, batch));
        for (const token of batch) this.#cached.push(token);
        options.onProgress?.(this.#cached.length, tokensReused);
      }
    } catch (error) {
      throw nativeFailure(error);
    }
    return { tokensRead: tokens.length - tokensReused, tokensReused };
  }

  /**
   * Writes on after the last `read`. Yields text that is certain: no half characters, and nothing that is or may
   * become part of a stop string. Returns why it stopped; an abort is a stop reason, not a failure.
   */
  async *generate(options: GenerateOptions): AsyncGenerator<string, GenerateResult, undefined> {
    const { model, context, chat } = this.#parts;
    const text = new TextStream([...chat.stopStrings, ...(options.stopStrings ?? [])]);
    let tokens = 0;
    const done = (stopReason: StopReason): GenerateResult => ({ stopReason, tokens });
    if (options.signal?.aborted) return done("cancelled");
    try {
      const sampler = model.createSampler({
        temperature: options.temperature,
        ...defined({ topK: options.topK, topP: options.topP, minP: options.minP, seed: options.seed }),
        ...defined({ repeatPenalty: options.repeatPenalty, repeatLastTokens: options.repeatLastTokens }),
      });
      try {
        while (tokens < options.maxTokens && this.#cached.length < this.context.cellsPerSequence) {
          const token = await whileCancellable(context, options.signal, () => context.next(sequence, sampler));
          tokens += 1;
          if (model.isEndOfGeneration(token)) {
            const rest = text.end();
            if (rest !== "") yield rest;
            return done("end");
          }
          this.#cached.push(token);
          const delta = text.push(model.detokenize(Int32Array.of(token), { special: false }));
          if (delta !== "") yield delta;
          if (text.stopped) return done("stopString");
          if (options.signal?.aborted) return done("cancelled");
        }
      } finally {
        sampler.close();
      }
      return done("length");
    } catch (error) {
      const failure = nativeFailure(error);
      if (failure.code === "cancelled") return done("cancelled");
      throw failure;
    }
  }

  /** Writes the cache to a file, completely or not at all. */
  async save(file: string): Promise<void> {
    const fingerprint = await this.#fingerprint();
    const tokens = Int32Array.from(this.#cached);
    let blob: Uint8Array;
    try {
      blob = await this.#parts.context.saveSequence(sequence);
    } catch (error) {
      throw nativeFailure(error);
    }
    await writeSessionFile(file, { fingerprint, tokens, blob });
  }

  /** Replaces the cache by a saved one. Fails with blobInvalid; the cache is empty or as it was then. */
  async restore(file: string): Promise<{ readonly tokens: number }> {
    const state = await readSessionFile(file, await this.#fingerprint());
    if (state.tokens.length > this.context.cellsPerSequence) {
      throw new Failure("contextFull", `${state.tokens.length} tokens, room for ${this.context.cellsPerSequence}`);
    }
    this.#cached = [];
    try {
      await this.#parts.context.restoreSequence(sequence, state.blob);
    } catch (error) {
      this.#parts.context.clear();
      throw nativeFailure(error);
    }
    this.#cached = [...state.tokens];
    return { tokens: state.tokens.length };
  }

  /** Stops what runs and frees the model. */
  async close(): Promise<void> {
    this.#parts.context.cancel();
    await this.#parts.context.close();
    await this.#parts.model.close();
  }

  #tokenize(text: string, special: boolean): Int32Array {
    return this.#tokenizer.tokenize(text, { special });
  }

  #fingerprint(): Promise<string> {
    return sessionFingerprint(this.#parts.modelPath, this.context.kvType, this.#parts.release);
  }
}

/** A session has one sequence. */
const sequence = 0;

interface SessionParts {
  readonly model: NativeModel;
  readonly context: NativeContext;
  readonly chat: ChatFormat;
  readonly modelPath: string;
  readonly release: string;
}

function bosText(model: NativeModel): string {
  const { bos } = model.info.tokens;
  return bos < 0 ? "" : new TextDecoder().decode(model.detokenize(Int32Array.of(bos), { special: true }));
}

async function openContext(model: NativeModel, options: SessionOptions): Promise<NativeContext> {
  const open = (kvType: NativeKvType): Promise<NativeContext> =>
    model.openContext({ cells: options.contextTokens, kvType, threads: options.threads });
  if (options.kvType !== "auto") return open(options.kvType);
  if (options.llama.gpuLayers === 0) return open("f16");
  try {
    return await open("q8_0");
  } catch {
    // Not every head size can be quantised; if it was something else, f16 fails as well and says so.
    return open("f16");
  }
}

function commonPrefix(cached: readonly number[], tokens: Int32Array): number {
  const limit = Math.min(cached.length, tokens.length);
  let length = 0;
  while (length < limit && cached[length] === tokens[length]) length++;
  return length;
}

/** The fields that have a value: under exactOptionalPropertyTypes an absent option must not be `undefined`. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
