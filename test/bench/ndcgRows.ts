/** NDCG@10 of rankings on the question sets, by row. */
import type { LikelihoodScorer } from "../../extension/pipeline/ports.ts";
import { likelihoodWeight, orderFeatured, type RankWeights } from "../../extension/pipeline/rank.ts";
import type { Feature, Featured } from "../../extension/pipeline/rankFeatures.ts";
import { type FeatureWeights, fittedWeights, fusedWeights } from "../../extension/pipeline/rankWeights.ts";
import type { TableEncoder } from "../../extension/engine/staticTable.ts";
import { type RankerName, rankerNames } from "../../extension/protocol/settings.ts";
import type { LineRange } from "../../extension/protocol/units.ts";
import {
  differences,
  groupInterval,
  mean,
  meanOfMeans,
  questionInterval,
  type Groups,
  type Interval,
} from "./bootstrap.ts";
import { fitQuestion, fitWeights, type FitQuestion } from "./fitWeights.ts";
import { withIndex } from "./indexedFolder.ts";
import { chunkNdcg, fileNdcg, reciprocalRank, recallAmongFirst } from "./ndcg.ts";
import { repositoryPath, type BenchQuestion, type BenchRepository } from "./rankingData.ts";
import { rankingsOf, type RankingSources } from "./signalRankings.ts";
import { chooseTwoFold } from "./twoFold.ts";

/** NDCG@10 of chunks and of files, reciprocal rank of the first right chunk, share of the targets in ten chunks. */
export const measures = ["chunks", "files", "mrr", "recall10"] as const;
export type Measure = (typeof measures)[number];
export type Measured = Readonly<Record<Measure, number>>;

/** What is known of one question of a repository. */
export interface RankedQuestion {
  readonly category: string;
  /** By the name of a row that needs no fitting. */
  readonly values: ReadonlyMap<string, Measured>;
  /** The same under corrected labels, where there are any. */
  readonly corrected: ReadonlyMap<string, Measured>;
  readonly fits: Readonly<Record<FittedRanker, FitMaterial>>;
}

interface FitMaterial {
  readonly question: FitQuestion;
  /** NDCG of the candidates in the order that these weights give. */
  readonly measure: (weights: FeatureWeights) => Measured;
}

export interface RankedRepository {
  readonly name: string;
  readonly language: string;
  readonly units: number;
  readonly indexSeconds: number;
  readonly published: Readonly<Record<string, number>>;
  readonly questions: readonly RankedQuestion[];
}

export interface RankRow {
  readonly row: string;
  /** Mean over questions, then over repositories. */
  readonly ndcg: Measured;
  readonly ndcgCorrected: Measured | null;
  readonly byRepository: Readonly<Record<string, Measured>>;
  readonly byLanguage: Readonly<Record<string, Measured>>;
  readonly byCategory: Readonly<Record<string, Measured>>;
  /** NDCG less that of another row, by its name and the measure. */
  readonly against: Readonly<
    Record<string, Readonly<Record<Measure, { readonly questions: Interval; readonly repositories: Interval }>>>
  >;
}

/** The rankers whose weights are fitted. */
export const fittedRankers = ["lexical", "static", "fused"] as const satisfies readonly RankerName[];
export type FittedRanker = (typeof fittedRankers)[number];
/** Log odds per standard deviation of the likelihood, beside the features of `fused`. */
const likelihoodGrid = [0.1, 0.2, 0.4, 0.7] as const;
/** Ranked units that are looked at: ten distinct files are among so many. */
const top = 100;

export interface RankRepositoryOptions {
  readonly root: string;
  readonly encoder: TableEncoder | null;
  readonly likelihood: LikelihoodScorer | null;
  readonly questionsMax: number;
}

/** Ranks every question of a repository with every row. */
export async function rankRepository(
  repository: BenchRepository,
  options: RankRepositoryOptions,
): Promise<RankedRepository> {
  const { root, encoder, likelihood, questionsMax } = options;
  return withIndex({ folder: repository.folder, root, encoder }, async ({ index, summary }) => {
    const questions: RankedQuestion[] = [];
    for (const question of repository.questions.slice(0, questionsMax)) {
      const corrected = repository.corrected?.find(({ text }) => text === question.text) ?? question;
      const place = { question, corrected, prefix: repository.prefix };
      questions.push(await rankQuestion(place, { source: index, encoder, likelihood }));
    }
    const { name, language, published } = repository;
    return { name, language, published, units: summary.units, indexSeconds: summary.ms / 1000, questions };
  });
}

