/**
 * Measures how much of what answers a question survives compression.
 *
 *   npm run bench:compress -- --data ../shared/bench --checkouts DIR
 *
 *   --quick          a part of the questions, to see that it runs; its figures mean little
 *   --data DIR       question sets and swe-qa/; --checkouts DIR  the repositories they are about, and swe-qa/NAME
 *   --package DIR    a folder with models/, to measure others than those that ship
 *   --threads N      of llama.cpp (default 1)
 *   --digest         only what a repository digest costs
 *   --baseline FILE  write the figures there without the times, to see later changes as a diff
 *
 * What is missing is skipped, and said so. The last line on stdout is one line of JSON with all figures.
 */
import { writeFile } from "node:fs/promises";
import os from "node:os";
import { parseArgs } from "node:util";
import { openCodeModel } from "../../extension/engine/codeModel.ts";
import { BenchContext, benchFlags, benchOptions } from "./benchContext.ts";
import { measureCompression, measureDigestCost } from "./compressSection.ts";
import { baselineText, Report } from "./report.ts";

const { values } = parseArgs({
  options: {
    ...benchFlags,
    baseline: { type: "string" },
    digest: { type: "boolean", default: false },
  },
});

const report = new Report((text) => process.stdout.write(text));
const context = new BenchContext(benchOptions(values), report);
const code = await openCodeModel({ llama: await context.llama(), root: context.options.package });
try {
  const figures = await (values.digest ? measureDigestCost : measureCompression)(context, code);
  if (values.baseline !== undefined) await writeFile(values.baseline, baselineText(figures));
  report.finish({
    bench: "compress",
    quick: values.quick,
    cpu: os.cpus()[0]?.model,
    cores: os.availableParallelism(),
    ...figures,
  });
} finally {
  await code.close();
  await context.close();
}
