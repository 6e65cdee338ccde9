/** Part c: what the code model knows about source text, and how fast it reads and writes. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { BenchContext } from "./benchContext.ts";
import { CodeModel } from "./codeModel.ts";
import { completionRows } from "./completionRows.ts";
import { hasCorpus, readHeldOutFiles, sampleFiles } from "./corpus.ts";
import type { HeldOutFile, HeldOutRepository, HeldOutSource } from "./corpus.ts";
import { crossFileRows } from "./crossFileRows.ts";
import { measureCodeSpeed } from "./codeSpeed.ts";
import { contextRows, languageRows, quantisationRows } from "./lossRows.ts";
import { parseSourceFiles } from "./sourceFiles.ts";
import { writeUntrainedModel } from "./untrainedModel.ts";

/** Longer contexts than the model was trained on are measured up to this one. */
const contextMax = 4096;

export async function measureCode(context: BenchContext): Promise<Record<string, unknown>> {
  const file = context.model("code", "code.gguf");
  if (!existsSync(file)) {
    context.report.skip(`part c: ${file} does not exist`);
    return {};
  }
  const speed = await measureSpeed(context, file);
  const { corpus, threads } = context.options;
  if (!hasCorpus(corpus)) {
    context.report.skip(`losses of the code model: no corpus in ${corpus}`);
    return { speed };
  }
  const repositories = await readHeldOutFiles(corpus);
  const llama = await context.llama();
  const model = await CodeModel.open({ llama, file, threads, cells: contextMax });
  try {
    const { trainedContext, parameters, vocabulary, bytes } = model.model.info;
    const sources = await parseRepositories(context, repositories);
    const losses = await withUntrained(context, file, (untrained) =>
      languageRows(context, { model, untrained, sample: sampleFiles(repositories, sampleLimits(context)) }),
    );
    return {
      model: { parameters, vocabulary, bytes, trainedContext },
      speed,
      ...losses,
      contexts: await contextRows(context, model, repositories),
      crossFile: await crossFileRows(context, model, sources),
      quantisation: await quantisationRows(context, sampleFiles(repositories, smallSample)),
    };
  } finally {
    await model.close();
  }
}

/** Lines that the code model writes again; a part of its own, since it takes as long as everything else of it. */
export async function measureCompletions(context: BenchContext): Promise<Record<string, unknown>> {
  const file = context.model("code", "code.gguf");
  const { corpus, threads } = context.options;
  if (!existsSync(file) || !hasCorpus(corpus)) {
    context.report.skip(`completions: no ${file}, or no corpus in ${corpus}`);
    return {};
  }
  const model = await CodeModel.open({ llama: await context.llama(), file, threads, cells: contextMax });
  try {
    return await completionRows(context, model, await parseRepositories(context, await readHeldOutFiles(corpus)));
  } finally {
    await model.close();
  }
}

const smallSample = { bytesPerLanguage: 10_000, bytesPerFile: 10_000 } as const;

function sampleLimits({ quick }: BenchContext) {
  return quick ? { bytesPerLanguage: 3000, bytesPerFile: 3000 } : { bytesPerLanguage: 60_000, bytesPerFile: 20_000 };
}

async function measureSpeed(context: BenchContext, file: string): Promise<unknown> {
  const llama = await context.llama();
  // Code of Precis' own, so that nothing else is needed.
  const text = await readFile(path.join(context.options.root, "extension", "pipeline", "rank.ts"), "utf8");
  const speeds = [];
  for (const threads of context.threadCounts) speeds.push(await measureCodeSpeed({ llama, file, text }, threads));
  context.report.table(
    "c: tokens per second: reading a prompt of 2,000, writing after it",
    ["threads", "read", "written"],
    speeds.map(({ threads, readTokensPerSecond, writeTokensPerSecond }) => [
      threads,
      readTokensPerSecond,
      writeTokensPerSecond,
    ]),
  );
  return speeds;
}

async function parseRepositories(
  context: BenchContext,
  repositories: readonly HeldOutRepository<HeldOutFile>[],
): Promise<HeldOutSource[]> {
  const grammars = await context.grammars();
  const sources: HeldOutSource[] = [];
  for (const repository of context.quick ? repositories.slice(0, 4) : repositories) {
    sources.push({ repository, parsed: await parseSourceFiles(repository.records, grammars) });
  }
  return sources;
}

/** Opens a model of the same shape that was not trained, for as long as `use` takes. */
async function withUntrained<T>(
  context: BenchContext,
  file: string,
  use: (untrained: CodeModel) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "precis-untrained-"));
  try {
    const untrained = path.join(folder, "untrained.gguf");
    await writeUntrainedModel(file, untrained);
    const { threads } = context.options;
    const model = await CodeModel.open({ llama: await context.llama(), file: untrained, threads, cells: contextMax });
    try {
      return await use(model);
    } finally {
      await model.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
