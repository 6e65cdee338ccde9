/** Losses of lines under the embedded code model: how surprising each line is after a context. */
import type { NativeContext, NativeModel } from "../../native/addon.ts";
import { SerialQueue } from "../base/serialQueue.ts";
import type { LineLosses, LineScorer } from "../pipeline/ports.ts";
import { whileCancellable, throwIfCancelled } from "./cancellable.ts";
import { nativeFailure } from "./nativeFailure.ts";

export interface OpenedLineScorer extends LineScorer {
  /** Frees the context; the model stays open. */
  close(): Promise<void>;
}

/** Tokens scored at once, and what stands before them at most: together what the model was trained on. */
const scoredTokensMax = 1024;
const contextTokensDefault = 1023;
const textsRemembered = 2000;

/** `model` reads code (models/code). One thread: with two, small batches on a busy machine take ten times longer. */
export async function openLineScorer(
  model: NativeModel,
  { contextTokens = contextTokensDefault }: { readonly contextTokens?: number } = {},
): Promise<OpenedLineScorer> {
  try {
    const cells = scoredTokensMax + contextTokens + 1;
    const context = await model.openContext({ cells, threads: 1, batchTokens: 512, flashAttention: "off" });
    return new CodeLineScorer(model, context, contextTokens);
  } catch (error) {
    throw nativeFailure(error);
  }
}

class CodeLineScorer implements OpenedLineScorer {
  readonly name = "code model";
  readonly #model: NativeModel;
  readonly #context: NativeContext;
  readonly #queue = new SerialQueue();
  readonly #closing = new AbortController();
  readonly #contextTokens: number;
  readonly #start: Int32Array;
  /** Line ends in a token's text. */
  readonly #lineEnds = new Map<number, number>();
  /** Texts that were scored without a context (units without a question): least recently used first. */
  readonly #known = new Map<string, LineLosses>();

  constructor(model: NativeModel, context: NativeContext, contextTokens: number) {
    this.#contextTokens = contextTokens;
    this.#model = model;
    this.#context = context;
    const separator = model.tokenize("<|file_sep|>", { special: true });
    // A model without the separator would read its text; a line end is a beginning, too.
    this.#start = separator.length === 1 ? separator : model.tokenize("\n", { special: false });
  }

  async lineLosses(
    items: readonly { readonly context: string; readonly text: string }[],
    signal: AbortSignal,
  ): Promise<readonly LineLosses[]> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    const losses: LineLosses[] = [];
    await this.#queue.run(async () => {
      try {
        for (const { context, text } of items) losses.push(await this.#losses(context, text, ended));
      } catch (error) {
        throw nativeFailure(error);
      }
    });
    return losses;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#queue.idle();
    await this.#context.close();
  }

  async #losses(context: string, text: string, signal: AbortSignal): Promise<LineLosses> {
    const known = context === "" ? this.#known.get(text) : undefined;
    if (known !== undefined) return known;
    const before = Int32Array.of(...this.#start, ...this.#tokenize(context));
    const tokens = this.#tokenize(`${text}\n`);
    const all = Int32Array.of(...before, ...tokens);
    const lines = text.split("\n").length;
    const losses = { nats: new Float64Array(lines), tokens: new Float64Array(lines) };
    let line = 0;
    for (let from = before.length; from < all.length; from += scoredTokensMax) {
      throwIfCancelled(signal);
      const to = Math.min(all.length, from + scoredTokensMax);
      const logProbabilities = await this.#score(all, from, to, signal);
      for (let at = from; at < to; at += 1) {
        const own = Math.min(line, lines - 1);
        losses.nats[own] = (losses.nats[own] ?? 0) - (logProbabilities[at - from] ?? 0);
        losses.tokens[own] = (losses.tokens[own] ?? 0) + 1;
        line += this.#endsIn(all[at] ?? 0);
      }
    }
    if (context === "") this.#remember(text, losses);
    return losses;
  }

  async #score(all: Int32Array, from: number, to: number, signal: AbortSignal): Promise<Float32Array> {
    const first = Math.max(0, from - this.#contextTokens);
    this.#context.clear();
    if (from - 1 > first) {
      await whileCancellable(this.#context, signal, () => this.#context.read(0, all.subarray(first, from - 1)));
    }
    const items = [{ sequence: 0, tokens: all.subarray(from - 1, to) }];
    const [scores] = await whileCancellable(this.#context, signal, () => this.#context.score(items));
    return scores ?? new Float32Array(0);
  }

  #remember(text: string, losses: LineLosses): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= textsRemembered && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(text, losses);
  }

  #tokenize(text: string): Int32Array {
    return text === "" ? new Int32Array(0) : this.#model.tokenize(text, { special: false });
  }

  /** A token with a line end belongs to the line that it ends. */
  #endsIn(token: number): number {
    const known = this.#lineEnds.get(token);
    if (known !== undefined) return known;
    const bytes = this.#model.detokenize(Int32Array.of(token), { special: false });
    const ends = bytes.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
    this.#lineEnds.set(token, ends);
    return ends;
  }
}
