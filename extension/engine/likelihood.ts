/**
 * The scorer: a language model that says how much likelier a unit makes a question. Each unit is read once and its
 * state is kept, in memory and on disk; a question then costs only its own tokens.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import type { ModelInfo, NativeContext, NativeModel } from "../../native/addon.ts";
import { SerialQueue } from "../base/serialQueue.ts";
import type { LikelihoodScorer, QuestionGains } from "../pipeline/ports.ts";
import { Failure } from "../protocol/failure.ts";
import type { Unit } from "../protocol/units.ts";
import { whileCancellable } from "./cancellable.ts";
import type { ScorerLayout } from "./likelihoodLayout.ts";
import { isWordModel, wordLayout } from "./likelihoodWords.ts";
import type { Llama } from "./llama.ts";
import { nativeFailure } from "./nativeFailure.ts";
import { rawLayout } from "./rawLikelihood.ts";
import { ScorerStates } from "./scorerStates.ts";
import { modelFingerprint, StateFiles } from "./stateFiles.ts";

export interface OpenLikelihoodScorerOptions {
  readonly llama: Llama;
  /** Precis' package folder. */
  readonly root: string;
  /** A GGUF decoder to score with; empty and default: the embedded one. */
  readonly file?: string;
  /** 0 and default: one for small models, else as llama.cpp has it. */
  readonly threads?: number;
  /** Units that stay in memory, 1…255. Default: as many as fit into 32 MiB, or 512 MiB for a chosen model, up to 127. */
  readonly cachedUnits?: number;
  /** Where the states of units are kept; absent: in memory only. */
  readonly states?: {
    readonly folder: string;
    /** Default 256 MiB. */
    readonly bytesMax?: number;
    readonly onProblem: (message: string) => void;
  };
}

export interface OpenedLikelihoodScorer extends LikelihoodScorer {
  /** Units that had to be read since it was opened; the others were in memory or on disk. */
  readonly unitsRead: number;
  /** Resolves when everything that has been read is on disk, as far as it is to be kept. */
  stored(): Promise<void>;
  /** Stops what runs (it fails with cancelled) and frees the model. */
  close(): Promise<void>;
}

/** Path of the embedded scorer below Precis' package folder. */
export function likelihoodModelFile(root: string): string {
  return path.join(root, "models", "scorer", "likelihood.gguf");
}

/**
 * Opens the embedded scorer, always on the CPU, so that scores are comparable; or a chosen model, on the device in use.
 * Fails with outOfMemory; else for the embedded one with scorerMissing, for a chosen one as a model does, with
 * modelUnsupported where it is none to score with.
 */
export async function openLikelihoodScorer(options: OpenLikelihoodScorerOptions): Promise<OpenedLikelihoodScorer> {
  const { root, file: chosen = "" } = options;
  const file = chosen === "" ? likelihoodModelFile(root) : chosen;
  if (chosen === "" && !existsSync(file)) throw new Failure("scorerMissing", file);
  try {
    return await openScorer(file, options);
  } catch (error) {
    const failure = nativeFailure(error);
    if (failure.code === "outOfMemory" || chosen !== "") throw failure;
    throw new Failure("scorerMissing", failure.detail || failure.message, { cause: error });
  }
}

/** Keys and values of the units in memory. */
const memoryBytesMax = { embedded: 32 << 20, chosen: 512 << 20 } as const;
const filesBytesMax = 256 << 20;
/** Where fewer would fit, what one question reads would push out what the one before it has read. */
const storedUnitsMin = 256;
const unitsMax = 127;
const batchTokens = 512;
/**
 * llama.cpp's threads wait for each other by spinning, after every one of a small model's tiny steps. Where other
 * programs use the cores too, a second thread makes it ten times slower (measured with two threads on two busy cores:
 * 35.6 s of processor time for 64 units, 3.0 s with one). From this many parameters on, threads are worth it.
 */
const smallParameters = 50_000_000;
/** The sequence that holds no unit. */
const nothing = 0;

