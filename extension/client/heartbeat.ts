import { Failure } from "../protocol/failure.ts";
import type { EngineProcess } from "./engineProcess.ts";

export interface HeartbeatOptions {
  /** Time between two pings. */
  readonly intervalMs: number;
  /** The engine is killed when a ping is still unanswered after this many further intervals. */
  readonly missesAllowed: number;
  /** The engine is killed when it does not answer its first message within this time. */
  readonly startTimeoutMs: number;
}

const defaults: HeartbeatOptions = { intervalMs: 5_000, missesAllowed: 4, startTimeoutMs: 60_000 };

/**
 * Kills an engine whose event loop hangs. Counts intervals instead of reading a clock, so that a machine that slept
 * does not look like an engine that hung.
 */
export class Heartbeat {
  readonly #engine: EngineProcess;
  readonly #options: HeartbeatOptions;
  readonly #startTimer: NodeJS.Timeout;
  #interval: NodeJS.Timeout | null = null;
  #misses = 0;
  #waiting = false;

  constructor(engine: EngineProcess, options: HeartbeatOptions = defaults) {
    this.#engine = engine;
    this.#options = options;
    this.#startTimer = setTimeout(() => {
      this.#kill(`no answer to hello within ${options.startTimeoutMs} ms`);
    }, options.startTimeoutMs);
  }

  /** The first message was answered: from now on the engine is pinged. */
  start(): void {
    clearTimeout(this.#startTimer);
    this.#interval = setInterval(() => {
      this.#beat();
    }, this.#options.intervalMs);
  }

  dispose(): void {
    clearTimeout(this.#startTimer);
    if (this.#interval !== null) clearInterval(this.#interval);
  }

  #beat(): void {
    if (this.#waiting) {
      this.#misses += 1;
      if (this.#misses >= this.#options.missesAllowed) {
        this.#kill(`no answer to a ping within ${this.#misses * this.#options.intervalMs} ms`);
      }
      return;
    }
    this.#waiting = true;
    this.#misses = 0;
    const answered = (): void => {
      this.#waiting = false;
    };
    // A refused ping is an answer too; the end of the engine disposes this heartbeat.
    this.#engine.request("ping", {}).then(answered, answered);
  }

  #kill(detail: string): void {
    this.dispose();
    this.#engine.kill(new Failure("engineUnresponsive", detail));
  }
}
