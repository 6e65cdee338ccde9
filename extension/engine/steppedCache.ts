/** Makes a value of the index in small steps; returns it with the state of the index that it belongs to. */
export type Steps<T> = Generator<undefined, { readonly value: T; readonly revision: number }, undefined>;

/** A costly value that is made of the index step by step, so that others get their turn, and kept until it changes. */
export class SteppedCache<T> {
  readonly #revision: () => number;
  readonly #start: () => Steps<T>;
  #steps: Steps<T> | null = null;
  #made: { readonly value: T; readonly revision: number } | null = null;

  /** `revision` tells the state of the index; `start` begins to make the value for the state at its end. */
  constructor(revision: () => number, start: () => Steps<T>) {
    this.#revision = revision;
    this.#start = start;
  }

  /** Does a little of what is left to do. Returns whether the value is that of the index as it is now. */
  step(): boolean {
    if (this.#steps === null) {
      if (this.#made?.revision === this.#revision()) return true;
      this.#steps = this.#start();
    }
    const steps = this.#steps;
    try {
      const result = steps.next();
      if (result.done !== true) return false;
      this.#made = result.value;
    } catch (error) {
      this.#steps = null;
      throw error;
    }
    this.#steps = null;
    return this.#made.revision === this.#revision();
  }

  /** The value for the index as it is now; whatever is left to do is done at once. To be called within one snapshot. */
  finish(): T {
    let isMade = this.step();
    while (!isMade) isMade = this.step();
    if (this.#made === null) throw new Error("a cache without a value");
    return this.#made.value;
  }
}
