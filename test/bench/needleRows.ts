/** How well each signal, alone and together with others, finds the function that a documentation sentence is about. */
import { bm25, lengthShare, TermCounter } from "../../extension/pipeline/bm25.ts";
import { inverseFrequency } from "../../extension/pipeline/candidates.ts";
import {
  likelihoodRules,
  likelihoodScores,
  longCodeZipScores,
  probeMeans,
  type LikelihoodRules,
} from "../../extension/pipeline/likelihoodScores.ts";
import type { LikelihoodScorer, StaticEncoder } from "../../extension/pipeline/ports.ts";
import { parseQuestion } from "../../extension/pipeline/question.ts";
import { stemWord } from "../../extension/pipeline/stem.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import {
  differences,
  mean,
  meanOfMeans,
  questionInterval,
  groupInterval,
  type Groups,
  type Interval,
} from "./bootstrap.ts";
import { placeOf, standardised, type NeedleSet } from "./needles.ts";
import { chooseTwoFold } from "./twoFold.ts";

/** One repository's needles with all their scores: by question, then by candidate. */
export interface ScoredNeedles {
  readonly repository: string;
  readonly language: string;
  readonly bm25: readonly ArrayLike<number>[];
  /** Empty without a static table. */
  readonly static: readonly ArrayLike<number>[];
  /** Nats; empty without a likelihood model. */
  readonly likelihood: readonly ArrayLike<number>[];
  /** What other rules make of the same log probabilities, by name. */
  readonly variants: Readonly<Record<string, readonly ArrayLike<number>[]>>;
}

export interface NeedleWeights {
  readonly static: number;
  readonly likelihood: number;
}

export interface NeedleRow {
  readonly row: string;
  /** Mean reciprocal rank, mean over questions, then over repositories; as are the shares found at place 1 and 10. */
  readonly mrr: number;
  readonly recall1: number;
  readonly recall10: number;
  readonly mrrByLanguage: Readonly<Record<string, number>>;
  /** MRR less that of another row, by its name. */
  readonly against: Readonly<Record<string, { readonly questions: Interval; readonly repositories: Interval }>>;
  /** Weights that each half of the repositories chose for the other, where weights were chosen. */
  readonly chosen: readonly NeedleWeights[];
}

/** Right unit against the other candidates. */
export interface LikelihoodGain {
  /** Mean nats by which the right unit makes its question likelier than nothing does. */
  readonly right: number;
  readonly random: number;
  /** Share of pairs of a right and a random unit in which the right one has the higher score. */
  readonly rightAbove: number;
  readonly byLanguage: Readonly<
    Record<string, { readonly right: number; readonly random: number; readonly rightAbove: number }>
  >;
}

/** Weights that fusion may choose from, per standard deviation of BM25. */
const weightGrid = [0, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 4] as const;

/** Likelihood scores by other rules than those that ship, each with one thing changed. */
const variantRules: Readonly<Record<string, LikelihoodRules>> = {
  "all words alike": { ...likelihoodRules, functionWords: 1 },
  "without function words": { ...likelihoodRules, functionWords: 0 },
  "tokens clipped at 4 nats": { ...likelihoodRules, gainNatsMax: 4 },
  "tokens clipped at 2 nats": { ...likelihoodRules, gainNatsMax: 2 },
  "half the probes' mean off": { ...likelihoodRules, probes: 0.5 },
  "the probes' mean off": { ...likelihoodRules, probes: 1 },
};

export async function scoreNeedles(
  { repository, language, set }: { repository: string; language: string; set: NeedleSet },
  { encoder, likelihood }: { encoder: StaticEncoder | null; likelihood: LikelihoodScorer | null },
): Promise<ScoredNeedles> {
  const { units, questions } = set;
  const vectors = encoder === null ? [] : units.map((unit) => encoder.encodeUnit(unit));
  const words = new BestMatch(units);
  const scores = likelihood === null ? null : await likelihoodsOf(set, likelihood);
  return {
    repository,
    language,
    bm25: questions.map((question) => words.score(question)),
    static: encoder === null ? [] : questions.map((question) => cosines(encoder.encodeQuestion(question), vectors)),
    likelihood: scores?.shipped ?? [],
    variants: scores?.variants ?? {},
  };
}

