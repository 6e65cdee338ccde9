/** What a repository digest costs: the room it takes from the units that a question finds. */
import { compareRows, measureRow, type Comparison, type CompressTools, type MeasuredRow } from "./compressRows.ts";
import type { CompressRepository } from "./compressCases.ts";

export interface DigestCost {
  readonly digestPercent: number;
  /** Room for units with the digest, and without. */
  readonly roomTokens: number;
  readonly roomTokensWithout: number;
  readonly row: MeasuredRow;
  /** With the digest less without. */
  readonly comparisons: readonly Comparison[];
}

/** The default budget on a CPU, and what answer, system prompt, chat format and a question take of it. */
const budgetTokens = 4096;
const takenTokens = 1024 + 230;

/** A digest of each size, the default one among them, against none. */
export function measureDigest(
  repositories: readonly CompressRepository[],
  tools: CompressTools,
): readonly DigestCost[] {
  const roomTokensWithout = budgetTokens - takenTokens;
  const measure = (row: string, room: number): MeasuredRow =>
    measureRow({ row, compressor: "knapsack", budgetTokens: room }, repositories, tools);
  const without = measure("no digest", roomTokensWithout);
  return [2, 5, 10].map((digestPercent) => {
    const roomTokens = roomTokensWithout - Math.floor((budgetTokens * digestPercent) / 100);
    const row = measure(`digest of ${digestPercent} %`, roomTokens);
    const comparisons = compareRows(row, without, ["spans", "lines", "functions", "files", "targets"]);
    return { digestPercent, roomTokens, roomTokensWithout, row, comparisons };
  });
}
