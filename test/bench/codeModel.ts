/** A decoder for source text as the benchmarks use it: losses of texts after a context, and greedy lines. */
import type { NativeContext, NativeModel } from "../../native/addon.ts";
import type { Llama } from "../../extension/engine/llama.ts";
import { readFillInHeader } from "../../extension/engine/fillInHeader.ts";

export interface CodeModelOptions {
  readonly llama: Llama;
  readonly file: string;
  /** Tokens that context and text may have together. */
  readonly cells: number;
  readonly threads: number;
}

/** The markers of fill-in-the-middle. */
interface FillIn {
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number;
  readonly isSuffixFirst: boolean;
}

/** Contexts shorter than this are scored along with the text: a reading of its own would cost more. */
const contextReadMin = 64;

export class CodeModel {
  readonly model: NativeModel;
  readonly context: NativeContext;
  readonly #fillIn: FillIn | null;
  readonly #fileSeparator: Int32Array;
  readonly #endOfText: Int32Array;

  private constructor(model: NativeModel, context: NativeContext, isSuffixFirst: boolean) {
    this.model = model;
    this.context = context;
    const { fimPrefix, fimSuffix, fimMiddle } = model.info.tokens;
    this.#fillIn = fimPrefix < 0 ? null : { prefix: fimPrefix, suffix: fimSuffix, middle: fimMiddle, isSuffixFirst };
    const special = (text: string) => {
      const tokens = model.tokenize(text, { special: true });
      // A model without the token would read its text, which is no separator.
      return tokens.length === 1 ? tokens : new Int32Array(0);
    };
    this.#fileSeparator = special("<|file_sep|>");
    this.#endOfText = special("<|endoftext|>");
  }

  /** Rejects with the addon's errors. */
  static async open({ llama, file, cells, threads }: CodeModelOptions): Promise<CodeModel> {
    const model = await llama.addon.openModel({ path: file, gpuLayers: llama.gpuLayers });
    try {
      const { declared } = await readFillInHeader(file);
      const context = await model.openContext({ cells, threads, batchTokens: Math.min(512, cells) });
      return new CodeModel(model, context, declared === "suffix-first");
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  tokenize(text: string): Int32Array {
    return this.model.tokenize(text, { special: false });
  }

  /** What stands before a file's text: `<file separator>path⏎`. */
  header(path: string): Int32Array {
    return joined([this.#fileSeparator, this.tokenize(`${path}\n`)]);
  }

  get canFillIn(): boolean {
    return this.#fillIn !== null;
  }

  /** The prompt that asks for what stands between two texts of a file; null where the model was not made for it. */
  fillInPrompt(path: string, before: string, after: string): Int32Array | null {
    if (this.#fillIn === null) return null;
    const { prefix, suffix, middle, isSuffixFirst } = this.#fillIn;
    const [head, tail] = [this.tokenize(before), this.tokenize(after)];
    const parts = isSuffixFirst ? [[prefix, suffix], tail, [middle], head] : [[prefix], head, [suffix], tail, [middle]];
    return joined([this.header(path), ...parts.map((part) => Int32Array.from(part))]);
  }

  /** A whole file as the model was trained on it, at most `tokensMax` tokens of its text. */
  document(path: string, text: string, tokensMax: number): Int32Array {
    return joined([this.header(path), this.tokenize(text).subarray(0, tokensMax), this.#endOfText]);
  }

  /**
   * Natural log-probabilities of the tokens of `text` after `context` (at least one token), which together fit into
   * the context. What was read before is forgotten.
   */
  async score(context: Int32Array, text: Int32Array): Promise<Float32Array> {
    this.context.clear();
    if (text.length === 0) return new Float32Array(0);
    if (context.length < contextReadMin) {
      const [all] = await this.context.score([{ sequence: 0, tokens: joined([context, text]) }]);
      return all?.subarray(context.length - 1) ?? new Float32Array(0);
    }
    await this.context.read(0, context.subarray(0, -1));
    const [scores] = await this.context.score([{ sequence: 0, tokens: joined([context.subarray(-1), text]) }]);
    this.context.clear();
    return scores ?? new Float32Array(0);
  }

  /** The likeliest continuation up to a line end, the end of the text or `tokensMax` tokens. */
  async writeLine(prompt: Int32Array, tokensMax: number): Promise<string> {
    this.context.clear();
    await this.context.read(0, prompt);
    const sampler = this.model.createSampler({ temperature: 0 });
    const written: number[] = [];
    try {
      while (written.length < tokensMax) {
        const token = await this.context.next(0, sampler);
        if (this.model.isEndOfGeneration(token)) break;
        written.push(token);
        if (this.#text([token]).includes("\n")) break;
      }
    } finally {
      sampler.close();
    }
    return this.#text(written).split("\n", 1)[0] ?? "";
  }

  async close(): Promise<void> {
    await this.context.close();
    await this.model.close();
  }

  #text(tokens: readonly number[]): string {
    return new TextDecoder().decode(this.model.detokenize(Int32Array.from(tokens), { special: false }));
  }
}

export function joined(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