/** All rows that the scores at hand allow; the weights of sums are chosen two-fold over the repositories. */
export function needleRows(scored: readonly ScoredNeedles[]): NeedleRow[] {
  const has = {
    static: scored.every((s) => s.static.length > 0),
    likelihood: scored.every((s) => s.likelihood.length > 0),
  };
  const places = new Map<string, { places: Groups; chosen: NeedleWeights[] }>();
  const alone = (row: string, scores: (s: ScoredNeedles) => readonly ArrayLike<number>[]) => {
    places.set(row, { places: scored.map((s) => scores(s).map(placeOf)), chosen: [] });
  };
  alone("BM25", (s) => s.bm25);
  if (has.static) alone("static", (s) => s.static);
  if (has.likelihood) alone("likelihood", (s) => s.likelihood);
  for (const variant of Object.keys(scored[0]?.variants ?? {})) {
    alone(`likelihood, ${variant}`, (s) => s.variants[variant] ?? []);
  }
  const sums = scored.map(standardisedScores);
  const together = (row: string, statics: readonly number[], likelihoods: readonly number[]) => {
    const candidates = statics.flatMap((forStatic) =>
      likelihoods.map((forLikelihood) => {
        const weights = { static: forStatic, likelihood: forLikelihood };
        const groups = sums.map((questions) => questions.map((parts, right) => placeOf(sumOf(parts, weights), right)));
        return { weights, places: groups, values: reciprocals(groups) };
      }),
    );
    const { chosen } = chooseTwoFold(candidates);
    const groups = scored.map(
      (_, at) => candidates.find(({ weights }) => weights === chosen[at % 2])?.places[at] ?? [],
    );
    places.set(row, { places: groups, chosen: [...chosen] });
  };
  if (has.static) together("BM25 + static", weightGrid, [0]);
  if (has.likelihood) together("BM25 + likelihood", [0], weightGrid);
  if (has.static && has.likelihood) together("BM25 + static + likelihood", weightGrid, weightGrid);

  const bases = ["BM25", "BM25 + static", "likelihood"].filter((base) => places.has(base));
  return [...places].map(([row, found]) => ({
    row,
    mrr: meanOfMeans(reciprocals(found.places)),
    recall1: meanOfMeans(within(found.places, 1)),
    recall10: meanOfMeans(within(found.places, 10)),
    mrrByLanguage: byLanguage(scored, (at) => mean(reciprocals([found.places[at] ?? []])[0] ?? [])),
    against: Object.fromEntries(
      bases
        .filter((base) => base !== row)
        .map((base) => {
          const gained = differences(reciprocals(found.places), reciprocals(places.get(base)?.places ?? []));
          return [base, { questions: questionInterval(gained), repositories: groupInterval(gained) }];
        }),
    ),
    chosen: found.chosen,
  }));
}

/** Null without likelihood scores. */
export function likelihoodGain(scored: readonly ScoredNeedles[]): LikelihoodGain | null {
  if (scored.length === 0 || scored.some((s) => s.likelihood.length === 0)) return null;
  const perRepository = scored.map(({ likelihood }) => {
    const needles = likelihood.map((scores, right) => {
      const others = Array.from(scores).filter((_, at) => at !== right);
      return {
        right: scores[right] ?? 0,
        random: mean(others),
        rightAbove: 1 - (placeOf(scores, right) - 1) / Math.max(1, others.length),
      };
    });
    return {
      right: mean(needles.map((needle) => needle.right)),
      random: mean(needles.map((needle) => needle.random)),
      rightAbove: mean(needles.map((needle) => needle.rightAbove)),
    };
  });
  const figure = (key: "right" | "random" | "rightAbove") => mean(perRepository.map((row) => row[key]));
  const languageFigure = (key: "right" | "random" | "rightAbove") =>
    byLanguage(scored, (at) => perRepository[at]?.[key] ?? 0);
  const [right, random, rightAbove] = [languageFigure("right"), languageFigure("random"), languageFigure("rightAbove")];
  return {
    right: figure("right"),
    random: figure("random"),
    rightAbove: figure("rightAbove"),
    byLanguage: Object.fromEntries(
      Object.keys(right).map((language) => [
        language,
        { right: right[language] ?? 0, random: random[language] ?? 0, rightAbove: rightAbove[language] ?? 0 },
      ]),
    ),
  };
}

