import type { NativeModel } from "../../native/addon.ts";

/** Tokenises the pieces of a prompt one by one, so that together they still are the prompt's text. */
export class PieceTokenizer {
  readonly #model: NativeModel;
  /** Put before every text and taken off again; empty where the model needs no such thing. */
  readonly #guard: Int32Array;

  constructor(model: NativeModel) {
    this.#model = model;
    this.#guard = addsBlank(model) ? model.tokenize(guardText, { special: false }) : new Int32Array(0);
  }

  /** Tokens of a piece, wherever it stands. `special`: texts of control tokens become those tokens. */
  tokenize(text: string, options: { readonly special: boolean }): Int32Array {
    if (text === "") return new Int32Array(0);
    if (this.#guard.length > 0) {
      const tokens = this.#model.tokenize(guardText + text, options);
      if (this.#guard.every((token, index) => tokens[index] === token)) return tokens.slice(this.#guard.length);
    }
    return this.#model.tokenize(text, options);
  }
}

/** A line end: SentencePiece merges it with nothing that follows. */
const guardText = "\n";

/**
 * SentencePiece models of the Llama 2 kind put a blank before whatever they tokenise. That is right at the beginning of
 * a prompt and wrong in its middle, where it would indent the first line of every piece.
 */
function addsBlank(model: NativeModel): boolean {
  const bytes = model.detokenize(model.tokenize("x", { special: false }), { special: false });
  return bytes[0] === " ".charCodeAt(0);
}
