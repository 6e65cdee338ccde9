/**
 * Scores of units from what a language model makes of the question's tokens: LongCodeZip's own, and ours, in which
 * function words count less.
 */
import type { Unit } from "../protocol/units.ts";
import type { LikelihoodScorer, QuestionGains } from "./ports.ts";
import { parseQuestion } from "./question.ts";

export const likelihoodMethods = ["longcodezip", "likelihood"] as const;
export type LikelihoodMethod = (typeof likelihoodMethods)[number];

/** How gains become a score. */
export interface LikelihoodRules {
  /** Weight of the tokens of function words, 0…1; all others weigh 1. */
  readonly functionWords: number;
  /** Nats that one token adds or takes at most. */
  readonly gainNatsMax: number;
  /** Share of the unit's mean gain on neutral probes that is taken off, 0…1; above 0 the probes cost time. */
  readonly probes: number;
}

/**
 * What `npm run bench:models -- --only b` found best; models/scorer/README.md has the figures. Clipping the gain of a
 * token and correcting units by neutral probes, which also seem right, both lose, so they are off.
 */
export const likelihoodRules: LikelihoodRules = {
  functionWords: 0.5,
  gainNatsMax: Number.POSITIVE_INFINITY,
  probes: 0,
};

/** Questions that fit any code about as well as any other. */
export const neutralProbes: readonly string[] = [
  "how does this work",
  "what does this function do",
  "where is this defined",
  "explain the code in this file",
  "returns the value of the given object",
  "the main class of the module",
];

/** What `scoreUnits` needs of `RankTools`, where there is a scorer. */
export interface LikelihoodTools {
  readonly likelihood: LikelihoodScorer;
  readonly signal: AbortSignal;
}

/**
 * One score per unit in nats, higher is better: `longcodezip` per token and below 0, `likelihood` for the whole
 * question, above 0 where the unit makes it likelier. Scores of different questions do not compare. All 0 for a question
 * without words. Rejects as the scorer does, with `Failure` cancelled when aborted.
 */
export async function scoreUnits(
  method: LikelihoodMethod,
  question: string,
  units: readonly Unit[],
  tools: LikelihoodTools,
  rules: LikelihoodRules = likelihoodRules,
): Promise<Float64Array> {
  const gains = await tools.likelihood.gains(question, units, tools.signal);
  if (method === "longcodezip") return longCodeZipScores(gains);
  const bias = rules.probes === 0 ? null : await probeMeans(units, tools, rules);
  return likelihoodScores(gains, question, { rules, bias });
}

/**
 * LongCodeZip's order (arXiv 2510.00446): −PPL(question | unit), here as its logarithm, the mean log probability of the
 * question's tokens. What the question is worth without any unit is the same for all of them and plays no part.
 */
export function longCodeZipScores({ tokens, given }: QuestionGains): Float64Array {
  return Float64Array.from(given, (unit) => sum(unit) / Math.max(1, tokens.length));
}

/**
 * Σ weight · (log p(token | unit) − log p(token)), each difference clipped; the end mark is a token too. Less the
 * rules' share of what the unit's `bias`, its mean gain per token, makes of as many tokens.
 */
export function likelihoodScores(
  { tokens, base, given }: QuestionGains,
  question: string,
  { rules = likelihoodRules, bias = null }: { rules?: LikelihoodRules; bias?: Float64Array | null } = {},
): Float64Array {
  const weights = tokenWeights(tokens, question, rules);
  const all = sum(weights);
  const clipped = (nats: number): number => Math.max(-rules.gainNatsMax, Math.min(rules.gainNatsMax, nats));
  return Float64Array.from(given, (unit, at) => {
    const gains = weights.map((weight, token) => weight * clipped((unit[token] ?? 0) - (base[token] ?? 0)));
    return sum(gains) - rules.probes * all * (bias?.[at] ?? 0);
  });
}

/** Mean gain of each unit on the neutral probes, in nats per token of full weight. Rejects as the scorer does. */
export async function probeMeans(
  units: readonly Unit[],
  { likelihood, signal }: LikelihoodTools,
  rules: LikelihoodRules,
): Promise<Float64Array> {
  const means = new Float64Array(units.length);
  for (const probe of neutralProbes) {
    const gains = await likelihood.gains(probe, units, signal);
    const weight = sum(tokenWeights(gains.tokens, probe, rules));
    likelihoodScores(gains, probe, { rules }).forEach((score, at) => {
      means[at] = (means[at] ?? 0) + score / weight / neutralProbes.length;
    });
  }
  return means;
}

function tokenWeights(tokens: readonly string[], question: string, { functionWords }: LikelihoodRules): number[] {
  const content = new Set(parseQuestion(question).words);
  return wordsOfTokens(tokens).map((word) => (word === "" || content.has(word) ? 1 : functionWords));
}

/** The word that each token is a part of, in lower case; empty for tokens that are part of none. */
function wordsOfTokens(tokens: readonly string[]): string[] {
  const words = [...tokens.join("").matchAll(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g)];
  let start = 0;
  let next = 0;
  return tokens.map((token) => {
    const end = start + token.length;
    while (endOf(words[next]) <= start && next < words.length) next += 1;
    const found = words[next];
    start = end;
    return found !== undefined && found.index < end ? found[0].toLowerCase() : "";
  });
}

function endOf(word: RegExpExecArray | undefined): number {
  return word === undefined ? 0 : word.index + word[0].length;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