async function likelihoodsOf(
  { units, questions }: NeedleSet,
  likelihood: LikelihoodScorer,
): Promise<{ shipped: Float64Array[]; variants: Record<string, Float64Array[]> }> {
  const { signal } = new AbortController();
  const bias = await probeMeans(units, { likelihood, signal }, likelihoodRules);
  const shipped: Float64Array[] = [];
  const variants: Record<string, Float64Array[]> = { LongCodeZip: [] };
  for (const question of questions) {
    const gains = await likelihood.gains(question, units, signal);
    shipped.push(likelihoodScores(gains, question));
    variants["LongCodeZip"]?.push(longCodeZipScores(gains));
    for (const [name, rules] of Object.entries(variantRules)) {
      (variants[name] ??= []).push(likelihoodScores(gains, question, { rules, bias }));
    }
  }
  return { shipped, variants };
}

/** BM25 over stems, all fields of a unit as one text; the other candidates are the corpus. */
class BestMatch {
  readonly #units: readonly Unit[];

  constructor(units: readonly Unit[]) {
    this.#units = units;
  }

  score(question: string): Float64Array {
    const stems = [...new Set(parseQuestion(question).words.map(stemWord))];
    const places = new Map(stems.map((stem, place) => [stem, place]));
    const counter = new TermCounter(stems.length, (word) => places.get(stemWord(word)) ?? -1);
    const found = this.#units.map((unit) => counter.plain(unit));
    const idfs = stems.map((_, term) => {
      const units = found.filter(({ counts }) => (counts[term] ?? 0) > 0).length;
      return inverseFrequency(this.#units.length, units);
    });
    const meanLength = mean(found.map(({ length }) => length));
    return Float64Array.from(found, (counts) => bm25(idfs, counts, meanLength, lengthShare));
  }
}

/** −1 where there is no vector. */
function cosines(question: Float32Array | null, units: readonly (Float32Array | null)[]): Float64Array {
  return Float64Array.from(units, (unit) => {
    if (question === null || unit === null) return -1;
    return unit.reduce((sum, value, at) => sum + value * (question[at] ?? 0), 0);
  });
}

interface Parts {
  readonly bm25: Float64Array;
  readonly static: Float64Array | null;
  readonly likelihood: Float64Array | null;
}

function standardisedScores(scored: ScoredNeedles): Parts[] {
  const of = (scores: ArrayLike<number> | undefined) => (scores === undefined ? null : standardised(scores));
  return scored.bm25.map((scores, at) => ({
    bm25: standardised(scores),
    static: of(scored.static[at]),
    likelihood: of(scored.likelihood[at]),
  }));
}

function sumOf(parts: Parts, weights: NeedleWeights): Float64Array {
  return parts.bm25.map(
    (value, at) =>
      value + weights.static * (parts.static?.[at] ?? 0) + weights.likelihood * (parts.likelihood?.[at] ?? 0),
  );
}

function reciprocals(places: Groups): Groups {
  return places.map((group) => group.map((place) => 1 / place));
}

function within(places: Groups, last: number): Groups {
  return places.map((group) => group.map((place) => (place < last + 1 ? 1 : 0)));
}

/** Mean over the repositories of each language. */
function byLanguage(
  scored: readonly { readonly language: string }[],
  value: (at: number) => number,
): Record<string, number> {
  const languages = [...new Set(scored.map(({ language }) => language))].sort();
  return Object.fromEntries(
    languages.map((language) => [
      language,
      mean(scored.flatMap((repository, at) => (repository.language === language ? [value(at)] : []))),
    ]),
  );
}
