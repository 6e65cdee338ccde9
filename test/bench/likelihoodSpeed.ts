/** Time and memory of the likelihood model: a new question over many units, cold and with what was read before. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { openLikelihoodScorer } from "../../extension/engine/likelihood.ts";
import type { Llama } from "../../extension/engine/llama.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { readGgufMetadata } from "../support/gguf.ts";
import { quantile } from "./bootstrap.ts";
import { metadataNumber } from "./untrainedModel.ts";

/** Seconds. On a machine that does other work too, the processor's time tells what a free one would take. */
export interface Seconds {
  readonly clock: number;
  readonly processor: number;
}

/** One new question over the units, medians over questions. */
export interface LikelihoodSpeed {
  readonly units: number;
  /** Nothing was read before. */
  readonly cold: Seconds;
  /** An earlier process has read the units. */
  readonly stored: Seconds;
  /** This process has. */
  readonly cached: Seconds;
}

export interface StateSize {
  /** Bytes of keys and values per token at f16, from the dimensions in the file. */
  readonly bytesPerTokenByShape: number;
  /** The same as llama.cpp saves it: what a longer prefix adds. Includes a few bytes of positions. */
  readonly bytesPerTokenSaved: number;
  /** The cache that llama.cpp allocated, per cell. */
  readonly bytesPerCell: number;
}

const unitsScored = 64;

/** `root` holds models/scorer/likelihood.gguf. */
export async function measureLikelihoodSpeed({
  llama,
  root,
  units,
  questions,
}: {
  readonly llama: Llama;
  readonly root: string;
  readonly units: readonly Unit[];
  readonly questions: readonly string[];
}): Promise<LikelihoodSpeed> {
  const { signal } = new AbortController();
  const times: Record<"cold" | "stored" | "cached", Seconds[]> = { cold: [], stored: [], cached: [] };
  const scored = spread(units, unitsScored);
  for (const [at, question] of questions.entries()) {
    const folder = await mkdtemp(path.join(os.tmpdir(), "precis-bench-"));
    const states = { folder, onProblem: (message: string) => process.stderr.write(`${message}\n`) };
    const next = questions[(at + 1) % questions.length] ?? question;
    try {
      for (const first of ["cold", "stored"] as const) {
        // A new scorer has nothing in memory.
        const scorer = await openLikelihoodScorer({ llama, root, states });
        try {
          times[first].push(await secondsOf(() => scorer.gains(question, scored, signal)));
          if (first === "stored") times.cached.push(await secondsOf(() => scorer.gains(next, scored, signal)));
        } finally {
          await scorer.close();
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return {
    units: scored.length,
    cold: medians(times.cold),
    stored: medians(times.stored),
    cached: medians(times.cached),
  };
}

/** Rejects where the model cannot be opened. */
export async function measureStateSize(llama: Llama, file: string): Promise<StateSize> {
  const metadata = await readGgufMetadata(file);
  const number = (key: string) => metadataNumber(metadata, `llama.${key}`);
  const heads = number("attention.head_count");
  const headWidth = metadata.has("llama.attention.key_length")
    ? number("attention.key_length")
    : number("embedding_length") / heads;
  const bytesPerTokenByShape = number("block_count") * number("attention.head_count_kv") * headWidth * 2 * 2;

  const model = await llama.addon.openModel({ path: file, gpuLayers: 0 });
  try {
    const cells = 512;
    const context = await model.openContext({ cells, kvType: "f16", flashAttention: "off", threads: 1 });
    try {
      const saved = async (tokens: number) => {
        context.clear();
        await context.read(0, new Int32Array(tokens).fill(1));
        return (await context.saveSequence(0)).length;
      };
      const [short, long] = [100, 200];
      return {
        bytesPerTokenByShape,
        bytesPerTokenSaved: ((await saved(long)) - (await saved(short))) / (long - short),
        bytesPerCell: context.info.kvBytes / context.info.cells,
      };
    } finally {
      await context.close();
    }
  } finally {
    await model.close();
  }
}

/** At equal distances, so that all repositories have their share. */
function spread<T>(values: readonly T[], count: number): T[] {
  const distance = Math.max(1, values.length / count);
  return values.filter((_, at) => Math.floor(at / distance) !== Math.floor((at - 1) / distance)).slice(0, count);
}

function medians(times: readonly Seconds[]): Seconds {
  const median = (key: keyof Seconds) =>
    quantile(
      times.map((time) => time[key]),
      0.5,
    );
  return { clock: median("clock"), processor: median("processor") };
}

async function secondsOf(run: () => Promise<unknown>): Promise<Seconds> {
  const processorStart = process.cpuUsage();
  const started = performance.now();
  await run();
  const clock = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(processorStart);
  return { clock, processor: (user + system) / 1e6 };
}
