import { untilAborted } from "../base/abortable.ts";

/** Work that is done while nothing else is asked for, one at a time. It makes way as soon as it can be stopped. */
export class IdleWork {
  readonly #onChanged: () => void;
  #abort: AbortController | null = null;
  #ended: Promise<void> = Promise.resolve();

  /** `onChanged` is called when work begins and when it has ended. */
  constructor(onChanged: () => void = () => undefined) {
    this.#onChanged = onChanged;
  }

  get isRunning(): boolean {
    return this.#abort !== null;
  }

  /** Begins after what runs, which is stopped. `work` must end soon after the signal is aborted, and must not reject. */
  start(work: (signal: AbortSignal) => Promise<void>): void {
    const before = this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.#ended = before.then(async () => {
      try {
        if (abort.signal.aborted) return;
        this.#onChanged();
        await work(abort.signal);
      } finally {
        if (this.#abort === abort) {
          this.#abort = null;
          this.#onChanged();
        }
      }
    });
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#abort?.abort();
    await this.#ended;
  }

  /** Resolves when what runs has ended by itself or was stopped. Rejects once `signal` is aborted; the work goes on. */
  ended(signal: AbortSignal): Promise<void> {
    return untilAborted(this.#ended, signal);
  }
}
