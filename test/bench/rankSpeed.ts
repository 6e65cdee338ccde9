/** How long a question takes: several repositories as one workspace of about ten thousand units. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { rankers } from "../../extension/pipeline/rank.ts";
import { type RankerName, rankerNames } from "../../extension/protocol/settings.ts";
import type { BenchContext } from "./benchContext.ts";
import { quantile } from "./bootstrap.ts";
import { withIndex } from "./indexedFolder.ts";
import { parseSourceFiles, readSourceFiles } from "./sourceFiles.ts";
import type { BenchRepository } from "./rankingData.ts";

export interface SpeedRow {
  readonly row: string;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

const unitsWanted = 10_000;
/** So many questions before time is taken, for the compiler's sake. */
const warmUp = 8;
const questionsMax = 120;
const top = 200;

export interface SpeedFigures {
  readonly units: number;
  readonly indexSeconds: number;
  readonly questions: number;
  readonly rows: readonly SpeedRow[];
}

/** Null without repositories. */
export async function measureRankSpeed(context: BenchContext): Promise<SpeedFigures | null> {
  const data = await context.benchData();
  if (data === null) return null;
  const { report, options } = context;
  const [encoder, likelihood] = [await context.encoder(), await context.likelihood()];
  const chosen = await repositoriesOf(data.repositories, context);
  const folder = await mkdtemp(path.join(os.tmpdir(), "precis-speed-"));
  try {
    for (const repository of chosen)
      await cp(repository.folder, path.join(folder, repository.name), { recursive: true });
    return await withIndex({ folder, root: options.root, encoder }, async ({ index, summary }) => {
      const questions = spread(chosen.flatMap((repository) => repository.questions.map(({ text }) => text)));
      const { signal } = new AbortController();
      const rows: SpeedRow[] = [];
      const measure = async (row: string, ranker: RankerName, asked: readonly string[]) => {
        const times: number[] = [];
        for (const question of asked) {
          const started = performance.now();
          await rankers[ranker](
            { question, purpose: "list", root: "", top },
            { source: index, encoder, likelihood, signal },
          );
          times.push(performance.now() - started);
        }
        return { row, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95) };
      };
      for (const row of rankerNames.filter((name) => !["longcodezip", "likelihood"].includes(name))) {
        await measure(row, row, questions.slice(0, warmUp));
        rows.push(await measure(row, row, questions));
      }
      if (likelihood !== null) {
        const some = questions.slice(0, context.quick ? 3 : 30);
        for (const question of some) {
          rows.push(await measure("likelihood, units not read yet", "likelihood", [question]));
          rows.push(await measure("likelihood, units in memory", "likelihood", [question]));
        }
      }
      const merged = mergeRows(rows);
      report.table(
        `Time to rank in one workspace of ${summary.units} units (${chosen.map(({ name }) => name).join(", ")}), ms; indexed in ${(summary.ms / 1000).toFixed(1)} s`,
        ["row", "P50", "P95"],
        merged.map(({ row, p50Ms, p95Ms }) => [row, p50Ms, p95Ms]),
      );
      return { units: summary.units, indexSeconds: summary.ms / 1000, questions: questions.length, rows: merged };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In their order, until there are enough units. */
async function repositoriesOf(
  repositories: readonly BenchRepository[],
  context: BenchContext,
): Promise<BenchRepository[]> {
  const grammars = await context.grammars();
  const chosen: BenchRepository[] = [];
  let units = 0;
  for (const repository of repositories) {
    if (units >= unitsWanted) break;
    const files = await parseSourceFiles(await readSourceFiles(repository.folder, grammars), grammars);
    units += files.reduce((sum, file) => sum + file.units.length, 0);
    chosen.push(repository);
  }
  return chosen;
}

/** Of all repositories, not only of the first. */
function spread(questions: readonly string[]): string[] {
  const step = Math.max(1, questions.length / questionsMax);
  return Array.from(
    { length: Math.min(questionsMax, questions.length) },
    (_, at) => questions[Math.floor(at * step)] ?? "",
  );
}

/** Rows of single questions become one row of their quantiles. */
function mergeRows(rows: readonly SpeedRow[]): SpeedRow[] {
  return [...Map.groupBy(rows, ({ row }) => row)].map(([row, group]) => {
    const [only] = group;
    if (only !== undefined && group.length === 1) return only;
    const times = group.map(({ p50Ms }) => p50Ms);
    return { row, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95) };
  });
}
