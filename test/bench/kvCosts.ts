/** What compression costs, and what it saves in memory and while an answer is written. Times are processor time. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { NativeAddon, NativeContext, NativeKvState, NativeModel } from "../../native/addon.ts";
import { KvCompressor } from "../../extension/engine/kvCompression.ts";
import { evictors } from "../../extension/pipeline/evict.ts";
import { evictorNames, type EvictorName } from "../../extension/protocol/settings.ts";
import { writeTestModel } from "../support/testModels.ts";
import { quantile } from "./bootstrap.ts";
import type { KvModel, ReadCase } from "./kvModel.ts";

export interface CostRow {
  readonly evictor: EvictorName;
  /** Of observing, choosing, refitting and capturing, at a ratio of 0.5. */
  readonly compressMs: number;
  /** The same in times of reading the context. */
  readonly prefills: number;
}

export interface MemoryRow {
  readonly keepRatio: number;
  readonly cells: number;
  /** As llama.cpp allocated it for a context with room for these cells and an answer. */
  readonly kvBytes: number;
  readonly writeTokensPerSecond: number;
}

/** Tokens of an answer. */
const roomTokens = 256;

/** Processor time of the whole process: on a busy machine the clock says little about the work. */
export async function processorMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Median over the contexts. */
export async function measureCompression(
  { model }: KvModel,
  cases: readonly ReadCase[],
  threads: number,
): Promise<{ readonly readMs: number; readonly rows: CostRow[] }> {
  const cells = Math.max(...cases.map(({ tokens }) => tokens.length));
  const context = await model.openContext({ cells, threads });
  const compressor = await KvCompressor.open(model, { cells, threads });
  const reading: number[] = [];
  const spent = new Map<EvictorName, number[]>(evictorNames.map((name) => [name, []]));
  try {
    for (const { tokens, segments } of cases) {
      context.clear();
      reading.push(await processorMs(() => context.read(0, tokens)));
      for (const [evictor, times] of spent) {
        if (evictors[evictor].keeps === "all") continue;
        const ms = await processorMs(async () => {
          const state = await context.captureSequence(0);
          const compressed = await compressor.compress({ state, tokens, segments, evictor, keepRatio: 0.5 });
          compressed.state.close();
          state.close();
        });
        times.push(ms);
      }
    }
  } finally {
    await compressor.close();
    await context.close();
  }
  const readMs = quantile(reading, 0.5);
  const rows = [...spent]
    .filter(([, times]) => times.length > 0)
    .map(([evictor, times]): CostRow => {
      const prefills = times.map((ms, at) => ms / Math.max(1, reading[at] ?? 1));
      return { evictor, compressMs: quantile(times, 0.5), prefills: quantile(prefills, 0.5) };
    });
  return { readMs, rows };
}

/** Memory and speed of writing behind `cells` cells, whole and cut to each ratio. */
export async function measureWriting(
  addon: NativeAddon,
  model: NativeModel,
  {
    cells,
    keepRatios,
    threads,
  }: { readonly cells: number; readonly keepRatios: readonly number[]; readonly threads: number },
): Promise<MemoryRow[]> {
  const whole = await filledState(addon, model, cells, threads);
  const opened: { keepRatio: number; state: NativeKvState; context: NativeContext; times: number[] }[] = [];
  try {
    for (const keepRatio of [1, ...keepRatios]) {
      const kept = Math.round(cells * keepRatio);
      const state = keepRatio === 1 ? whole : everyNth(whole, kept);
      const context = await model.openContext({ cells: kept + roomTokens, threads });
      opened.push({ keepRatio, state, context, times: [] });
    }
    // In turns, so that what else the machine does hits all alike.
    for (let round = 0; round < writingRounds; round += 1) {
      for (const { context, state, times } of opened) times.push(await writingMs(model, context, state));
    }
    return opened.map(({ keepRatio, state, context, times }) => ({
      keepRatio,
      cells: state.info.cells,
      kvBytes: context.info.kvBytes,
      writeTokensPerSecond: (1000 * writtenTokens) / quantile(times.slice(1), 0.5),
    }));
  } finally {
    for (const { context, state } of opened) {
      await context.close();
      state.close();
    }
  }
}

/** A decoder with random weights and eight KV heads of 64 in each of eight layers: 16 KiB of cache per token. */
export async function withUntrainedModel<T>(addon: NativeAddon, use: (model: NativeModel) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "precis-kv-"));
  try {
    const file = path.join(folder, "untrained.gguf");
    await writeTestModel({
      file,
      layers: 8,
      embedding: 512,
      heads: 8,
      kvHeads: 8,
      feedForward: 1024,
      trainedContext: 16384,
    });
    const model = await addon.openModel({ path: file, gpuLayers: 0 });
    try {
      return await use(model);
    } finally {
      await model.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const writtenTokens = 16;
const writingRounds = 3;
const readTokens = 512;

/** Some tokens read once and repeated: for speed it does not matter what the cells hold. */
async function filledState(
  addon: NativeAddon,
  model: NativeModel,
  cells: number,
  threads: number,
): Promise<NativeKvState> {
  const context = await model.openContext({ cells: readTokens, threads });
  const parts: NativeKvState[] = [];
  try {
    const { vocabulary } = model.info;
    await context.read(
      0,
      Int32Array.from({ length: readTokens }, (_, at) => 300 + ((at * 37) % (vocabulary - 300))),
    );
    const first = await context.captureSequence(0);
    for (let from = 0; from < cells; from += readTokens) {
      const shifted = first.shift(from);
      parts.push(from + readTokens <= cells ? shifted : shifted.slice(from, cells));
      if (from + readTokens > cells) shifted.close();
    }
    first.close();
    return addon.joinKvStates(parts);
  } finally {
    for (const part of parts) part.close();
    await context.close();
  }
}

function everyNth(state: NativeKvState, kept: number): NativeKvState {
  const { cells, layers, kvHeads } = state.info;
  const row = Int32Array.from({ length: kept }, (_, at) => Math.floor(((at + 1) * cells) / kept) - 1);
  const all = new Int32Array(layers * kvHeads * kept);
  for (let at = 0; at < layers * kvHeads; at += 1) all.set(row, at * kept);
  return state.select(all, row);
}

async function writingMs(model: NativeModel, context: NativeContext, state: NativeKvState): Promise<number> {
  context.clear();
  await context.attachState(0, state);
  await context.read(0, Int32Array.of(300));
  const sampler = model.createSampler({ temperature: 1, seed: 1 });
  try {
    return await processorMs(async () => {
      for (let written = 0; written < writtenTokens; written += 1) {
        const token = await context.next(0, sampler);
        // A text that ends early goes on at the same speed.
        if (model.isEndOfGeneration(token)) await context.read(0, Int32Array.of(300));
      }
    });
  } finally {
    sampler.close();
  }
}
