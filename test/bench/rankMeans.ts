/** What a run of bench:rank comes to: the means that a committed baseline holds, and the few figures that goals name. */
import type { BudgetFigures } from "./budgetSection.ts";
import type { CallFigures } from "./callNeedles.ts";
import type { CommitFigures } from "./commitsSection.ts";
import type { NdcgFigures } from "./ndcgSection.ts";
import type { NeedleFigures } from "./needlesSection.ts";
import type { SpeedFigures } from "./rankSpeed.ts";

export interface RankFigures {
  readonly ndcg: NdcgFigures | null;
  readonly budget: BudgetFigures | null;
  readonly needles: readonly NeedleFigures[];
  readonly commits: CommitFigures | null;
  readonly calls: CallFigures | null;
}

/** Means by part and row, without times: they are the same on every machine. */
export function rankMeans({ ndcg, budget, needles, commits, calls }: RankFigures): Record<string, unknown> {
  return {
    ...(ndcg === null ? {} : { ndcg10: byRow(ndcg.rows, ({ ndcg: { chunks, files } }) => ({ chunks, files })) }),
    ...(budget === null ? {} : { sweQaRecall: byRow(budget.rows, ({ recall }) => recall) }),
    ...Object.fromEntries(
      needles.map(({ namesHidden, rows }) => [
        namesHidden ? "docstringNeedlesWithoutNames" : "docstringNeedles",
        byRow(rows, ({ mrr, recall10, mrrOfLanguages }) => ({ mrr, recall10, mrrOfLanguages })),
      ]),
    ),
    ...(commits === null
      ? {}
      : { commitNeedles: byRow(commits.rows, ({ ndcg: { mrr, recall10, files } }) => ({ mrr, recall10, files })) }),
    ...(calls === null ? {} : { callNeedles: byRow(calls.rows, ({ mrr, recall10 }) => ({ mrr, recall10 })) }),
  };
}

/** Of the default ranker. */
export function headline({
  ndcg,
  budget,
  speed,
}: Pick<RankFigures, "ndcg" | "budget"> & { readonly speed: SpeedFigures | null }): Record<string, unknown> {
  const fused = ndcg?.rows.find(({ row }) => row === "fused");
  const perRepository = Object.entries(fused?.byRepository ?? {}).map(([name, { chunks }]) => [name, chunks]);
  return {
    ndcg10Chunks: fused?.ndcg.chunks ?? null,
    ndcg10Files: fused?.ndcg.files ?? null,
    perRepository: Object.fromEntries(perRepository),
    functionRecall4k: budget?.rows.find(({ row }) => row === "fused")?.recall[4000]?.functions ?? null,
    p95Ms: speed?.rows.find(({ row }) => row === "fused")?.p95Ms ?? null,
  };
}

function byRow<R extends { readonly row: string }, V>(rows: readonly R[], value: (row: R) => V): Record<string, V> {
  return Object.fromEntries(rows.map((row) => [row.row, value(row)]));
}
