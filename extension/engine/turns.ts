import { setImmediate as nextEvent } from "node:timers/promises";

/** Long work on the event loop calls `give` often: after some milliseconds others get their turn. */
export class Turns {
  readonly #turnMs: number;
  #startMs = performance.now();

  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  /** Resolves at once, or after everyone else had a turn. Throws the signal's reason when it was aborted meanwhile. */
  async give(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#startMs < this.#turnMs) return;
    await nextEvent();
    signal.throwIfAborted();
    this.#startMs = performance.now();
  }
}
