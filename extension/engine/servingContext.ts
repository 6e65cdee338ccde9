/**
 * The context that reads prompts and writes answers. Its size follows what it holds: fewer cells after a compression,
 * more when a prompt needs them.
 */
import type { ContextInfo, NativeContext, NativeKvState, NativeKvType, NativeModel } from "../../native/addon.ts";
import type { KvType } from "../protocol/settings.ts";
import { nativeFailure } from "./nativeFailure.ts";

export interface ServingContextOptions {
  /** Cells at first, and at most. */
  readonly cells: number;
  readonly kvType: KvType;
  /** 0: one per physical core, at most 8. */
  readonly threads: number;
  readonly isOnGpu: boolean;
}

/** A context has one sequence. */
export const sequence = 0;
/** llama.cpp allocates cells in such steps. */
const cellStep = 256;

export class ServingContext {
  readonly #model: NativeModel;
  readonly #threads: number;
  #context: NativeContext;
  /** Memory was too short for any context: the next `grow` tries again. */
  #isClosed = false;
  /** As opened first. */
  readonly cellsMax: number;

  /** Fails as `NativeModel.openContext` does. */
  static async open(model: NativeModel, options: ServingContextOptions): Promise<ServingContext> {
    return new ServingContext(model, options.threads, await openFirst(model, options));
  }

  private constructor(model: NativeModel, threads: number, context: NativeContext) {
    this.#model = model;
    this.#threads = threads;
    this.#context = context;
    this.cellsMax = context.info.cellsPerSequence;
  }

  /** Valid until the next `resize` or `replace`. */
  get native(): NativeContext {
    return this.#context;
  }

  get info(): ContextInfo {
    return this.#context.info;
  }

  /**
   * Makes room for `cells` cells, at most `cellsMax`. Where memory is too short for old and new together, what was held is
   * lost: then `native` holds nothing. Fails as `NativeModel.openContext` does where it is too short for the new one alone,
   * and can be called again, for fewer.
   */
  async grow(cells: number): Promise<void> {
    if (this.#isClosed) return this.#reopen(cells);
    if (cells <= this.info.cells) return;
    const state = this.#context.usedCells(sequence) === 0 ? null : await this.#context.captureSequence(sequence);
    try {
      await this.replace(cells, state);
    } catch (error) {
      if (nativeFailure(error).code !== "outOfMemory") throw error;
      await this.#context.close();
      this.#isClosed = true;
      // What was held took fewer cells than reading it anew.
      await this.#reopen(this.cellsMax);
    } finally {
      state?.close();
    }
  }

  /** What is held is lost: the cache is to be read anew. */
  get isEmpty(): boolean {
    return this.#isClosed || this.#context.usedCells(sequence) === 0;
  }

  /** A new context with room for `cells` cells, at least those of the state, which is what it holds. */
  async replace(cells: number, state: NativeKvState | null): Promise<void> {
    const { kvType } = this.info;
    const room = Math.min(this.cellsMax, roundedUp(Math.max(cells, state?.info.cells ?? 0)));
    const next = await this.#open(room, kvType);
    try {
      if (state !== null) await next.attachState(sequence, state);
    } catch (error) {
      await next.close();
      throw error;
    }
    const before = this.#context;
    this.#context = next;
    await before.close();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#context.cancel();
    await this.#context.close();
  }

  async #reopen(cells: number): Promise<void> {
    this.#context = await this.#open(Math.min(this.cellsMax, roundedUp(cells)), this.info.kvType);
    this.#isClosed = false;
  }

  #open(cells: number, kvType: NativeKvType): Promise<NativeContext> {
    return this.#model.openContext({ cells, kvType, threads: this.#threads });
  }
}

/** Cells that a context for that many has. */
export function roundedUp(cells: number): number {
  return Math.max(1, Math.ceil(cells / cellStep)) * cellStep;
}

async function openFirst(model: NativeModel, options: ServingContextOptions): Promise<NativeContext> {
  const { cells, threads } = options;
  const open = (kvType: NativeKvType): Promise<NativeContext> => model.openContext({ cells, kvType, threads });
  if (options.kvType !== "auto") return open(options.kvType);
  if (!options.isOnGpu) return open("f16");
  try {
    return await open("q8_0");
  } catch {
    // Not every head size can be quantised; if it was something else, f16 fails as well and says so.
    return open("f16");
  }
}
