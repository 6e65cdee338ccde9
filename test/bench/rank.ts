/**
 * Measures ranking: does the right code come first?
 *
 *   npm run bench:rank -- --data ../shared/bench --checkouts DIR
 *
 *   --only ndcg,budget,needles,commits,calls,speed   parts (default: all)
 *   --quick              a small part of each, to see that it runs; its figures mean nothing
 *   --data DIR           question sets: repositories.json, questions/, published-ndcg10.json, swe-qa/
 *   --checkouts DIR      the repositories that they are about, one folder each, and swe-qa/NAME
 *   --history DIR        git repositories for commit needles, one folder each
 *   --scorer FILE        a GGUF model instead of the embedded likelihood scorer; `none`: leave its rows out
 *   --package DIR        a folder with models/, to measure others than those that ship
 *   --threads N          of llama.cpp (default 1)
 *   --fit                also print the weights that fit all questions, for extension/pipeline/rankWeights.ts
 *   --baseline FILE      write the means there, to see later changes as a diff
 *
 * What is missing is skipped, and said so. The last line on stdout is one line of JSON with all figures.
 */
import { writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { BenchContext, benchFlags, benchOptions } from "./benchContext.ts";
import { measureCalls } from "./callNeedles.ts";
import { measureBudgets } from "./budgetSection.ts";
import { rankHistories, reportCommits } from "./commitsSection.ts";
import { measureNdcg } from "./ndcgSection.ts";
import { measureNeedles } from "./needlesSection.ts";
import { headline, rankMeans } from "./rankMeans.ts";
import { measureRankSpeed } from "./rankSpeed.ts";
import { baselineText, Report } from "./report.ts";

const root = path.resolve(import.meta.dirname, "../..");

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    ...benchFlags,
    history: { type: "string", default: path.join(root, ".cache", "history") },
    scorer: { type: "string", default: "" },
    fit: { type: "boolean", default: false },
    baseline: { type: "string" },
  },
});
const parts = ["ndcg", "budget", "needles", "commits", "calls", "speed"];
const names = (values.only ?? parts.join(",")).split(",").map((name) => name.trim());
const unknown = names.filter((name) => !parts.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`--only takes ${parts.join(", ")}; unknown: ${unknown.join(", ")}\n`);
  process.exitCode = 2;
} else {
  await main();
}

async function main(): Promise<void> {
  const report = new Report((text) => process.stdout.write(text));
  const context = new BenchContext(benchOptions(values, { scorer: values.scorer }), report);
  try {
    const has = (part: string) => names.includes(part);
    const ranked = has("commits") ? await rankHistories(context, path.resolve(values.history)) : [];
    const ndcg = has("ndcg") ? await measureNdcg(context, { fit: values.fit, commits: ranked }) : null;
    const budget = has("budget") ? await measureBudgets(context) : null;
    const needles = has("needles")
      ? [await measureNeedles(context, true), await measureNeedles(context, false)].filter((found) => found !== null)
      : [];
    const commits = has("commits") ? reportCommits(context, ranked) : null;
    const calls = has("calls") ? await measureCalls(context) : null;
    const speed = has("speed") ? await measureRankSpeed(context) : null;
    const means = rankMeans({ ndcg, budget, needles, commits, calls });
    if (values.baseline !== undefined) {
      await writeFile(values.baseline, baselineText({ scorer: values.scorer || "embedded", ...means }));
    }
    report.finish({
      bench: "rank",
      quick: values.quick,
      cpu: os.cpus()[0]?.model,
      cores: os.availableParallelism(),
      ...headline({ ndcg, budget, speed }),
      means,
      speed,
      intervals: { ndcg: ndcg?.rows, commits: commits?.rows, needles, budget, calls },
    });
  } finally {
    await context.close();
  }
}
