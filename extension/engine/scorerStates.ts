/**
 * What a scorer has read, kept twice: as sequences of its context, and as files. Both are bounded, and what was not
 * used for longest goes first.
 */
import type { NativeContext } from "../../native/addon.ts";
import { throwIfCancelled, whileCancellable } from "./cancellable.ts";
import type { UnitPrefix } from "./likelihoodLayout.ts";
import { nativeFailure } from "./nativeFailure.ts";
import type { StateFiles } from "./stateFiles.ts";

interface KnownUnit {
  readonly sequence: number;
  /** Whether there is a file of it. */
  isStored: boolean;
}

/** Units in the sequences 1…`capacity` of a context. One call at a time, and none while the context is in use. */
export class ScorerStates {
  readonly #context: NativeContext;
  readonly #files: StateFiles | null;
  readonly #free: number[] = [];
  /** By key; least recently used first. */
  readonly #known = new Map<string, KnownUnit>();
  readonly capacity: number;
  /** Units that were neither in memory nor on disk. */
  unitsRead = 0;

  constructor(context: NativeContext, capacity: number, files: StateFiles | null) {
    this.#context = context;
    this.#files = files;
    this.capacity = capacity;
    for (let sequence = capacity; sequence > 0; sequence--) this.#free.push(sequence);
  }

  /**
   * The sequence of each unit, restored from its file or read where it is not in memory. At most `capacity` distinct
   * units. Rejects as the context does, or with `Failure` cancelled; what has been read by then stays.
   */
  async sequencesOf(units: readonly UnitPrefix[], signal: AbortSignal): Promise<number[]> {
    // First all that are there, so that none of them is given up for one that is not.
    for (const { key } of units) this.#touch(key);
    const missing = [...new Map(units.map((unit) => [unit.key, unit])).values()].filter(
      ({ key }) => !this.#known.has(key),
    );
    const stored = await Promise.all(missing.map(async ({ key }) => (await this.#files?.read(key)) ?? null));
    for (const [at, unit] of missing.entries()) {
      throwIfCancelled(signal);
      const sequence = this.#takeSequence();
      try {
        const isStored = await this.#restore(sequence, unit.key, stored[at] ?? null);
        if (!isStored) {
          await whileCancellable(this.#context, signal, () => this.#context.read(sequence, unit.tokens()));
          this.unitsRead += 1;
        }
        this.#known.set(unit.key, { sequence, isStored });
      } catch (error) {
        this.#free.push(sequence);
        throw error;
      }
    }
    return units.map(({ key }) => this.#known.get(key)?.sequence ?? 0);
  }

  /** The state of a unit that has no file yet, to be given to `StateFiles.write`; null where there is none. */
  async nextToStore(): Promise<{ readonly key: string; readonly state: Uint8Array } | null> {
    if (this.#files?.isWritable !== true) return null;
    for (const [key, known] of this.#known) {
      if (known.isStored) continue;
      known.isStored = true;
      return { key, state: await this.#context.saveSequence(known.sequence) };
    }
    return null;
  }

  async #restore(sequence: number, key: string, state: Uint8Array | null): Promise<boolean> {
    if (state === null) return false;
    try {
      await this.#context.restoreSequence(sequence, state);
      return true;
    } catch (error) {
      if (nativeFailure(error).code !== "blobInvalid") throw error;
      // Cut off by a power failure, or of another release: it is written anew.
      await this.#files?.remove(key);
      return false;
    }
  }

  #touch(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.#known.set(key, known);
  }

  /** An empty sequence; the least recently used unit is given up where there is no other. */
  #takeSequence(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const [oldest] = this.#known;
    if (oldest === undefined) throw new Error("a scorer without sequences");
    const [key, { sequence }] = oldest;
    this.#context.remove(sequence, 0, -1);
    this.#known.delete(key);
    return sequence;
  }
}
