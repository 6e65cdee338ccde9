/** The adaptive rate: fitted on one half of the repositories, reported on the other. */
import { compressors } from "../../extension/pipeline/compress.ts";
import { worthAskedOf, worthPerThousandTokens } from "../../extension/pipeline/compressKnapsack.ts";
import type { BenchContext } from "./benchContext.ts";
import { mean } from "./bootstrap.ts";
import type { CompressCase, CompressRepository } from "./compressCases.ts";
import { recallOf } from "./compressRecall.ts";
import type { CompressTools } from "./compressRows.ts";

interface RateOutcome {
  readonly tokens: number;
  readonly targets: number;
}

const budgetTokens = 4000;
const worths = [0.8, 0.4, 0.2, 0.1, 0.05, 0.02, 0] as const;
/** Of the targets found with the whole budget, a rule may lose this share. */
const lossMax = 0.02;

export function rateFigures(
  context: BenchContext,
  bench: readonly CompressRepository[],
  sweQa: readonly CompressRepository[],
  tools: CompressTools,
): unknown {
  const halves = [0, 1].map((half) => bench.filter((_, at) => at % 2 === half));
  const fitted = worths.map((worthMin) => ({
    worthMin,
    halves: halves.map((half) => outcome(half, () => worthMin, tools)),
  }));
  const all = fitted.at(-1)?.halves ?? [];
  const chosen = [0, 1].map((half) => {
    const enough = (all[half]?.targets ?? 0) * (1 - lossMax);
    return fitted.find((each) => (each.halves[half]?.targets ?? 0) >= enough)?.worthMin ?? 0;
  });
  context.report.table(
    `adaptive rate at ${budgetTokens} tokens: targets found and tokens spent, by half of the repositories`,
    ["worth of 1,000 tokens", "targets, first", "tokens", "targets, second", "tokens"],
    fitted.map(({ worthMin, halves: [first, second] }) => [
      String(worthMin),
      first?.targets ?? null,
      first?.tokens ?? null,
      second?.targets ?? null,
      second?.tokens ?? null,
    ]),
  );
  const reported = [0, 1].map((half) => {
    const worthMin = chosen[1 - half] ?? 0;
    const other = fitted.find((each) => each.worthMin === worthMin)?.halves[half];
    return { worthMin, ...other, wholeBudget: all[half] };
  });
  const shipped = {
    bench: outcome(bench, worthAskedOf, tools),
    sweQa: outcome(sweQa, worthAskedOf, tools),
  };
  const full = { bench: outcome(bench, () => 0, tools), sweQa: outcome(sweQa, () => 0, tools) };
  const symbols = outcome(symbolCases(bench), worthAskedOf, tools);
  const fullSymbols = outcome(symbolCases(bench), () => 0, tools);
  context.report.table(
    `the rule that ships (${worthPerThousandTokens.other}, for names ${worthPerThousandTokens.name})`,
    ["questions", "targets", "tokens", "targets with the whole budget", "tokens"],
    [
      ["question sets", shipped.bench.targets, shipped.bench.tokens, full.bench.targets, full.bench.tokens],
      ["SWE-QA", shipped.sweQa.targets, shipped.sweQa.tokens, full.sweQa.targets, full.sweQa.tokens],
      ["names of definitions", symbols.targets, symbols.tokens, fullSymbols.targets, fullSymbols.tokens],
    ],
  );
  return { budgetTokens, chosenOnOtherHalf: reported, shipped, full, symbols: { shipped: symbols, full: fullSymbols } };
}

/** Questions of one word. */
function symbolCases(repositories: readonly CompressRepository[]): CompressRepository[] {
  return repositories.map((repository) => ({
    ...repository,
    cases: repository.cases.filter(({ question }) => !question.trim().includes(" ")),
  }));
}

function outcome(
  repositories: readonly CompressRepository[],
  worthOf: (question: string) => number,
  tools: CompressTools,
): RateOutcome {
  const outcomes = repositories.flatMap(({ cases, unitsOfFile }) => {
    if (cases.length === 0) return [];
    const each = cases.map((one) => outcomeOf(one, unitsOfFile, worthOf, tools));
    return [
      { tokens: mean(each.map(({ tokens }) => tokens)), targets: mean(each.flatMap(({ targets }) => targets ?? [])) },
    ];
  });
  return { tokens: mean(outcomes.map(({ tokens }) => tokens)), targets: mean(outcomes.map(({ targets }) => targets)) };
}

function outcomeOf(
  { question, ranked, targets }: CompressCase,
  unitsOfFile: CompressRepository["unitsOfFile"],
  worthOf: (question: string) => number,
  { counter, omission }: CompressTools,
): { readonly tokens: number; readonly targets: number | null } {
  const request = { question, ranked, worthMin: worthOf(question), counter, omission, budgetTokens };
  const { kept, tokensSent } = compressors.knapsack(request);
  return { tokens: tokensSent, targets: recallOf(kept, targets, unitsOfFile).targets };
}
