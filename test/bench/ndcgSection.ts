/** NDCG@10 on the question sets beside what others have published. */
import type { BenchContext } from "./benchContext.ts";
import { fitAll, fittedRankers, rankRepository, rankRows, type RankedRepository, type RankRow } from "./ndcgRows.ts";
import { alignedTable, intervalText } from "./report.ts";

export interface NdcgFigures {
  readonly rows: readonly RankRow[];
  readonly repositories: readonly { readonly name: string; readonly units: number; readonly indexSeconds: number }[];
  readonly questions: number;
}

export interface NdcgOptions {
  /** Also print the weights that fit all questions, for rankWeights.ts. */
  readonly fit: boolean;
  /** Commits of other repositories, which weights are fitted on as well. */
  readonly commits: readonly RankedRepository[];
}

/** Null without question sets. */
export async function measureNdcg(context: BenchContext, { fit, commits }: NdcgOptions): Promise<NdcgFigures | null> {
  const data = await context.benchData();
  if (data === null) return null;
  const { report, options } = context;
  const [encoder, likelihood] = [await context.encoder(), await context.likelihood()];
  const ranked: RankedRepository[] = [];
  for (const repository of data.repositories) {
    const started = performance.now();
    const questionsMax = context.quick ? 4 : Number.POSITIVE_INFINITY;
    const found = await rankRepository(repository, { root: options.root, encoder, likelihood, questionsMax });
    ranked.push(found);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    report.line(`${found.name}: ${found.units} units, ${found.questions.length} questions, ${seconds} s`);
  }
  const rows = rankRows(ranked, commits);
  printRows(context, rows);
  printRepositories(context, rows, ranked);
  printGroups(context, rows);
  if (fit) {
    for (const ranker of fittedRankers.filter((name) => rows.some(({ row }) => row === name))) {
      const weights = Object.entries(fitAll([...ranked, ...commits], ranker)).map(([feature, weight]) => [
        feature,
        weight.toFixed(2),
      ]);
      report.line(`\nWeights of ${ranker} that fit all questions${commits.length === 0 ? "" : " and commits"}:`);
      for (const line of alignedTable(["feature", "weight"], weights)) report.line(line);
    }
  }
  return {
    rows,
    repositories: ranked.map(({ name, units, indexSeconds }) => ({ name, units, indexSeconds })),
    questions: ranked.reduce((sum, { questions }) => sum + questions.length, 0),
  };
}

function printRows({ report }: BenchContext, rows: readonly RankRow[]): void {
  report.table(
    "NDCG@10 on the question sets (mean over questions, then repositories; 95 % intervals by resampling)",
    ["row", "chunks", "files", "corrected labels", "against", "chunks, questions", "chunks, repositories"],
    rows.map((row) => {
      const [base, compared] = Object.entries(row.against)[0] ?? [];
      return [
        row.row,
        row.ndcg.chunks,
        row.ndcg.files,
        row.ndcgCorrected?.chunks ?? null,
        base ?? "",
        compared === undefined ? "" : intervalText(compared.chunks.questions),
        compared === undefined ? "" : intervalText(compared.chunks.repositories),
      ];
    }),
  );
}

const shownRows = ["bm25", "lexical", "static", "longcodezip", "likelihood", "fused", "fused, two-fold"];

function printRepositories(
  { report }: BenchContext,
  rows: readonly RankRow[],
  ranked: readonly RankedRepository[],
): void {
  const shown = rows.filter(({ row }) => shownRows.includes(row));
  const methods = [...new Set(ranked.flatMap(({ published }) => Object.keys(published)))];
  const means = methods.map((method) => {
    const known = ranked.flatMap(({ published }) => published[method] ?? []);
    return known.length === ranked.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  });
  report.table(
    "NDCG@10 of chunk lists by repository; the columns after `|` are published scores",
    ["repository", "language", ...shown.map(({ row }) => row), "|", ...methods],
    [
      ...ranked.map(({ name, language, published }) => [
        name,
        language,
        ...shown.map(({ byRepository }) => byRepository[name]?.chunks ?? null),
        "|",
        ...methods.map((method) => published[method] ?? null),
      ]),
      ["mean", "", ...shown.map(({ ndcg }) => ndcg.chunks), "|", ...means],
    ],
  );
}

function printGroups({ report }: BenchContext, rows: readonly RankRow[]): void {
  const shown = rows.filter(({ row }) => shownRows.includes(row));
  for (const [title, groups] of [
    ["language", "byLanguage"],
    ["category", "byCategory"],
  ] as const) {
    const names = Object.keys(shown[0]?.[groups] ?? {});
    report.table(
      `NDCG@10 of chunk lists by ${title}`,
      [title, ...shown.map(({ row }) => row)],
      names.map((name) => [name, ...shown.map((row) => row[groups][name]?.chunks ?? null)]),
    );
  }
}