/** A question, and the folder of the repository (`BenchRepository.prefix`) that is indexed. */
export interface PlacedQuestion {
  readonly question: BenchQuestion;
  readonly corrected: BenchQuestion;
  readonly prefix: string;
}

/** Ranks one question with every row. */
export async function rankQuestion(placed: PlacedQuestion, sources: RankingSources): Promise<RankedQuestion> {
  const rankings = rankingsOf(placed.question.text, sources, { top });
  const values = new Map<string, Measured>();
  const corrected = new Map<string, Measured>();
  for (const [row, ranking] of fixedRows(sources.encoder !== null, sources.likelihood !== null)) {
    const chunks = (await rankings.by(ranking)).map(({ unit }) => unit);
    values.set(row, measured(chunks, placed.question, placed));
    corrected.set(row, measured(chunks, placed.corrected, placed));
  }
  const [plain, tabled] = [false, true].map((withTable) => fitMaterial(rankings.signals(withTable).featured, placed));
  if (plain === undefined || tabled === undefined) throw new Error("no features");
  const { category } = placed.question;
  return { category, values, corrected, fits: { lexical: plain, static: tabled, fused: tabled } };
}

function fixedRows(hasTable: boolean, hasLikelihood: boolean): [string, RankerName | RankWeights][] {
  const needsTable: readonly RankerName[] = ["static", "fused"];
  const needsLikelihood: readonly RankerName[] = ["longcodezip", "likelihood"];
  const rows = rankerNames
    .filter((name) => (hasTable || !needsTable.includes(name)) && (hasLikelihood || !needsLikelihood.includes(name)))
    .map((name): [string, RankerName] => [name, name]);
  if (!hasTable || !hasLikelihood) return rows;
  const weighted = likelihoodGrid.map((weight): [string, RankWeights] => [
    likelihoodRow(weight),
    { features: fusedWeights, likelihood: weight },
  ]);
  const plain: [string, RankWeights] = [likelihoodRow(0), { features: fusedWeights, likelihood: 0 }];
  return likelihoodWeight === 0 ? [...rows, ...weighted] : [...rows, plain, ...weighted];
}

function likelihoodRow(weight: number): string {
  return weight === likelihoodWeight ? "fused" : `fused, likelihood ${weight}`;
}

function fitMaterial(featured: readonly Featured[], placed: PlacedQuestion): FitMaterial {
  // Without their texts, so that the candidates of all questions fit into memory.
  const light = featured.map(({ unit, values }) => ({
    unit: { ...unit, text: "", doc: "" },
    values,
    reasons: () => ({}),
  }));
  const right = new Set(placed.question.targets.map(({ path }) => path));
  const whole = light.map((each) => ({
    ...each,
    unit: { ...each.unit, path: repositoryPath(placed, each.unit.path) },
  }));
  return {
    question: fitQuestion(whole, right),
    measure: (weights) =>
      measured(
        orderFeatured(light, weights).map(({ unit }) => unit),
        placed.question,
        placed,
      ),
  };
}

function measured(
  ranked: readonly { readonly path: string; readonly ranges: readonly LineRange[] }[],
  { targets }: BenchQuestion,
  placed: Pick<BenchRepository, "prefix">,
): Measured {
  const chunks = ranked.map(({ path, ranges }) => ({ path: repositoryPath(placed, path), ranges }));
  return {
    chunks: chunkNdcg(chunks, targets),
    files: fileNdcg(chunks, targets),
    mrr: reciprocalRank(chunks, targets),
    recall10: recallAmongFirst(chunks, targets),
  };
}

/** The weights that fit all questions best: what ships. */
export function fitAll(repositories: readonly RankedRepository[], ranker: FittedRanker): FeatureWeights {
  return fitOn(repositories, ranker);
}

/**
 * All rows that the rankings at hand allow, those of fitted weights included: fitted on one half of the repositories,
 * and on the `others`, for the other half.
 */
