/** The parts of the KV benchmark: what each reads, and the tables that it prints. */
import { existsSync } from "node:fs";
import type { BenchContext } from "./benchContext.ts";
import { hasCorpus, readHeldOutFiles } from "./corpus.ts";
import { kvCase, type KvCase } from "./kvCases.ts";
import { measureCompression, measureWriting, withUntrainedModel, type MemoryRow } from "./kvCosts.ts";
import { KvModel, type ReadCase } from "./kvModel.ts";
import { measureQuality } from "./kvQuality.ts";
import { measureReuse } from "./kvReuse.ts";
import type { QualityRow } from "./kvRows.ts";
import { parseSourceFiles, readSourceFiles, type SourceText } from "./sourceFiles.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";

export interface KvBenchOptions {
  /** A GGUF file. */
  readonly model: string;
  readonly half: string;
  readonly contextCharacters: number;
  readonly cases: number;
  readonly keepRatios: readonly number[];
  readonly isPinned: boolean;
  readonly isWhole: boolean;
  /** The compressor's own where it is missing. */
  readonly repeatText?: string;
}

export const kvSections = { quality: qualitySection, costs: costsSection, reuse: reuseSection } as const;

/** Of what follows in a file. */
const continuationTokens = 256;
const quickContinuationTokens = 128;
const continuationCharacters = 1200;
const questionsPerContext = 8;

async function qualitySection(context: BenchContext, options: KvBenchOptions): Promise<Record<string, unknown>> {
  const opened = await openModel(context, options);
  if (opened === null) return {};
  const { report } = context;
  try {
    const cases = await readCases(context, options, opened);
    if (cases.length === 0) {
      report.skip("quality: no file is long enough and has functions to ask about");
      return {};
    }
    const rows = await measureQuality(opened, cases, {
      keepRatios: options.keepRatios,
      threads: context.options.threads,
      ...(options.repeatText === undefined ? {} : { repeatText: options.repeatText }),
      onCase: (path, done) => {
        process.stderr.write(`${done} of ${cases.length}: ${path}\n`);
      },
    });
    printQuality(report, rows);
    const tokens = cases.map((each) => each.tokens.length);
    return { contexts: cases.length, tokensMin: Math.min(...tokens), tokensMax: Math.max(...tokens), rows };
  } finally {
    await opened.model.close();
  }
}

/** Contexts on which times are taken. */
const timedContexts = 3;
/** As long as prompts for a GPU; only a model with random weights is made for it. */
const longCells = 8192;

async function costsSection(context: BenchContext, options: KvBenchOptions): Promise<Record<string, unknown>> {
  const { report } = context;
  const { threads } = context.options;
  const { keepRatios } = options;
  const figures: Record<string, unknown> = {};
  const opened = await openModel(context, options);
  if (opened !== null) {
    try {
      const cases = (await readCases(context, options, opened)).slice(0, timedContexts);
      const { readMs, rows } = await measureCompression(opened, cases, threads);
      report.table(
        `processor time of a compression at 0.5, in readings of the context (${Math.round(readMs)} ms)`,
        ["method", "ms", "readings"],
        rows.map((row) => [row.evictor, Math.round(row.compressMs), row.prefills]),
      );
      const cells = Math.min(longCells, opened.model.info.trainedContext) - 512;
      const writing = await measureWriting(opened.addon, opened.model, { cells, keepRatios, threads });
      printWriting(report, "this model", writing);
      Object.assign(figures, { readMs, compression: rows, writing });
    } finally {
      await opened.model.close();
    }
  }
  const { addon } = await context.llama();
  const long = await withUntrainedModel(addon, (model) =>
    measureWriting(addon, model, { cells: longCells, keepRatios, threads }),
  );
  printWriting(report, "a model with random weights and 16 KiB of cache per token", long);
  return { ...figures, writingUntrained: long };
}

function printWriting(report: BenchContext["report"], what: string, rows: readonly MemoryRow[]): void {
  const [whole] = rows;
  report.table(
    `cells, llama.cpp's cache and writing with ${what}`,
    ["keep", "cells", "cache MiB", "tokens/s", "times faster"],
    rows.map((row) => [
      ...[row.keepRatio, row.cells, row.kvBytes / 2 ** 20, row.writeTokensPerSecond],
      row.writeTokensPerSecond / (whole?.writeTokensPerSecond ?? 1),
    ]),
  );
}

