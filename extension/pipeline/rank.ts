/**
 * Ranking: which units answer a question. `rankers` is the table of methods; all are functions of the question and
 * `RankTools` alone, so the same index and question always give the same ranking.
 */
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { RankerName } from "../protocol/settings.ts";
import type { RankedUnit, Unit } from "../protocol/units.ts";
import { bm25, lengthShare, meanPlainLength, TermCounter } from "./bm25.ts";
import {
  type Candidates,
  checkedQuestion,
  gatherCandidates,
  inverseFrequency,
  type RankRequest,
  wordCandidatesMax,
} from "./candidates.ts";
import { type LikelihoodMethod, scoreUnits } from "./likelihoodScores.ts";
import { compareIds } from "./pageRank.ts";
import type { RankTools } from "./ports.ts";
import { type Feature, type Featured, featureNames, featuresOf } from "./rankFeatures.ts";
import { type FeatureWeights, forPrompt, fusedWeights, lexicalWeights, staticWeights } from "./rankWeights.ts";
import { tellingReasons } from "./relevance.ts";
import { isBelow } from "./staticScores.ts";

/**
 * Units whose likelihood is computed per question: 64 × 150 tokens are about 0.2 s with cached prefixes. Beside other
 * signals it only settles near ties among the first, and half as many do.
 */
export const likelihoodUnitsMax = { alone: 64, fused: 32 } as const;
/** Log odds per standard deviation of the likelihoods; see docs/benchmarks.md for what was measured. */
export const likelihoodWeight: number = 0;
/** In a list, each further unit of one file loses this much, up to the given number of times. */
const sameFile = { logOdds: 3, times: 6 } as const;
const closeEnough = 0.3;
const likelierNats = 1;
const reasonsMax = 4;

export interface Ranking {
  /** Best first; ties in the order of their ids. */
  readonly ranked: readonly RankedUnit[];
  /** How many units were looked at. */
  readonly candidates: number;
}

/**
 * Ranks the units of an index. Throws `Failure` questionEmpty for a blank question and the signal's reason when
 * aborted. A question that matches nothing gives an empty ranking.
 */
export type Ranker = (request: RankRequest, tools: RankTools) => Promise<Ranking>;

export const rankers: Readonly<Record<RankerName, Ranker>> = {
  /** The floor: any units, shuffled by the question. */
  random: (request, tools) => Promise.resolve().then(() => rankAtRandom(request, tools)),
  /** Plain BM25 over all fields as one text. */
  bm25: (request, tools) => Promise.resolve().then(() => rankByWords(request, tools)),
  /** BM25 by unit and file, names, paths and references. */
  lexical: async (request, tools) => await rankByFeatures(request, tools, { features: lexicalWeights, likelihood: 0 }),
  /** Closeness of meaning by the embedded table; the lexical order where there is none. */
  static: async (request, tools) => await rankByFeatures(request, tools, { features: staticWeights, likelihood: 0 }),
  /** Personalised PageRank over references, from what the words find; then by the words. For a prompt, functions first. */
  graph: async (request, tools) =>
    await rankByFeatures(request, tools, { features: { references: 1, unitText: 0.01 }, likelihood: 0 }),
  /** LongCodeZip's first stage: by the perplexity of the question after each unit. */
  longcodezip: async (request, tools) => await rankByLikelihood("longcodezip", request, tools),
  /** How much likelier each unit makes the question. */
  likelihood: async (request, tools) => await rankByLikelihood("likelihood", request, tools),
  /** All that helps. */
  fused: async (request, tools) =>
    await rankByFeatures(request, tools, { features: fusedWeights, likelihood: likelihoodWeight }),
};

function rankAtRandom({ question, root, top }: RankRequest, { source }: RankTools): Ranking {
  const { text, words } = checkedQuestion(question);
  if (words.length === 0) return { ranked: [], candidates: 0 };
  const ids = source.graph().nodes.filter((id) => isBelow(id, root));
  const drawn = ids
    .map((id) => ({ id, draw: shuffledNumber(`${text}\n${id}`) }))
    .sort((a, b) => a.draw - b.draw || compareIds(a.id, b.id));
  const units = source.units(drawn.slice(0, top).map(({ id }) => id));
  return {
    ranked: units.map((unit, place) => ({ unit, score: -place, reasons: [sentence("drawn at random")] })),
    candidates: ids.length,
  };
}

