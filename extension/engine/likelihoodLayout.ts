/** How units and questions become the tokens of one scorer model. */
import type { NativeModel } from "../../native/addon.ts";
import type { Unit } from "../pipeline/ports.ts";

/** What a model reads of a unit. Units with equal keys have equal tokens. */
export interface UnitPrefix {
  readonly key: string;
  /** At least one token. */
  readonly tokens: () => Int32Array;
}

export interface QuestionTokens {
  /** What introduces the question, the question, and what ends it. */
  readonly tokens: Int32Array;
  /** The text of each token from `first` on; an end mark is empty. */
  readonly texts: readonly string[];
  /** The first token of the question, 1 or more: those before it are read, but tell nothing about a unit. */
  readonly first: number;
}

export interface ScorerLayout {
  /** Tokens that a unit and a question take at most, together. */
  readonly cells: number;
  /** Read where there is no unit. At least one token. */
  readonly nothing: Int32Array;
  prefix(unit: Unit): UnitPrefix;
  /** Null for a question of which nothing is left. */
  question(question: string): QuestionTokens | null;
}

/** The text of each token; together they are the whole text, also where a character spans two of them. */
export function tokenTexts(model: NativeModel, tokens: Int32Array): string[] {
  const decoder = new TextDecoder();
  return Array.from(tokens, (token) =>
    decoder.decode(model.detokenize(Int32Array.of(token), { special: false }), { stream: true }),
  );
}
