import { setTimeout as pause } from "node:timers/promises";
import { Listeners } from "../base/listeners.ts";
import type { EngineClient } from "../client/engineClient.ts";
import type { ContextParams } from "../protocol/engine.ts";
import { toFailure } from "../protocol/failure.ts";
import type { Failure } from "../protocol/failure.ts";
import type { Prompt } from "../protocol/units.ts";

export interface ContextPreviewOptions {
  readonly client: Pick<EngineClient, "request">;
  /** Opens the folder and waits until it is indexed. Rejects with a Failure. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** What the engine would be asked for a question as it is typed. Rejects with a Failure. */
  readonly contextParams: (question: string, signal: AbortSignal) => Promise<ContextParams>;
  /** The question that was asked last; null before. */
  readonly lastQuestion: () => string | null;
  /** Rejects when the signal is aborted. Absent: by the clock. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** Shown where nothing was asked yet. */
const sampleQuestion = "How does this program work?";
/** While a setting is typed, a preview starts when this much time has passed without another key. */
const settleMs = 400;

/** The prompt that a question would get, without asking it: the model reads nothing, and no answer is lost. */
export class ContextPreview {
  readonly #options: ContextPreviewOptions;
  readonly #listeners = new Listeners<undefined>();
  #question: string | null = null;
  #prompt: Prompt | null = null;
  #failure: Failure | null = null;
  #abort: AbortController | null = null;

  constructor(options: ContextPreviewOptions) {
    this.#options = options;
  }

  /** Null while there is no preview. */
  get prompt(): Prompt | null {
    return this.#prompt;
  }

  /** Why the last preview came to nothing; null where it did not. */
  get failure(): Failure | null {
    return this.#failure;
  }

  get isRunning(): boolean {
    return this.#abort !== null;
  }

  /** Whether there is one, or one is on its way. */
  get isShown(): boolean {
    return this.#question !== null;
  }

  onChanged(listener: () => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  /** An empty question: the one that was previewed or asked last, else a sample. Resolves when the preview is there. */
  async show(question: string): Promise<void> {
    await this.#run(question.trim() === "" ? this.#defaultQuestion() : question, 0);
  }

  /** The same, in a moment: what comes meanwhile takes its place. */
  async showSoon(): Promise<void> {
    await this.#run(this.#defaultQuestion(), settleMs);
  }

  /** What was sent for the last question counts again. */
  end(): void {
    this.#abort?.abort();
    if (!this.isShown) return;
    this.#abort = null;
    this.#question = null;
    this.#prompt = null;
    this.#failure = null;
    this.#listeners.call(undefined);
  }

  dispose(): void {
    this.#abort?.abort();
    this.#listeners.clear();
  }

  #defaultQuestion(): string {
    return this.#question ?? this.#options.lastQuestion() ?? sampleQuestion;
  }

  async #run(question: string, afterMs: number): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    const { signal } = abort;
    const { wait = waitByClock } = this.#options;
    this.#abort = abort;
    this.#question = question;
    this.#listeners.call(undefined);
    let outcome: { readonly prompt: Prompt | null; readonly failure: Failure | null };
    try {
      if (afterMs > 0) await wait(afterMs, signal);
      await this.#options.prepare(signal);
      const params = await this.#options.contextParams(question, signal);
      const { prompt } = await this.#options.client.request("context", params, { signal });
      outcome = { prompt, failure: null };
    } catch (thrown) {
      outcome = { prompt: this.#prompt, failure: toFailure(thrown) };
    }
    // Ended, or another one took its place.
    if (signal.aborted) return;
    this.#abort = null;
    this.#prompt = outcome.prompt;
    this.#failure = outcome.failure;
    this.#listeners.call(undefined);
  }
}

function waitByClock(ms: number, signal: AbortSignal): Promise<unknown> {
  return pause(ms, undefined, { signal });
}
