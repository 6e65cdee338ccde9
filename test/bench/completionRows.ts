/** One-line completions of held-out functions: the report. */
import type { BenchContext } from "./benchContext.ts";
import type { CodeModel } from "./codeModel.ts";
import type { HeldOutSource } from "./corpus.ts";
import {
  type CompletionCase,
  completionCases,
  completionMeans,
  type CompletionResult,
  continueLine,
  fillInLine,
  typedInto,
} from "./completions.ts";

export async function completionRows(
  context: BenchContext,
  model: CodeModel,
  sources: readonly HeldOutSource[],
): Promise<Record<string, unknown>> {
  if (!model.canFillIn) context.report.skip("fill-in-the-middle completions: the model has no such tokens");
  const cases = sources.flatMap(({ repository, parsed }) =>
    completionCases(repository.records, parsed, context.quick ? 2 : 10),
  );
  return {
    wholeLine: await rowsOf("a line", cases, { context, model }),
    restOfLine: await rowsOf("the rest of a line", cases.map(typedInto), { context, model }),
  };
}

async function rowsOf(
  what: string,
  cases: readonly CompletionCase[],
  { context, model }: { readonly context: BenchContext; readonly model: CodeModel },
) {
  const filled: CompletionResult[] = [];
  const continued: CompletionResult[] = [];
  for (const found of cases) {
    const result = await fillInLine(model, found);
    if (result !== null) filled.push(result);
    continued.push(await continueLine(model, found));
  }
  const languages = [...new Set(continued.map(({ language }) => language))].sort();
  const of = (results: readonly CompletionResult[], language: string | null) =>
    completionMeans(results.filter((result) => language === null || result.language === language));
  const rows = [...languages, null].map((language) => ({
    language: language ?? "all",
    fillIn: filled.length === 0 ? null : of(filled, language),
    prefixOnly: of(continued, language),
  }));
  context.report.table(
    `c: ${what} of a held-out function written again, greedily: exact match and edit similarity`,
    ["language", "lines", "fill-in exact", "similarity", "prefix-only exact", "similarity"],
    rows.map(({ language, fillIn, prefixOnly }) => [
      language,
      prefixOnly.cases,
      fillIn === null ? null : fillIn.exactMatch.toFixed(3),
      fillIn === null ? null : fillIn.editSimilarity.toFixed(3),
      prefixOnly.exactMatch.toFixed(3),
      prefixOnly.editSimilarity.toFixed(3),
    ]),
  );
  return rows;
}
