/** What compressors are given and what they make of it. */
import type { DroppedUnit, Fidelity, RankedUnit, Unit } from "../protocol/units.ts";
import type { Readings } from "./compressReadings.ts";
import type { TokenCounter } from "./ports.ts";
import type { UnitSyntax } from "./pruneSyntax.ts";

export interface CompressRequest {
  /** What is asked, for compressors that look at its words. */
  readonly question?: string;
  /** Best first; ids distinct. */
  readonly ranked: readonly RankedUnit[];
  readonly counter: TokenCounter;
  /** The line comment of a language, for omission marks. */
  readonly omission: (language: string) => string;
  /** 0 or more. */
  readonly budgetTokens: number;
  /** Lines by path that stand in the prompt already and are not repeated. */
  readonly taken?: ReadonlyMap<string, ReadonlySet<number>>;
  /** Definitions that ranked units mention and that are not ranked themselves: their declarations may come along. */
  readonly related?: readonly Unit[];
  /**
   * What a thousand tokens must be worth to be spent, where showing the best unit whole is worth 1; for the knapsack.
   * 0, and default: the whole budget is spent.
   */
  readonly worthMin?: number;
  /** What a language model made of units and question; without them, words and structure decide. */
  readonly readings?: Readings;
  /** Checks that what is left of a unit still parses; without it, nobody does. */
  readonly syntax?: UnitSyntax;
}

export interface CompressedUnit {
  readonly ranked: RankedUnit;
  readonly fidelity: Fidelity;
  /** What stands in the prompt; see `renderUnit`. */
  readonly text: string;
  readonly tokensSent: number;
  /** Tokens of the whole unit. */
  readonly tokensRaw: number;
  /** The lines of the file that stand in `text`. */
  readonly lines: readonly number[];
}

export interface Compressed {
  /** In file order: by path, then by first line. No line of a file is in two of them. */
  readonly kept: readonly CompressedUnit[];
  readonly dropped: readonly DroppedUnit[];
  /** Sum over `kept`; never more than the budget. */
  readonly tokensSent: number;
}

export type Compressor = (request: CompressRequest) => Compressed;
