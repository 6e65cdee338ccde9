import type { AnswerFigures } from "../protocol/units.ts";

export type Stage = Extract<keyof AnswerFigures, `${string}Ms`>;

/** How long each stage took, in milliseconds; 0 where it did not run. */
export class StageTimes {
  readonly #times: Record<Stage, number> = { indexMs: 0, rankMs: 0, promptMs: 0, loadMs: 0, readMs: 0, writeMs: 0 };

  get times(): Readonly<Record<Stage, number>> {
    return this.#times;
  }

  /** Runs a stage. Its time counts also where it fails. */
  async measure<T>(stage: Stage, work: () => T | Promise<T>): Promise<T> {
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      this.#times[stage] += performance.now() - startMs;
    }
  }
}
