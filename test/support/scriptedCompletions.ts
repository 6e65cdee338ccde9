import type { Completion, CompleteParams } from "../../extension/protocol/complete.ts";
import { Completer } from "../../extension/host/completer.ts";
import type { SuggestionRequest } from "../../extension/host/completer.ts";
import { noCompletion } from "./completions.ts";

/** A request that reached the scripted engine. */
export interface ScriptedRequest {
  readonly params: CompleteParams;
  readonly signal: AbortSignal;
  answer(completion: Completion): void;
  fail(error: Error): void;
}

/** A completer whose engine, clock and pauses a test decides on. */
export class ScriptedCompletions {
  readonly completer: Completer;
  /** What reached the engine, oldest first. */
  readonly requests: ScriptedRequest[] = [];
  /** How long the completer wanted to wait each time; it never really waits. */
  readonly waitedMs: number[] = [];
  nowMs = 1_000;
  #arrived = Promise.withResolvers<undefined>();

  constructor() {
    this.completer = new Completer({
      client: { request: (_, params, options) => this.#request(params, options?.signal) },
      nowMs: () => this.nowMs,
      wait: (ms, signal) => {
        signal.throwIfAborted();
        this.waitedMs.push(ms);
        this.nowMs += ms;
        return Promise.resolve();
      },
    });
  }

  /** The request of that number, from 0, once it has reached the engine. */
  async request(number: number): Promise<ScriptedRequest> {
    for (;;) {
      const request = this.requests[number];
      if (request !== undefined) return request;
      await this.#arrived.promise;
    }
  }

  #request(params: unknown, signal = new AbortController().signal): Promise<Completion> {
    const { promise, resolve, reject } = Promise.withResolvers<Completion>();
    // As the engine does: what is cancelled is answered nevertheless.
    signal.addEventListener("abort", () => {
      resolve(noCompletion("cancelled"));
    });
    this.requests.push({ params: params as CompleteParams, signal, answer: resolve, fail: reject });
    this.#arrived.resolve(undefined);
    this.#arrived = Promise.withResolvers();
    return promise;
  }
}

/** A request at the end of `before`, typed just now. */
export function requestAt(before: string, changes: Partial<SuggestionRequest> = {}): SuggestionRequest {
  return {
    place: { name: "src/a.ts", line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") },
    document: "file:///src/a.ts",
    params: { path: "src/a.ts", language: "typescript", before, after: "\n", startLine: 1 },
    trigger: "automatic",
    syntax: () => Promise.resolve(null),
    changedMs: 1_000,
    debounce: { minMs: 75, maxMs: 600 },
    prefetch: false,
    ...changes,
  };
}
