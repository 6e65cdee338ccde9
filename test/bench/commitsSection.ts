/** How well the subjects of commits find the functions that these changed. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { BenchContext } from "./benchContext.ts";
import { historyRepositories, rankCommits } from "./commitNeedles.ts";
import { rankRows, type RankedRepository, type RankRow } from "./ndcgRows.ts";
import { intervalText } from "./report.ts";

export interface CommitFigures {
  readonly rows: readonly RankRow[];
  readonly repositories: readonly string[];
  readonly questions: number;
}

/** Of the repositories of `history`, one folder each; empty where it does not exist. */
export async function rankHistories(context: BenchContext, history: string): Promise<RankedRepository[]> {
  const { report, options } = context;
  if (!existsSync(history)) {
    report.skip(`commit needles: ${history} does not exist`);
    return [];
  }
  const [encoder, likelihood] = [await context.encoder(), await context.likelihood()];
  const questionsMax = context.quick ? 3 : 24;
  const ranked: RankedRepository[] = [];
  const names = await historyRepositories(history);
  for (const name of context.quick ? names.slice(0, 2) : names) {
    const started = performance.now();
    const found = await rankCommits(path.join(history, name), {
      root: options.root,
      encoder,
      likelihood,
      questionsMax,
    });
    if (found === null) continue;
    ranked.push(found);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    report.line(`${name}: ${found.units} units, ${found.questions.length} commits, ${seconds} s`);
  }
  return ranked;
}

export function reportCommits({ report }: BenchContext, ranked: readonly RankedRepository[]): CommitFigures | null {
  if (ranked.length === 0) return null;
  const rows = rankRows(ranked);
  report.table(
    `Commit needles: subjects of commits of ${ranked.length} repositories find the functions that these changed`,
    ["row", "MRR", "recall@10", "NDCG@10 of files", "MRR against", "(questions)", "(repositories)"],
    rows.map(({ row, ndcg, against }) => {
      const [base, compared] = Object.entries(against)[0] ?? [];
      return [
        row,
        ndcg.mrr,
        ndcg.recall10,
        ndcg.files,
        base ?? "",
        compared === undefined ? "" : intervalText(compared.mrr.questions),
        compared === undefined ? "" : intervalText(compared.mrr.repositories),
      ];
    }),
  );
  return {
    rows,
    repositories: ranked.map(({ name }) => name),
    questions: ranked.reduce((sum, { questions }) => sum + questions.length, 0),
  };
}