export function rankRows(
  repositories: readonly RankedRepository[],
  others: readonly RankedRepository[] = [],
): RankRow[] {
  const rows = new Map<string, readonly (readonly Measured[])[]>();
  for (const row of repositories[0]?.questions[0]?.values.keys() ?? []) {
    rows.set(
      row,
      repositories.map(({ questions }) => questions.map(({ values }) => values.get(row) ?? nothing)),
    );
  }
  for (const ranker of fittedRankers.filter((name) => rows.has(name))) {
    const halves = [0, 1].map((half) => repositories.filter((_, at) => at % 2 !== half));
    const fitted: [string, FeatureWeights[]][] = [
      [`${ranker}, two-fold`, halves.map((half) => fitOn(half, ranker))],
      [`${ranker}, two-fold and commits`, halves.map((half) => fitOn([...half, ...others], ranker))],
      [`${ranker}, commits only`, halves.map(() => fitOn(others, ranker))],
    ];
    for (const [row, weights] of fitted.slice(0, others.length === 0 ? 1 : 3)) {
      rows.set(
        row,
        repositories.map(({ questions }, at) =>
          questions.map(({ fits }) => fits[ranker].measure(weights[at % 2] ?? {})),
        ),
      );
    }
  }
  const weighted = [0, ...likelihoodGrid].flatMap((weight) => {
    const values = rows.get(likelihoodRow(weight));
    return values === undefined
      ? []
      : [{ weights: weight, values: values.map((group) => group.map(({ chunks }) => chunks)) }];
  });
  if (weighted.length > 1) {
    const { chosen } = chooseTwoFold(weighted);
    rows.set(
      "fused and likelihood, two-fold",
      repositories.map((_, at) => rows.get(likelihoodRow(chosen[at % 2] ?? 0))?.[at] ?? []),
    );
  }
  return [...rows].map(([row, values]) => finishRow(row, values, rows, repositories));
}

const nothing = per(() => 0);

function fitOn(repositories: readonly RankedRepository[], ranker: FittedRanker): FeatureWeights {
  const features = Object.keys(fittedWeights[ranker]) as Feature[];
  return fitWeights(
    repositories.flatMap(({ questions }) => questions.map(({ fits }) => fits[ranker].question)),
    features,
  );
}

/** What a row is compared with. */
function basesOf(row: string): readonly string[] {
  if (row === "fused and likelihood, two-fold") return ["fused"];
  const [, rest] = /^fused(, (?:two-fold|commits).*)$/.exec(row) ?? [];
  if (rest !== undefined) return [`lexical${rest}`];
  return row === "lexical" ? [] : ["lexical"];
}

function finishRow(
  row: string,
  values: readonly (readonly Measured[])[],
  rows: ReadonlyMap<string, readonly (readonly Measured[])[]>,
  repositories: readonly RankedRepository[],
): RankRow {
  const means = values.map((group) => per((measure) => mean(group.map((value) => value[measure]))));
  const languages = [...new Set(repositories.map(({ language }) => language))];
  const categories = [...new Set(repositories.flatMap(({ questions }) => questions.map(({ category }) => category)))];
  const corrected = repositories.map(({ questions }) =>
    questions.flatMap((question) => question.corrected.get(row) ?? []),
  );
  return {
    row,
    ndcg: per((measure) => meanOfMeans(groupsOf(values, measure))),
    ndcgCorrected: corrected.some((group) => group.length === 0)
      ? null
      : per((measure) => meanOfMeans(groupsOf(corrected, measure))),
    byRepository: Object.fromEntries(repositories.map(({ name }, at) => [name, means[at] ?? nothing])),
    byLanguage: Object.fromEntries(
      languages.map((language) => [
        language,
        per((measure) =>
          mean(means.flatMap((value, at) => (repositories[at]?.language === language ? [value[measure]] : []))),
        ),
      ]),
    ),
    byCategory: Object.fromEntries(
      categories.map((category) => [
        category,
        per((measure) =>
          mean(
            values.flatMap((group, at) =>
              group.flatMap((value, place) =>
                repositories[at]?.questions[place]?.category === category ? [value[measure]] : [],
              ),
            ),
          ),
        ),
      ]),
    ),
    against: Object.fromEntries(
      basesOf(row).flatMap((base) => {
        const other = rows.get(base);
        if (other === undefined) return [];
        const compared = per((measure) => {
          const gained = differences(groupsOf(values, measure), groupsOf(other, measure));
          return { questions: questionInterval(gained), repositories: groupInterval(gained) };
        });
        return [[base, compared] as const];
      }),
    ),
  };
}

function groupsOf(values: readonly (readonly Measured[])[], measure: Measure): Groups {
  return values.map((group) => group.map((value) => value[measure]));
}

function per<T>(value: (measure: Measure) => T): Readonly<Record<Measure, T>> {
  return {
    chunks: value("chunks"),
    files: value("files"),
    mrr: value("mrr"),
    recall10: value("recall10"),
  };
}