/** FNV-1a with a final mix: every bit of the text moves every bit of the number. */
function shuffledNumber(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rankByWords(request: RankRequest, { source }: RankTools): Ranking {
  const { words } = checkedQuestion(request.question);
  if (words.length === 0) return { ranked: [], candidates: 0 };
  const units = source.units(source.searchWords(words, wordCandidatesMax, request.root));
  const statistics = source.statistics(request.root);
  const frequencies = source.documentFrequency(words);
  const idfs = words.map((word) => inverseFrequency(statistics.units, frequencies.get(word) ?? 0));
  const counter = new TermCounter(words.length, (word) => words.indexOf(word));
  const mean = meanPlainLength(statistics);
  const scored = units.map((unit): RankedUnit => {
    const found = counter.plain(unit);
    const mentioned = words.filter((_, term) => (found.counts[term] ?? 0) > 0).join(", ");
    const reasons = [sentence("mentions {0}", mentioned)];
    return { unit, score: bm25(idfs, found, mean, lengthShare), reasons };
  });
  return { ranked: inOrder(scored).slice(0, request.top), candidates: units.length };
}

/** How much each signal counts. */
export interface RankWeights {
  readonly features: FeatureWeights;
  /** Log odds per standard deviation; 0: no likelihood is computed. */
  readonly likelihood: number;
}

/** What is known about the candidates of one question, whatever the weights. */
export interface Signals {
  readonly request: RankRequest;
  readonly candidates: Candidates;
  readonly featured: readonly Featured[];
}

async function rankByFeatures(request: RankRequest, tools: RankTools, weights: RankWeights): Promise<Ranking> {
  return await orderSignals(gatherSignals(request, tools), weights, tools);
}

/** The first half of a ranking by features. Throws as a ranker does. */
export function gatherSignals(request: RankRequest, tools: RankTools): Signals {
  const candidates = gatherCandidates(request, tools);
  return { request, candidates, featured: featuresOf(candidates, tools.source.graph()) };
}

/** The second half; the same signals can be put in order with several weights. Rejects as a ranker does. */
export async function orderSignals(signals: Signals, weights: RankWeights, tools: RankTools): Promise<Ranking> {
  const { request, candidates, featured } = signals;
  const usable = usableWeights(weights.features, candidates);
  const forPurpose = request.purpose === "list" ? usable : forPrompt(usable);
  let scored = featured.map((each) => scoredBy(each, forPurpose, featured.length));
  const best = () => inWords((request.purpose === "list" ? spreadFiles : inOrder)(scored).slice(0, request.top));
  if (weights.likelihood > 0 && tools.likelihood !== null && scored.length > 0) {
    tools.onProvisional?.(best());
    scored = await withLikelihoods(scored, weights.likelihood, { request, tools });
  }
  return { ranked: best(), candidates: scored.length };
}

/** Candidates as a list, in the order that their features give with certain weights. */
export function orderFeatured(featured: readonly Featured[], weights: FeatureWeights): readonly RankedUnit[] {
  return inWords(spreadFiles(featured.map((each) => scoredBy(each, weights, featured.length))));
}

/** The best of all features together, ordered by their likelihoods alone; by the features where there is no scorer. */
async function rankByLikelihood(method: LikelihoodMethod, request: RankRequest, tools: RankTools): Promise<Ranking> {
  const first = await rankByFeatures({ ...request, top: Math.max(request.top, likelihoodUnitsMax.alone) }, tools, {
    features: fusedWeights,
    likelihood: 0,
  });
  if (tools.likelihood === null || first.ranked.length === 0) {
    return { ...first, ranked: first.ranked.slice(0, request.top) };
  }
  tools.onProvisional?.(first.ranked.slice(0, request.top));
  const read = first.ranked.slice(0, likelihoodUnitsMax.alone);
  const nats = await natsOf(
    method,
    read.map(({ unit }) => unit),
    { request, tools },
  );
  const ranked = read.map(({ unit, reasons }, place): RankedUnit => {
    const score = nats[place] ?? 0;
    return { unit, score, reasons: method === "likelihood" ? withLikelihood(reasons, score) : reasons };
  });
  // The rest has no score to compare with.
  return { ranked: inOrder(ranked).slice(0, request.top), candidates: first.candidates };
}

/** Without a table, its features are no reason to prefer one unit: the words decide alone. */
function usableWeights(weights: FeatureWeights, { staticScores }: Candidates): FeatureWeights {
  const needsTable = weights.closeness !== undefined;
  return needsTable && staticScores === null ? lexicalWeights : weights;
}

/** A unit with its score; its reasons in words are made when asked for. */
interface Scored {
  readonly unit: Unit;
  readonly score: number;
  readonly reasons: () => readonly Sentence[];
}

function scoredBy(featured: Featured, weights: FeatureWeights, candidates: number): Scored {
  let score = 0;
  for (const feature of featureNames) score += featured.values[feature] * weightOf(feature, weights);
  return { unit: featured.unit, score, reasons: () => reasonsOf(featured, weights, candidates) };
}

function reasonsOf({ values, reasons }: Featured, weights: FeatureWeights, candidates: number): readonly Sentence[] {
  const told = reasons();
  const parts = featureNames.flatMap((feature) => {
    const reason = told[feature] ?? null;
    return reason === null ? [] : [{ value: values[feature] * weightOf(feature, weights), reason }];
  });
  const positive = parts.filter(({ value }) => value > 0).sort((a, b) => b.value - a.value);
  const said = positive.slice(0, reasonsMax).map(({ reason }) => reason);
  const isClose = weightOf("closeness", weights) > 0 && values.closeness >= closeEnough;
  if (isClose) said.push(sentence(tellingReasons.closeness, values.closeness.toFixed(2)));
  said.push(...parts.filter(({ value }) => value < 0).map(({ reason }) => reason));
  return said.length > 0 ? said : [sentence("among the {0} closest units", candidates)];
}

function inWords(scored: readonly Scored[]): RankedUnit[] {
  return scored.map(({ unit, score, reasons }) => ({ unit, score, reasons: reasons() }));
}

function weightOf(feature: Feature, weights: FeatureWeights): number {
  return weights[feature] ?? 0;
}

interface LikelihoodRequest {
  readonly request: RankRequest;
  readonly tools: RankTools;
}

async function natsOf(
  method: LikelihoodMethod,
  units: readonly Unit[],
  { request, tools: { likelihood, signal } }: LikelihoodRequest,
): Promise<Float64Array> {
  if (likelihood === null) return new Float64Array(units.length);
  const nats = await scoreUnits(method, request.question, units, { likelihood, signal });
  signal.throwIfAborted();
  return nats;
}

async function withLikelihoods(scored: readonly Scored[], weight: number, asked: LikelihoodRequest): Promise<Scored[]> {
  const likeliest = inOrder(scored).slice(0, likelihoodUnitsMax.fused);
  const nats = await natsOf(
    "likelihood",
    likeliest.map(({ unit }) => unit),
    asked,
  );
  const mean = nats.reduce((sum, value) => sum + value, 0) / nats.length;
  const deviation = Math.sqrt(nats.reduce((sum, value) => sum + (value - mean) ** 2, 0) / nats.length);
  const byId = new Map(likeliest.map(({ unit }, place) => [unit.id, nats[place] ?? mean]));
  return scored.map(({ unit, score, reasons }): Scored => {
    const found = byId.get(unit.id);
    // What was not read counts as one of the less likely ones.
    if (found === undefined) return { unit, score: score - weight, reasons };
    const likelier = deviation < 1e-9 ? 0 : (found - mean) / deviation;
    return { unit, score: score + weight * likelier, reasons: () => withLikelihood(reasons(), found) };
  });
}

function withLikelihood(reasons: readonly Sentence[], nats: number): readonly Sentence[] {
  if (nats < likelierNats) return reasons;
  return [...reasons, sentence("question is {0} nats likelier given this code", nats.toFixed(1))];
}

/** Best first, and then each further unit of a file a little lower. */
function spreadFiles<T extends Placed>(scored: readonly T[]): T[] {
  const perFile = new Map<string, number>();
  const spread = inOrder(scored).map((each) => {
    const before = perFile.get(each.unit.path) ?? 0;
    perFile.set(each.unit.path, before + 1);
    return { ...each, score: each.score - sameFile.logOdds * Math.min(before, sameFile.times) };
  });
  return inOrder(spread);
}

type Placed = Pick<RankedUnit, "unit" | "score">;

function inOrder<T extends Placed>(ranked: readonly T[]): T[] {
  return [...ranked].sort((a, b) => b.score - a.score || compareIds(a.unit.id, b.unit.id));
}
