/** Time to the first token, by what is at hand already, and what attached segments lose. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { NativeContext, NativeKvState } from "../../native/addon.ts";
import { KvCompressor } from "../../extension/engine/kvCompression.ts";
import { quantile } from "./bootstrap.ts";
import { processorMs } from "./kvCosts.ts";
import type { KvModel, ProbeReference, ReadCase } from "./kvModel.ts";
import { divergenceFigures, type DivergenceFigures } from "./kvRows.ts";

/** Processor time until the first token, in milliseconds; medians over the contexts. */
export interface FirstTokenTimes {
  /** Everything is read. */
  readonly coldMs: number;
  /** The first half is in the cache. */
  readonly halfReusedMs: number;
  /** The instructions are in the cache, all segments come from memory, their links are read. */
  readonly segmentsAttachedMs: number;
  /** The compressed context comes from a file of q8_0. */
  readonly loadedMs: number;
  /** Reading the file, decoding and attaching only, against reading the context. */
  readonly loadOnlyMs: number;
  readonly readOnlyMs: number;
}

/** What segments lose that were read behind the instructions only, and compressed at this ratio. */
export interface AttachedRow {
  readonly link: number;
  readonly keepRatio: number;
  readonly text: DivergenceFigures;
  readonly answers: DivergenceFigures;
}

export interface ReuseOptions {
  readonly threads: number;
  readonly links: readonly number[];
  readonly keepRatios: readonly number[];
}

const evictor = "kvzip-composite-refit";
const timedLink = 16;
const timedRatio = 0.5;

