/** Does a compressed context make the expert's answer as likely as three times the tokens of whole units? */
import type { NativeModel } from "../../native/addon.ts";
import { openLineScorer } from "../../extension/engine/lineScorer.ts";
import { compressors, type CompressorName } from "../../extension/pipeline/compress.ts";
import { UnitSyntax } from "../../extension/pipeline/pruneSyntax.ts";
import { differences, meanOfMeans, questionInterval, type Interval } from "./bootstrap.ts";
import type { CompressRepository } from "./compressCases.ts";
import type { CompressTools } from "./compressRows.ts";

export interface AnswerLoss {
  readonly questions: number;
  /** Nats per token of the answers after nothing, after whole units, and after a third of the tokens, compressed. */
  readonly nothing: number;
  readonly whole: number;
  readonly compressed: number;
  readonly wholeTokens: number;
  readonly compressedTokens: number;
  /** Compressed less whole; below 0 is better. */
  readonly difference: Interval;
}

const answerCharactersMax = 1200;
const { signal } = new AbortController();

export async function measureAnswerLoss(
  model: NativeModel,
  repositories: readonly CompressRepository[],
  { counter, grammarOf, omission }: CompressTools,
  budgets: { readonly whole: number; readonly compressed: number },
): Promise<AnswerLoss> {
  const scorer = await openLineScorer(model, { contextTokens: budgets.whole + 200 });
  try {
    const losses = async (contextOf: (at: number, group: number) => string) => {
      const groups: number[][] = [];
      for (const [group, { cases }] of repositories.entries()) {
        const values: number[] = [];
        for (const [at, { answer }] of cases.entries()) {
          const text = answer.slice(0, answerCharactersMax);
          const [loss] = await scorer.lineLosses([{ context: contextOf(at, group), text }], signal);
          values.push(sum(loss?.nats) / Math.max(1, sum(loss?.tokens)));
        }
        groups.push(values);
      }
      return groups;
    };
    const contextBy = (compressor: CompressorName, budgetTokens: number) => (at: number, group: number) => {
      const asked = repositories[group]?.cases[at];
      if (asked === undefined) return "";
      const { question, ranked } = asked;
      const syntax = new UnitSyntax(grammarOf, omission);
      const { kept } = compressors[compressor]({ question, ranked, counter, omission, budgetTokens, syntax });
      return `${kept.map(({ text }) => text).join("")}# Question\n\n${question}\n\n`;
    };
    const questionOnly = (at: number, group: number) =>
      `# Question\n\n${repositories[group]?.cases[at]?.question ?? ""}\n\n`;
    const nothing = await losses(questionOnly);
    const whole = await losses(contextBy("none", budgets.whole));
    const compressed = await losses(contextBy("knapsack", budgets.compressed));
    return {
      questions: nothing.reduce((count, values) => count + values.length, 0),
      nothing: meanOfMeans(nothing),
      whole: meanOfMeans(whole),
      compressed: meanOfMeans(compressed),
      wholeTokens: budgets.whole,
      compressedTokens: budgets.compressed,
      difference: questionInterval(differences(compressed, whole)),
    };
  } finally {
    await scorer.close();
  }
}

function sum(values: Float64Array | undefined): number {
  return values?.reduce((total, value) => total + value, 0) ?? 0;
}
