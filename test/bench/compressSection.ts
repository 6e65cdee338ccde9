/** The tables of the compression benchmark. */
import type { OpenedCodeModel } from "../../extension/engine/codeModel.ts";
import { openLineScorer } from "../../extension/engine/lineScorer.ts";
import { compressorNames } from "../../extension/pipeline/compress.ts";
import { readBlocks, readLineGains, type Readings } from "../../extension/pipeline/compressReadings.ts";
import type { BenchContext } from "./benchContext.ts";
import { benchCases, sweQaCases, type CompressCase, type CompressRepository } from "./compressCases.ts";
import { measureAnswerLoss } from "./compressLoss.ts";
import { rateFigures } from "./compressRateFit.ts";
import {
  compareRows,
  compressTools,
  measureRow,
  type Comparison,
  type CompressTools,
  type MeasuredRow,
  type RowSpec,
} from "./compressRows.ts";
import { measureDigest } from "./digestRows.ts";
import { intervalText } from "./report.ts";

const budgets = [1000, 2000, 4000, 6000, 8000] as const;
const goalBudget = 2000;
/** The compressors that need no model. */
const modelFree = compressorNames.filter((name) => name !== "longcodezip");
/** Units that are read for a budget: what LongCodeZip's coarse stage lets through, and as many again. */
const readUnitsMax = 16;
const { signal } = new AbortController();

/** Everything that the last line of the benchmark holds. */
export async function measureCompression(
  context: BenchContext,
  code: OpenedCodeModel,
): Promise<Record<string, unknown>> {
  const { quick } = context;
  const tools = await compressTools(await context.grammars(), code.counter);
  const sweQa = await sweQaCases(context, quick ? 16 : 2);
  const rows: MeasuredRow[] = [];
  const measure = (title: string, specs: readonly RowSpec[], repositories: readonly CompressRepository[]) => {
    const measured = specs.map((spec) => measureRow(spec, repositories, tools));
    printRows(context, title, measured);
    rows.push(...measured);
    return measured;
  };
  const specs = modelFree.flatMap((compressor) =>
    budgets.map((budgetTokens): RowSpec => ({ row: compressor, compressor, budgetTokens })),
  );
  const onSweQa = measure(`SWE-QA (${namesOf(sweQa)}): ${countOf(sweQa)} questions`, specs, sweQa);
  const goals = compareGoals(context, "SWE-QA", onSweQa);

  const bench = await benchCases(context, quick ? 2 : 5);
  const few = specs.filter(({ budgetTokens }) => budgetTokens === goalBudget || budgetTokens === 3 * goalBudget);
  const onBench = measure(`question sets of ${bench.length} repositories: ${countOf(bench)} questions`, few, bench);
  const benchGoals = compareGoals(context, "question sets", onBench);
  const adaptive = rateFigures(context, bench, sweQa, tools);
  const digest = digestFigures(context, sweQa, tools);

  const sample = sampled(sweQa, quick ? 2 : 8);
  const model = await measureModelRows(context, sample, tools, code);
  const budgetsOfLoss = { whole: 3000, compressed: 1000 } as const;
  const loss = await measureAnswerLoss(code.model, sample, tools, budgetsOfLoss);
  context.report.table(
    `nats per token of the experts' answers under the code model (${loss.questions} questions)`,
    ["context", "nats"],
    [
      ["the question alone", loss.nothing],
      [`whole units, ${loss.wholeTokens} tokens`, loss.whole],
      [`knapsack, ${loss.compressedTokens} tokens`, loss.compressed],
      ["knapsack less whole", intervalText(loss.difference)],
    ],
  );
  return {
    overBudget: rows.reduce((sum, row) => sum + row.overBudget, 0),
    parseOk: parseShare(rows, ({ row }) => row === "knapsack"),
    rows: [...onSweQa.map((row) => figuresOf(row, "sweQa")), ...onBench.map((row) => figuresOf(row, "questionSets"))],
    goals: { sweQa: goals, questionSets: benchGoals },
    adaptive,
    digest,
    model,
    answerLoss: loss,
  };
}

/** Nothing but what a repository digest costs. */
export async function measureDigestCost(
  context: BenchContext,
  code: OpenedCodeModel,
): Promise<Record<string, unknown>> {
  const { quick } = context;
  const tools = await compressTools(await context.grammars(), code.counter);
  const sweQa = await sweQaCases(context, quick ? 16 : 2);
  return { digest: digestFigures(context, sweQa, tools) };
}

function digestFigures(context: BenchContext, sweQa: readonly CompressRepository[], tools: CompressTools): unknown {
  return measureDigest(sweQa, tools).map(({ row, comparisons, ...figures }) => {
    const title = `${row.row}: ${figures.roomTokens} tokens for units instead of ${figures.roomTokensWithout}, SWE-QA`;
    printComparisons(context, `${title}, ${countOf(sweQa)} questions`, comparisons);
    return { ...figures, ...figuresOf(row, "sweQa"), comparisons };
  });
}