export async function measureReuse(
  kvModel: KvModel,
  cases: readonly ReadCase[],
  options: ReuseOptions,
): Promise<{ readonly times: FirstTokenTimes; readonly attached: AttachedRow[] }> {
  const { threads } = options;
  const cells = Math.max(...cases.map((each) => each.tokens.length)) + 512;
  const context = await kvModel.model.openContext({ cells, threads });
  const compressor = await KvCompressor.open(kvModel.model, { cells, threads });
  const folder = await mkdtemp(path.join(os.tmpdir(), "precis-kv-"));
  const reuse = new Reuse({ kvModel, context, compressor, file: path.join(folder, "context.kv") });
  const times: FirstTokenTimes[] = [];
  const outcomes = options.keepRatios.flatMap((keepRatio) =>
    options.links.map((link) => ({ link, keepRatio, all: [] as Awaited<ReturnType<Reuse["loss"]>> })),
  );
  try {
    for (const each of cases) {
      times.push(await reuse.times(each));
      const references = await reuse.references(each);
      for (const row of outcomes) row.all.push(...(await reuse.loss(each, references, row)));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    await compressor.close();
    await context.close();
  }
  const attached = outcomes.map(({ link, keepRatio, all }): AttachedRow => ({
    link,
    keepRatio,
    text: divergenceFigures(all.filter(({ probe }) => probe.kind === "text")),
    answers: divergenceFigures(all.filter(({ probe }) => probe.kind !== "text")),
  }));
  return { times: medians(times), attached };
}

class Reuse {
  readonly #parts: { kvModel: KvModel; context: NativeContext; compressor: KvCompressor; file: string };

  constructor(parts: { kvModel: KvModel; context: NativeContext; compressor: KvCompressor; file: string }) {
    this.#parts = parts;
  }

  async references({ tokens, probes }: ReadCase): Promise<ProbeReference[]> {
    const { kvModel, context } = this.#parts;
    context.clear();
    await context.read(0, tokens);
    return kvModel.ask(context, probes);
  }

  async loss(each: ReadCase, references: readonly ProbeReference[], of: { link: number; keepRatio: number }) {
    const { kvModel, context } = this.#parts;
    const segments = await this.#stored(each, of.link, of.keepRatio);
    await this.#readInstructions(each);
    await this.#attach(each, segments, of.link);
    const outcomes = await kvModel.compare(context, references);
    for (const segment of segments) segment.close();
    return outcomes;
  }

  async times(each: ReadCase): Promise<FirstTokenTimes> {
    const { context, kvModel, file } = this.#parts;
    const { tokens } = each;
    const question = each.probes.find(({ kind }) => kind === "signature")?.tokens ?? tokens.slice(-8);
    const half = Math.floor(tokens.length / 2);
    const first = () => this.#firstToken(question);

    context.clear();
    const readOnlyMs = await processorMs(() => context.read(0, tokens));
    const coldMs = readOnlyMs + (await processorMs(first));
    await this.#write(each, file);

    context.clear();
    await context.read(0, tokens.slice(0, half));
    const halfReusedMs = await processorMs(async () => {
      await context.read(0, tokens.slice(half));
      await first();
    });

    const segments = await this.#stored(each, timedLink, timedRatio);
    await this.#readInstructions(each);
    const segmentsAttachedMs = await processorMs(async () => {
      await this.#attach(each, segments, timedLink);
      await first();
    });
    for (const segment of segments) segment.close();

    context.clear();
    const loadOnlyMs = await processorMs(async () => {
      const { state } = kvModel.addon.decodeKvState(kvModel.model, await readFile(file));
      await context.attachState(0, state);
      state.close();
    });
    const loadedMs = loadOnlyMs + (await processorMs(first));
    return { coldMs, halfReusedMs, segmentsAttachedMs, loadedMs, loadOnlyMs, readOnlyMs };
  }

  /** Each code segment read behind the instructions alone, compressed, at the position where it was read. */
  async #stored({ tokens, segments }: ReadCase, link: number, keepRatio: number): Promise<NativeKvState[]> {
    const { context, compressor } = this.#parts;
    const [instructions] = segments;
    const start = instructions?.to ?? 0;
    const stored: NativeKvState[] = [];
    for (const segment of segments.slice(1)) {
      const own = segment.to - segment.from;
      const alone = Int32Array.of(...tokens.subarray(0, start), ...tokens.subarray(segment.from, segment.to));
      context.clear();
      await context.read(0, alone);
      const state = await context.captureSequence(0);
      const compressed = await compressor.compress({
        state,
        tokens: alone,
        segments: [
          { kind: "instructions", from: 0, to: start },
          { kind: "code", from: start, to: start + own, link: Math.min(link, own) },
        ],
        evictor,
        keepRatio,
      });
      stored.push(compressed.state.slice(start + Math.min(link, own), start + own));
      compressed.state.close();
      state.close();
    }
    return stored;
  }

  async #readInstructions({ tokens, segments }: ReadCase): Promise<void> {
    const { context } = this.#parts;
    context.clear();
    await context.read(0, tokens.slice(0, segments[0]?.to ?? 0));
  }

  async #attach({ tokens, segments }: ReadCase, stored: readonly NativeKvState[], link: number): Promise<void> {
    const { context } = this.#parts;
    const start = segments[0]?.to ?? 0;
    for (const [at, { from, to }] of segments.slice(1).entries()) {
      const linked = Math.min(link, to - from);
      if (linked > 0) await context.read(0, tokens.slice(from, from + linked));
      const state = stored[at];
      if (state === undefined || state.info.cells === 0) continue;
      const moved = state.shift(from - start);
      await context.attachState(0, moved);
      moved.close();
    }
  }

  /** The compressed context as a file; the context holds it whole before and after. */
  async #write({ tokens, segments }: ReadCase, file: string): Promise<void> {
    const { context, compressor } = this.#parts;
    const state = await context.captureSequence(0, { from: 0, to: tokens.length });
    const compressed = await compressor.compress({ state, tokens, segments, evictor, keepRatio: timedRatio });
    const small = compressed.state.convert("q8_0");
    await writeFile(file, small.encode({ tokens, segments: Int32Array.from(segments.map(({ to }) => to)) }));
    for (const each of [state, compressed.state, small]) each.close();
  }

  async #firstToken(question: Int32Array): Promise<void> {
    const { context, kvModel } = this.#parts;
    await context.read(0, question);
    const sampler = kvModel.model.createSampler({ temperature: 0 });
    try {
      await context.next(0, sampler);
    } finally {
      sampler.close();
    }
  }
}

function medians(times: readonly FirstTokenTimes[]): FirstTokenTimes {
  const of = (field: keyof FirstTokenTimes) =>
    quantile(
      times.map((each) => each[field]),
      0.5,
    );
  return {
    coldMs: of("coldMs"),
    halfReusedMs: of("halfReusedMs"),
    segmentsAttachedMs: of("segmentsAttachedMs"),
    loadedMs: of("loadedMs"),
    loadOnlyMs: of("loadOnlyMs"),
    readOnlyMs: of("readOnlyMs"),
  };
}