async function openScorer(file: string, options: OpenLikelihoodScorerOptions): Promise<OpenedLikelihoodScorer> {
  const { llama, states } = options;
  const isEmbedded = (options.file ?? "") === "";
  const model = await llama.addon.openModel({ path: file, gpuLayers: isEmbedded ? 0 : llama.gpuLayers });
  let context: NativeContext | undefined;
  try {
    const layout = isWordModel(model) ? wordLayout(model) : rawLayout(model);
    const cells = cellsOf(layout);
    const unitBytes = cells * bytesPerCell(model.info);
    const inMemory = isEmbedded ? memoryBytesMax.embedded : memoryBytesMax.chosen;
    const capacity = options.cachedUnits ?? Math.max(1, Math.min(unitsMax, Math.floor(inMemory / unitBytes) - 1));
    const sequences = capacity + 1;
    context = await model.openContext({
      cells: sequences * cells,
      sequences,
      unified: false,
      kvType: "f16",
      // With flash attention scores differ in the third digit from those of other devices.
      flashAttention: "off",
      batchTokens,
      threads: options.threads || (model.info.parameters < smallParameters ? 1 : 0),
    });
    await context.read(nothing, layout.nothing);
    const filesBytes = states?.bytesMax ?? filesBytesMax;
    const files =
      states === undefined || filesBytes < storedUnitsMin * unitBytes
        ? null
        : new StateFiles({ ...states, bytesMax: filesBytes, model: `${await modelFingerprint(file)} ${layout.cells}` });
    const name = isEmbedded ? "likelihood" : path.basename(file);
    return new StatefulScorer({
      name,
      model,
      context,
      layout,
      files,
      states: new ScorerStates(context, capacity, files),
    });
  } catch (error) {
    await context?.close();
    await model.close();
    throw error;
  }
}

/** llama.cpp rounds a sequence up to 256 cells anyway. */
function cellsOf(layout: ScorerLayout): number {
  return Math.ceil(layout.cells / 256) * 256;
}

function bytesPerCell({ embedding, heads, layers, kvHeads }: ModelInfo): number {
  const headWidth = embedding / heads;
  return layers * kvHeads * headWidth * 2 * Uint16Array.BYTES_PER_ELEMENT;
}

class StatefulScorer implements OpenedLikelihoodScorer {
  readonly name: string;
  readonly #model: NativeModel;
  readonly #context: NativeContext;
  readonly #layout: ScorerLayout;
  readonly #states: ScorerStates;
  readonly #files: StateFiles | null;
  readonly #queue = new SerialQueue();
  readonly #closing = new AbortController();
  #storing: Promise<void> | null = null;

  constructor(parts: {
    readonly name: string;
    readonly model: NativeModel;
    readonly context: NativeContext;
    readonly layout: ScorerLayout;
    readonly states: ScorerStates;
    readonly files: StateFiles | null;
  }) {
    this.name = parts.name;
    this.#model = parts.model;
    this.#context = parts.context;
    this.#layout = parts.layout;
    this.#states = parts.states;
    this.#files = parts.files;
  }

  get unitsRead(): number {
    return this.#states.unitsRead;
  }

  async gains(question: string, units: readonly Unit[], signal: AbortSignal): Promise<QuestionGains> {
    const asked = this.#layout.question(question);
    if (asked === null || units.length === 0) {
      return { tokens: [], base: new Float64Array(0), given: units.map(() => new Float64Array(0)) };
    }
    const prefixes = units.map((unit) => this.#layout.prefix(unit));
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    let base = new Float64Array(0);
    const given: Float64Array[] = [];
    await this.#queue.run(async () => {
      try {
        for (let from = 0; from < prefixes.length; from += this.#states.capacity) {
          const sequences = await this.#states.sequencesOf(prefixes.slice(from, from + this.#states.capacity), ended);
          const scores = await this.#scoreSequences(asked.tokens, [nothing, ...sequences], ended);
          const own = (sequence: number) => Float64Array.from(scores.get(sequence)?.subarray(asked.first - 1) ?? []);
          base = own(nothing);
          given.push(...sequences.map(own));
        }
      } catch (error) {
        throw nativeFailure(error);
      }
    });
    void this.stored();
    return { tokens: asked.texts, base, given };
  }

  stored(): Promise<void> {
    this.#storing ??= this.#storeAll().finally(() => (this.#storing = null));
    return this.#storing;
  }

  /** What was read is still stored, which takes a tenth of a second: the next process starts with it. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.stored();
    await this.#queue.idle();
    await this.#context.close();
    await this.#model.close();
  }

  async #scoreSequences(
    tokens: Int32Array,
    sequences: readonly number[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, Float32Array>> {
    // In ascending order, whichever units they hold: llama.cpp splits batches by neighbouring sequences.
    const distinct = [...new Set(sequences)].sort((a, b) => a - b);
    const scores = await whileCancellable(this.#context, signal, () =>
      this.#context.score(distinct.map((sequence) => ({ sequence, tokens }))),
    );
    return new Map(distinct.flatMap((sequence, at) => (scores[at] === undefined ? [] : [[sequence, scores[at]]])));
  }

  /** One state after the other, so that a question that comes meanwhile waits for one at most. Never rejects. */
  async #storeAll(): Promise<void> {
    const files = this.#files;
    if (files === null) return;
    try {
      let next = await this.#queue.run(() => this.#states.nextToStore());
      while (next !== null) {
        await files.write(next.key, next.state);
        next = await this.#queue.run(() => this.#states.nextToStore());
      }
    } catch (error) {
      files.giveUp(nativeFailure(error).message);
    }
  }
}