/** LongCodeZip and the knapsack with readings of the same model, on a sample: reading takes seconds per question. */
async function measureModelRows(
  context: BenchContext,
  sample: readonly CompressRepository[],
  tools: CompressTools,
  code: OpenedCodeModel,
): Promise<unknown> {
  const scorer = await openLineScorer(code.model);
  try {
    const readings = new Map<CompressCase, { readonly blocks: Readings; readonly gains: Readings }>();
    const start = performance.now();
    for (const each of sample.flatMap(({ cases }) => cases)) {
      const units = each.ranked.slice(0, readUnitsMax).map(({ unit }) => unit);
      const request = { question: each.question, units, scorer, signal };
      readings.set(each, { blocks: await readBlocks(request), gains: await readLineGains(request) });
    }
    const milliseconds = (performance.now() - start) / Math.max(1, readings.size);
    const specs: RowSpec[] = [
      { row: "none", compressor: "none", budgetTokens: goalBudget },
      {
        row: "longcodezip",
        compressor: "longcodezip",
        budgetTokens: goalBudget,
        readings: (each) => readings.get(each)?.blocks,
      },
      { row: "knapsack", compressor: "knapsack", budgetTokens: goalBudget },
      {
        row: "knapsack with the model",
        compressor: "knapsack",
        budgetTokens: goalBudget,
        readings: (each) => readings.get(each)?.gains,
      },
    ];
    const rows = specs.map((spec) => measureRow(spec, sample, tools));
    const title = `SWE-QA, ${countOf(sample)} questions, with readings of ${scorer.name} (${Math.round(milliseconds)} ms per question)`;
    printRows(context, title, rows);
    const [, longCodeZip, plain, read] = rows;
    if (longCodeZip === undefined || plain === undefined || read === undefined) return null;
    const againstLongCodeZip = compareRows(read, longCodeZip, ["spans", "lines", "functions"]);
    const againstPlain = compareRows(read, plain, ["spans", "lines", "functions"]);
    printComparisons(context, "knapsack with the model against longcodezip", againstLongCodeZip);
    printComparisons(context, "knapsack with the model against without", againstPlain);
    return {
      milliseconds,
      rows: rows.map((row) => figuresOf(row, "sweQa")),
      againstLongCodeZip,
      againstPlain,
      spansRatio: ratio(read.recall.spans, longCodeZip.recall.spans),
      spansRatioWithoutModel: ratio(plain.recall.spans, longCodeZip.recall.spans),
    };
  } finally {
    await scorer.close();
  }
}

function compareGoals(context: BenchContext, on: string, rows: readonly MeasuredRow[]): readonly Comparison[] {
  const find = (row: string, budgetTokens: number) =>
    rows.find((each) => each.row === row && each.budgetTokens === budgetTokens);
  const small = find("knapsack", goalBudget);
  const whole = find("none", 3 * goalBudget);
  if (small === undefined || whole === undefined) return [];
  const compared = compareRows(small, whole, ["spans", "lines", "functions", "files", "targets"]);
  printComparisons(context, `${on}: knapsack at ${goalBudget} against none at ${3 * goalBudget}`, compared);
  return compared;
}

function printRows({ report }: BenchContext, title: string, rows: readonly MeasuredRow[]): void {
  report.table(
    title,
    ["row", "budget", "spans", "lines", "functions", "files", "targets", "tokens", "units", "over", "parse", "ms"],
    rows.map(({ row, budgetTokens, recall, tokens, units, overBudget, parseOk, milliseconds }) => [
      row,
      budgetTokens,
      recall.spans,
      recall.lines,
      recall.functions,
      recall.files,
      recall.targets,
      Math.round(tokens),
      units,
      overBudget,
      parseOk,
      milliseconds,
    ]),
  );
}

function printComparisons({ report }: BenchContext, title: string, compared: readonly Comparison[]): void {
  report.table(
    title,
    ["recall", "row", "base", "by questions", "by repositories"],
    compared.map(({ measure, row, base, questions, repositories }) => [
      measure,
      row,
      base,
      intervalText(questions),
      intervalText(repositories),
    ]),
  );
}

function figuresOf({ values, ...figures }: MeasuredRow, on: string): Record<string, unknown> {
  return { on, questions: values.reduce((count, group) => count + group.length, 0), ...figures };
}

function parseShare(rows: readonly MeasuredRow[], chosen: (row: MeasuredRow) => boolean): number {
  const own = rows.filter(chosen);
  const emitted = own.reduce((sum, row) => sum + row.emitted, 0);
  return own.reduce((sum, row) => sum + row.parseOk * row.emitted, 0) / Math.max(1, emitted);
}

function sampled(repositories: readonly CompressRepository[], perRepository: number): CompressRepository[] {
  return repositories.map((repository) => {
    const { cases } = repository;
    const step = Math.max(1, Math.floor(cases.length / perRepository));
    return { ...repository, cases: cases.filter((_, at) => at % step === 0).slice(0, perRepository) };
  });
}

function ratio(value: number, base: number): number | null {
  return base === 0 ? null : value / base;
}

function namesOf(repositories: readonly CompressRepository[]): string {
  return repositories.map(({ name }) => name).join(", ");
}

function countOf(repositories: readonly CompressRepository[]): number {
  return repositories.reduce((count, { cases }) => count + cases.length, 0);
}
