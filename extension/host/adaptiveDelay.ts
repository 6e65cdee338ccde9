/** The median of so many answers counts: one that had to load a model first says nothing about the next one. */
const answersKept = 7;
/** Waiting half as long as an answer takes: a fast engine is asked at almost every pause, a slow one at real ones. */
const waitedShare = 0.5;

/** How long to wait, after a key was pressed, for the next one, before the engine is asked. */
export class AdaptiveDelay {
  /** What the last answers took, oldest first. */
  readonly #takenMs: number[] = [];

  /** An answer took this long. */
  answered(ms: number): void {
    this.#takenMs.push(ms);
    if (this.#takenMs.length > answersKept) this.#takenMs.shift();
  }

  /** A request was given up after this long: the answer would have taken longer. */
  givenUp(ms: number): void {
    if (ms > this.#medianMs()) this.answered(ms);
  }

  /** Within the range; its lower end before anything was measured, and where the range is empty. */
  delayMs({ minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): number {
    return Math.max(minMs, Math.min(maxMs, waitedShare * this.#medianMs()));
  }
  /** The lower one of two; 0 before the first answer. */
  #medianMs(): number {
    const sorted = this.#takenMs.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  }
}