async function reuseSection(context: BenchContext, options: KvBenchOptions): Promise<Record<string, unknown>> {
  const opened = await openModel(context, options);
  if (opened === null) return {};
  const { report } = context;
  try {
    const cases = (await readCases(context, options, opened)).slice(0, context.quick ? 1 : 6);
    if (cases.length === 0) return {};
    const { times, attached } = await measureReuse(opened, cases, {
      threads: context.options.threads,
      links: context.quick ? [16] : [0, 8, 16, 32],
      keepRatios: [1, 0.5],
    });
    report.table(
      "processor time until the first token",
      ["what is at hand", "ms", "times sooner"],
      [
        ["nothing", times.coldMs, 1],
        ["the first half", times.halfReusedMs, times.coldMs / times.halfReusedMs],
        ["instructions, and segments in memory", times.segmentsAttachedMs, times.coldMs / times.segmentsAttachedMs],
        ["everything, on disk", times.loadedMs, times.coldMs / times.loadedMs],
        ["loading against reading, without a question", times.loadOnlyMs, times.readOnlyMs / times.loadOnlyMs],
      ],
    );
    report.table(
      "attached segments against the whole read in place: KL in nats, text and answers",
      ["keep", "link", "mean", "99 %", "top-1", "answers", "top-1"],
      attached.map(({ keepRatio, link, text, answers }) => [
        ...[keepRatio, link, text.mean, text.p99, text.top1, answers.mean, answers.top1],
      ]),
    );
    return { times, attached };
  } finally {
    await opened.model.close();
  }
}

export async function openModel(context: BenchContext, { model }: KvBenchOptions): Promise<KvModel | null> {
  if (!existsSync(model)) {
    context.report.skip(`everything that needs a trained model: ${model} does not exist`);
    return null;
  }
  const { addon, gpuLayers } = await context.llama();
  return new KvModel(addon, await addon.openModel({ path: model, gpuLayers }));
}

/** Contexts of files of all languages, at most two of a language, in the model's tokens. */
export async function readCases(context: BenchContext, options: KvBenchOptions, model: KvModel): Promise<ReadCase[]> {
  const cases: ReadCase[] = [];
  for (const source of await sourceCases(context, options)) {
    cases.push(
      model.readCase(source, {
        isPinned: options.isPinned,
        textTokens: context.quick ? quickContinuationTokens : continuationTokens,
      }),
    );
  }
  if (!options.isWhole) return cases;
  return cases.map((each) => {
    const from = each.segments.find(({ kind }) => kind === "code")?.from ?? 0;
    const instructions = each.segments.filter(({ kind }) => kind === "instructions");
    return { ...each, segments: [...instructions, { kind: "code", from, to: each.tokens.length }] };
  });
}

async function sourceCases(context: BenchContext, options: KvBenchOptions): Promise<KvCase[]> {
  const grammars = await context.grammars();
  const files = await sourceTexts(context);
  const random = new SeededRandom("kv files");
  const shuffled = random.shuffled(files.filter(({ text }) => text.length > options.contextCharacters));
  // A file belongs to the same half whatever else there is.
  const own = shuffled.filter((file) => options.half === "all" || halfOf(file) === options.half);
  const cases: KvCase[] = [];
  const perLanguage = new Map<string, number>();
  for (const file of own) {
    if (cases.length >= options.cases) break;
    const taken = perLanguage.get(file.language) ?? 0;
    if (taken >= Math.max(2, Math.ceil(options.cases / 10))) continue;
    const [parsed] = await parseSourceFiles([file], grammars);
    const made = kvCase(file, parsed?.units ?? [], await grammars.grammar(file.language), {
      contextCharacters: options.contextCharacters,
      continuationCharacters,
      questions: questionsPerContext,
    });
    if (made === null) continue;
    perLanguage.set(file.language, taken + 1);
    cases.push(made);
  }
  return cases;
}

async function sourceTexts(context: BenchContext): Promise<SourceText[]> {
  const { corpus, root } = context.options;
  if (hasCorpus(corpus)) return (await readHeldOutFiles(corpus)).flatMap(({ records }) => records);
  context.report.skip(`held-out files: no corpus in ${corpus}; Precis' own sources are read instead`);
  return readSourceFiles(`${root}/extension`, await context.grammars());
}

function halfOf({ path }: SourceText): "first" | "second" {
  return new SeededRandom(`half ${path}`).chance(0.5) ? "first" : "second";
}

function printQuality(report: BenchContext["report"], rows: readonly QualityRow[]): void {
  const kinds = [...new Set(rows.flatMap(({ recall }) => Object.keys(recall)))].sort();
  report.table(
    "KL(full ‖ compressed) in nats of next-token distributions: the text that follows, and answers from the context",
    [
      "method",
      "keep",
      "type",
      "mean",
      "99 %",
      "max",
      "top-1",
      "loss",
      "answers",
      "99 %",
      "top-1",
      "loss",
      ...kinds,
      "KiB",
      "disk",
    ],
    rows.map((row) => [
      ...[row.evictor, row.keepRatio, row.kvType],
      ...[row.text.mean, row.text.p99, row.text.max, row.text.top1, row.text.lossChange],
      ...[row.answers.mean, row.answers.p99, row.answers.top1, row.answers.lossChange],
      ...kinds.map((kind) => row.recall[kind] ?? null),
      ...[row.memoryBytes / 1024, row.diskBytes / 1024].map((size) => Math.round(size)),
    ]),
  );
  const depths = [...new Set(rows.flatMap(({ recallByDepth }) => Object.keys(recallByDepth)))].sort();
  report.table(
    "needles found, by depth",
    ["method", "keep", "type", ...depths],
    rows.map((row) => [
      row.evictor,
      row.keepRatio,
      row.kvType,
      ...depths.map((depth) => row.recallByDepth[depth] ?? null),
    ]),
  );
}
