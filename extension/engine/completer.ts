/** A model that completes code, with a context of its own: reads prompts, reuses what it has read, and writes on. */
import type { NativeContext, NativeModel, NativeSampler } from "../../native/addon.ts";
import { type FillInFormat, fillInFormat, type FillInModel } from "../pipeline/fillInFormat.ts";
import type { TokenCounter } from "../pipeline/ports.ts";
import { draftAfter } from "../pipeline/promptLookup.ts";
import type { CompleterModel, CompleterStatus, CompletionPiece } from "../protocol/complete.ts";
import type { KvType } from "../protocol/settings.ts";
import { throwIfCancelled, whileCancellable } from "./cancellable.ts";
import { nativeFailure } from "./nativeFailure.ts";
import { PieceTokenizer } from "./pieceTokenizer.ts";
import { TextStream } from "./textStream.ts";

export interface CompleterOptions {
  readonly model: NativeModel;
  readonly name: string;
  readonly role: CompleterModel["role"];
  readonly header: Omit<FillInModel, "bos">;
  /** Tokens that prompt and completion may take together. */
  readonly contextTokens: number;
  readonly threads: number;
  readonly kvType: KvType;
  /** Frees the model, where it is this completer's alone. */
  readonly closeModel: () => Promise<void>;
}

export interface WriteOptions {
  readonly maxTokens: number;
  readonly signal: AbortSignal;
  /** Told all that was written after each piece of text; true ends the writing. */
  readonly isDone: (text: string) => boolean;
  /** Tokens that are drafted for one step; 0: none. Default `draftTokensMax`. What is written is the same. */
  readonly draftTokens?: number;
}

export interface WrittenText {
  readonly text: string;
  /** The tokens of `text`, the ending one not among them, how much of `text` is written after each, and its log probability. */
  readonly tokens: readonly number[];
  readonly lengths: readonly number[];
  readonly logProbabilities: readonly number[];
  /** How often the model was asked, and how many of the drafted tokens were right. */
  readonly steps: number;
  readonly drafted: number;
  readonly accepted: number;
}

/** Longer drafts cost more on a processor than they save: bench:complete's table of drafts. */
export const draftTokensMax = 4;

/** One operation at a time. After a cancellation or failure it is usable, and what was read stays read. */
export class Completer {
  readonly name: string;
  readonly role: CompleterOptions["role"];
  readonly format: FillInFormat;
  readonly counter: TokenCounter;
  readonly #model: NativeModel;
  readonly #context: NativeContext;
  readonly #tokenizer: PieceTokenizer;
  readonly #stopTokens: ReadonlySet<number>;
  readonly #closeModel: () => Promise<void>;
  /** Exactly the tokens in the cache. */
  #cached: number[] = [];
  /** The prompt that was read last. */
  #prompt: Int32Array = new Int32Array(0);

  /** Fails as the addon does; the model is closed then. */
  static async open(options: CompleterOptions): Promise<Completer> {
    try {
      const context = await options.model.openContext({
        cells: options.contextTokens,
        threads: options.threads,
        kvType: options.kvType === "auto" ? "f16" : options.kvType,
      });
      return new Completer(options, context);
    } catch (error) {
      await options.closeModel();
      throw nativeFailure(error);
    }
  }

