/**
 * Measures the compressed KV cache: per method, share of cells kept and type, how far the model's answers move away from
 * those of the full cache, and what it costs and saves.
 *
 *   npm run bench:kv -- --corpus .cache/training
 *
 *   --quick          few contexts, to see that it runs; its figures say little
 *   --only a,b       parts: quality, costs, reuse (default: all)
 *   --model FILE     a GGUF file instead of the embedded code model
 *   --corpus DIR     the recipe's work folder with held-out files; without it, Precis' own sources are read
 *   --half NAME      all, first or second: constants are chosen on the first half of the files, tables are of the second
 *   --context N      characters of source per context (default 4,200: what the code model was trained for)
 *   --cases N        contexts (default 16; 2 with --quick)
 *   --ratios a,b     shares of cells kept (default 0.75,0.5,0.33,0.25)
 *   --pins           keep structural pins (signatures, imports, calls, conditions, returns)
 *   --whole          the whole file as one segment
 *   --repeat TEXT    what asks for a repetition
 *   --threads N      of llama.cpp (default 1)
 *
 * What is missing is skipped, and said so. The last line on stdout is one line of JSON with all figures.
 */
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { codeModelFile } from "../../extension/engine/codeModel.ts";
import { BenchContext, benchFlags, benchOptions } from "./benchContext.ts";
import { kvSections, type KvBenchOptions } from "./kvSections.ts";
import { Report } from "./report.ts";

const root = path.resolve(import.meta.dirname, "../..");

const { values } = parseArgs({
  options: {
    ...benchFlags,
    only: { type: "string" },
    model: { type: "string" },
    corpus: { type: "string", default: path.join(root, ".cache", "training") },
    half: { type: "string", default: "second" },
    context: { type: "string", default: "4200" },
    cases: { type: "string" },
    ratios: { type: "string", default: "0.75,0.5,0.33,0.25" },
    pins: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    repeat: { type: "string" },
  },
});

const names = (values.only ?? Object.keys(kvSections).join(",")).split(",").map((name) => name.trim());
const keepRatios = values.ratios.split(",").map(Number);
const problems = [
  ...names.filter((name) => !Object.hasOwn(kvSections, name)).map((name) => `--only: ${name} is unknown`),
  ...keepRatios.filter((ratio) => !(ratio > 0 && ratio <= 1)).map((ratio) => `--ratios: ${ratio} is not in (0, 1]`),
  ...(["all", "first", "second"].includes(values.half) ? [] : ["--half takes all, first or second"]),
  ...[values.context, values.cases ?? "1"].filter((n) => !/^[1-9]\d*$/.test(n)).map((n) => `${n} is no whole number`),
];
if (problems.length > 0) {
  process.stderr.write(`${problems.join("\n")}\n`);
  process.exitCode = 2;
} else {
  await run();
}

async function run(): Promise<void> {
  const report = new Report((text) => process.stdout.write(text));
  const context = new BenchContext(benchOptions(values, { corpus: path.resolve(values.corpus) }), report);
  const options: KvBenchOptions = {
    model: path.resolve(values.model ?? codeModelFile(context.options.package)),
    half: values.half,
    contextCharacters: Number(values.context),
    cases: Number(values.cases ?? (values.quick ? 2 : 16)),
    keepRatios,
    isPinned: values.pins,
    isWhole: values.whole,
    ...(values.repeat === undefined ? {} : { repeatText: JSON.parse(`"${values.repeat}"`) as string }),
  };
  const figures: Record<string, unknown> = {
    bench: "kv",
    quick: values.quick,
    cpu: os.cpus()[0]?.model,
    cores: os.availableParallelism(),
    threads: context.options.threads,
    options: { ...options, model: path.basename(options.model) },
  };
  try {
    for (const [name, measure] of Object.entries(kvSections)) {
      if (names.includes(name)) figures[name] = await measure(context, options);
    }
  } finally {
    await context.close();
  }
  report.finish(figures);
}
