/** Compressors at budgets: recall, tokens, syntax and time of each, and how two of them differ. */
import { compressors, type CompressorName } from "../../extension/pipeline/compress.ts";
import type { Readings } from "../../extension/pipeline/compressReadings.ts";
import type { TokenCounter } from "../../extension/pipeline/ports.ts";
import { UnitSyntax } from "../../extension/pipeline/pruneSyntax.ts";
import type { Grammars } from "../../extension/engine/grammars.ts";
import type { Grammar } from "../../extension/pipeline/ports.ts";
import {
  differences,
  groupInterval,
  mean,
  meanOfMeans,
  questionInterval,
  type Groups,
  type Interval,
} from "./bootstrap.ts";
import type { CompressCase, CompressRepository } from "./compressCases.ts";
import { recallMeasures, recallOf, type Recall, type RecallMeasure } from "./compressRecall.ts";

/** What is needed to compress anything. */
export interface CompressTools {
  readonly counter: TokenCounter;
  readonly grammarOf: (language: string) => Grammar | null;
  readonly omission: (language: string) => string;
}

/** A way to compress one question's units. */
export interface RowSpec {
  readonly row: string;
  readonly compressor: CompressorName;
  readonly budgetTokens: number;
  /** As in `CompressRequest`. */
  readonly worthMin?: number;
  readonly readings?: (question: CompressCase) => Readings | undefined;
}

export interface MeasuredRow {
  readonly row: string;
  readonly budgetTokens: number;
  /** Mean over the questions of a repository, then over repositories. */
  readonly recall: Readonly<Record<RecallMeasure, number>>;
  readonly tokens: number;
  readonly units: number;
  /** Questions whose context is larger than the budget. */
  readonly overBudget: number;
  /** Emitted units that parse, of those that parse as a whole. */
  readonly parseOk: number;
  readonly emitted: number;
  /** Of processor time, in the mean. */
  readonly milliseconds: number;
  readonly values: readonly (readonly Recall[])[];
}

export async function compressTools(grammars: Grammars, counter: TokenCounter): Promise<CompressTools> {
  const opened = new Map<string, Grammar>();
  for (const { id } of grammars.languages) opened.set(id, await grammars.grammar(id));
  return {
    counter,
    grammarOf: (language) => opened.get(language) ?? null,
    omission: (language) => opened.get(language)?.language.lineComment ?? "",
  };
}

export function measureRow(
  { row, compressor, budgetTokens, worthMin, readings }: RowSpec,
  repositories: readonly CompressRepository[],
  { counter, grammarOf, omission }: CompressTools,
): MeasuredRow {
  const tokens: number[][] = [];
  const times: number[] = [];
  let [units, overBudget, parsed, emitted] = [0, 0, 0, 0];
  const values = repositories.map(({ cases, unitsOfFile }) => {
    const sent: number[] = [];
    const recalls = cases.map((each) => {
      const syntax = new UnitSyntax(grammarOf, omission);
      const read = readings?.(each);
      // Other programs' use of the machine must not show.
      const start = process.cpuUsage();
      const { kept, tokensSent } = compressors[compressor]({
        question: each.question,
        ranked: each.ranked,
        worthMin: worthMin ?? 0,
        counter,
        omission,
        budgetTokens,
        syntax,
        ...(read === undefined ? {} : { readings: read }),
      });
      const { user, system } = process.cpuUsage(start);
      times.push((user + system) / 1000);
      sent.push(tokensSent);
      units += kept.length;
      if (tokensSent > budgetTokens) overBudget += 1;
      for (const {
        ranked: { unit },
        lines,
      } of kept) {
        if (syntax.isWhole(unit) !== true) continue;
        emitted += 1;
        if (syntax.parses(unit, lines) === true) parsed += 1;
      }
      return recallOf(kept, each.targets, unitsOfFile);
    });
    tokens.push(sent);
    return recalls;
  });
  const questions = values.reduce((count, each) => count + each.length, 0);
  return {
    row,
    budgetTokens,
    recall: recallMeans(values),
    tokens: meanOfMeans(tokens),
    units: units / Math.max(1, questions),
    overBudget,
    parseOk: emitted === 0 ? 1 : parsed / emitted,
    emitted,
    milliseconds: mean(times),
    values,
  };
}

export interface Comparison {
  readonly measure: RecallMeasure;
  readonly row: number;
  readonly base: number;
  readonly questions: Interval;
  readonly repositories: Interval;
}

/** Row less base, question by question. */
export function compareRows(row: MeasuredRow, base: MeasuredRow, measures: readonly RecallMeasure[]): Comparison[] {
  return measures.map((measure) => {
    const gained = differences(groupsOf(row.values, measure), groupsOf(base.values, measure));
    return {
      measure,
      row: row.recall[measure],
      base: base.recall[measure],
      questions: questionInterval(gained),
      repositories: groupInterval(gained),
    };
  });
}

function recallMeans(values: readonly (readonly Recall[])[]): Record<RecallMeasure, number> {
  const of = (measure: RecallMeasure) => meanOfMeans(groupsOf(values, measure));
  const [functions, spans, lines, files, targets] = recallMeasures.map(of);
  return {
    functions: functions ?? 0,
    spans: spans ?? 0,
    lines: lines ?? 0,
    files: files ?? 0,
    targets: targets ?? 0,
  };
}

function groupsOf(values: readonly (readonly Recall[])[], measure: RecallMeasure): Groups {
  return values.map((group) => group.flatMap((recall) => recall[measure] ?? []));
}
