/**
 * Measures the embedded models (models/): what they bring to ranking and completion, how fast they are, and whether
 * llama.cpp agrees with the framework that trained them.
 *
 *   npm run bench:models -- --data ../shared/bench --checkouts DIR --corpus .cache/training
 *
 *   --only a,b,c,completions,agreement,curves   parts: a static table, b likelihood, c code model (default: all)
 *   --quick                         a small part of each, to see that it runs; its figures mean nothing
 *   --data DIR                      question sets; --checkouts DIR  the repositories they are about, one folder each,
 *                                   and swe-qa/NAME
 *   --corpus DIR                    the recipe's work folder with held-out files and units
 *   --package DIR                   a folder with models/, to measure others than those that ship
 *   --threads N                     of llama.cpp where time is not measured (default 1)
 *   --ngram-tokens N                the n-gram model reads at most so many packed tokens (default 100,000,000)
 *
 * What is missing is skipped, and said so. The last line on stdout is one line of JSON with all figures.
 */
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { BenchContext, benchFlags, benchOptions } from "./benchContext.ts";
import { measureChecks, measureCurves } from "./checksSection.ts";
import { measureCode, measureCompletions } from "./codeSection.ts";
import { measureLikelihood } from "./likelihoodSection.ts";
import { Report } from "./report.ts";
import { measureStatic } from "./staticSection.ts";

const root = path.resolve(import.meta.dirname, "../..");

const parts = {
  a: { key: "static", measure: measureStatic },
  b: { key: "likelihood", measure: measureLikelihood },
  c: { key: "code", measure: measureCode },
  completions: { key: "completions", measure: measureCompletions },
  agreement: { key: "checks", measure: measureChecks },
  curves: { key: "curves", measure: measureCurves },
} as const;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    ...benchFlags,
    corpus: { type: "string", default: path.join(root, ".cache", "training") },
    "ngram-tokens": { type: "string", default: "100000000" },
  },
});

const names = (values.only ?? Object.keys(parts).join(",")).split(",").map((name) => name.trim());
const unknown = names.filter((name) => !Object.hasOwn(parts, name));
const ngramTokens = Number(values["ngram-tokens"]);
if (unknown.length > 0) {
  process.stderr.write(`--only takes ${Object.keys(parts).join(", ")}; unknown: ${unknown.join(", ")}\n`);
  process.exitCode = 2;
} else if (!Number.isInteger(ngramTokens) || ngramTokens < 1) {
  process.stderr.write("--ngram-tokens takes a whole number above 0\n");
  process.exitCode = 2;
} else {
  await run();
}

async function run(): Promise<void> {
  const report = new Report((text) => process.stdout.write(text));
  const corpus = path.resolve(values.corpus);
  const context = new BenchContext(benchOptions(values, { corpus, ngramTokens }), report);
  const figures: Record<string, unknown> = {
    bench: "models",
    quick: values.quick,
    cpu: os.cpus()[0]?.model,
    cores: os.availableParallelism(),
  };
  try {
    for (const [name, { key, measure }] of Object.entries(parts)) {
      if (names.includes(name)) figures[key] = await measure(context);
    }
  } finally {
    await context.close();
  }
  report.finish(figures);
}