  private constructor(options: CompleterOptions, context: NativeContext) {
    const { model, header } = options;
    const { addBos, tokens } = model.info;
    this.name = options.name;
    this.role = options.role;
    this.format = fillInFormat({ ...header, bos: addBos ? tokens.bos : -1 });
    this.#model = model;
    this.#context = context;
    this.#tokenizer = new PieceTokenizer(model);
    this.counter = { name: options.name, count: (text) => this.#tokenizer.tokenize(text, { special: false }).length };
    this.#stopTokens = new Set(this.format.stopTokens);
    this.#closeModel = options.closeModel;
  }

  get model(): CompleterModel {
    return { name: this.name, role: this.role, fillIn: this.format.order };
  }

  get cache(): Pick<CompleterStatus, "cells" | "usedCells" | "kvBytes"> {
    const { cells, kvBytes } = this.#context.info;
    return { cells, usedCells: this.#cached.length, kvBytes };
  }

  /** Tokens that fit into its context. */
  get contextTokens(): number {
    return this.#context.info.cellsPerSequence;
  }

  /** The text of a control token. */
  readonly textOf = (token: number): string =>
    new TextDecoder().decode(this.#model.detokenize(Int32Array.of(token), { special: true }));

  /** The prompt's tokens: each piece on its own, so that the pieces' counts add up. */
  tokensOf(pieces: readonly CompletionPiece[]): Int32Array {
    return Int32Array.from(
      pieces.flatMap(({ token, text }) =>
        token === undefined ? [...this.#tokenizer.tokenize(text, { special: false })] : [token],
      ),
    );
  }

  /** Makes the cache hold exactly `tokens` (at least one), reusing the longest beginning that it holds already. */
  async read(tokens: Int32Array, signal: AbortSignal): Promise<{ tokensRead: number; tokensReused: number }> {
    throwIfCancelled(signal);
    const context = this.#context;
    // The last token is always read: its logits say how the completion begins.
    const tokensReused = Math.min(commonLength(this.#cached, tokens), tokens.length - 1);
    try {
      this.#keep(tokensReused);
      for (let from = tokensReused; from < tokens.length; from += context.info.batchTokens) {
        const batch = tokens.slice(from, from + context.info.batchTokens);
        await whileCancellable(context, signal, () => context.read(sequence, batch));
        for (const token of batch) this.#cached.push(token);
      }
    } catch (error) {
      throw nativeFailure(error);
    }
    this.#prompt = tokens;
    return { tokensRead: tokens.length - tokensReused, tokensReused };
  }

  /** Writes on after the last `read`, always the likeliest token. Fails with cancelled. */
  async write(options: WriteOptions): Promise<WrittenText> {
    const sampler = this.#model.createSampler({ temperature: 0 });
    try {
      return await this.#write(options, sampler);
    } catch (error) {
      throw nativeFailure(error);
    } finally {
      sampler.close();
    }
  }

  /** Log probabilities of tokens that follow the prompt that was read last, whether they were written or not. */
  async logProbabilities(tokens: readonly number[], signal: AbortSignal): Promise<Float32Array> {
    if (tokens.length === 0) return new Float32Array(0);
    const last = this.#prompt.length - 1;
    try {
      this.#keep(last);
      const scored = Int32Array.from([this.#prompt[last] ?? 0, ...tokens]);
      const [logs] = await whileCancellable(this.#context, signal, () =>
        this.#context.score([{ sequence, tokens: scored }]),
      );
      return logs ?? new Float32Array(0);
    } catch (error) {
      throw nativeFailure(error);
    }
  }

  /** Forgets what was read. */
  forget(): void {
    this.#keep(0);
  }

  /** Stops what runs and frees the context, and the model where it is its own. */
  async close(): Promise<void> {
    this.#context.cancel();
    await this.#context.close();
    await this.#closeModel();
  }

  async #write(
    { maxTokens, signal, isDone, draftTokens = draftTokensMax }: WriteOptions,
    sampler: NativeSampler,
  ): Promise<WrittenText> {
    const stream = new TextStream([]);
    const text = new GrowingText();
    /** The token that was sampled last, which is not in the cache, and the draft of what follows it. */
    let step: readonly number[] = [];
    for (;;) {
      const asked = Int32Array.from(step);
      const drawn = await whileCancellable(this.#context, signal, () => this.#context.extend(sequence, sampler, asked));
      this.#cached.push(...step.slice(0, drawn.tokens.length));
      text.steps += 1;
      text.drafted += Math.max(0, step.length - 1);
      text.accepted += step.length === 0 ? 0 : drawn.tokens.length - 1;
      for (const [at, token] of drawn.tokens.entries()) {
        if (this.#model.isEndOfGeneration(token) || this.#stopTokens.has(token)) return text;
        text.text += stream.push(this.#model.detokenize(Int32Array.of(token), { special: false }));
        text.tokens.push(token);
        text.lengths.push(text.text.length);
        text.logProbabilities.push(drawn.logProbabilities[at] ?? 0);
        if (text.tokens.length >= maxTokens || isDone(text.text)) return text;
      }
      const room = this.contextTokens - this.#cached.length;
      const last = drawn.tokens.at(-1);
      if (room <= 0 || last === undefined) return text;
      const known = [...this.#cached, last];
      step = [last, ...draftAfter(known, Math.min(draftTokens, room - 1, maxTokens - text.tokens.length - 1))];
    }
  }

  #keep(length: number): void {
    if (length >= this.#cached.length) return;
    this.#context.remove(sequence, length, -1);
    this.#cached.length = length;
  }
}

class GrowingText implements WrittenText {
  text = "";
  readonly tokens: number[] = [];
  readonly lengths: number[] = [];
  readonly logProbabilities: number[] = [];
  steps = 0;
  drafted = 0;
  accepted = 0;
}

/** A completer has one sequence. */
const sequence = 0;

function commonLength(cached: readonly number[], tokens: Int32Array): number {
  const limit = Math.min(cached.length, tokens.length);
  let length = 0;
  while (length < limit && cached[length] === tokens[length]) length += 1;
  return length;
}
