import { untilAborted } from "../base/abortable.ts";
import { Listeners } from "../base/listeners.ts";
import type { EngineClient } from "../client/engineClient.ts";
import type { Completion, CompleteParams, CursorSyntax } from "../protocol/complete.ts";
import { completionTextLimits } from "../protocol/complete.ts";
import { toFailure } from "../protocol/failure.ts";
import type { Failure } from "../protocol/failure.ts";
import { AdaptiveDelay } from "./adaptiveDelay.ts";
import { SuggestionCache } from "./suggestionCache.ts";
import type { CursorText } from "./suggestionCache.ts";

/** Where the suggestion is wanted; only for people to read. Line and column count from 1. */
export interface SuggestionPlace {
  readonly name: string;
  readonly line: number;
  readonly column: number;
}

export interface SuggestionRequest {
  readonly place: SuggestionPlace;
  /** The same for the same open document. */
  readonly document: string;
  readonly params: Omit<CompleteParams, "trigger" | "syntax">;
  readonly trigger: "automatic" | "explicit";
  /** Looked up only when the engine is asked; null where nothing is known. */
  readonly syntax: (signal: AbortSignal) => Promise<CursorSyntax | null>;
  /** When the document changed last, on the clock of the options. */
  readonly changedMs: number;
  readonly debounce: { readonly minMs: number; readonly maxMs: number };
  /** Whether the suggestion after this one is to be fetched ahead. */
  readonly prefetch: boolean;
}

export interface Suggestion {
  readonly text: string;
  /** How many characters after the cursor `text` takes the place of. */
  readonly replaces: number;
}

/** What became of a request. Those that a newer one took the place of are not kept. */
export type SuggestionOutcome =
  | { readonly kind: "suggested"; readonly text: string; readonly completion: Completion }
  | { readonly kind: "nothing"; readonly completion: Completion }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** The settings say so for this language. */
  | { readonly kind: "off"; readonly language: string };

export interface SuggestionRecord {
  readonly place: SuggestionPlace;
  readonly outcome: SuggestionOutcome;
  /** Found in the cache, without the engine. */
  readonly isCached: boolean;
  /** How much of the suggestion had been typed already. */
  readonly typed: number;
  /** How long it was waited for another key, and how long finding the suggestion took after that. */
  readonly waitedMs: number;
  readonly ms: number;
}

export interface CompleterOptions {
  readonly client: Pick<EngineClient, "request">;
  /** A clock in milliseconds. */
  readonly nowMs: () => number;
  /** Resolves after so many milliseconds; rejects when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Finds suggestions: in the cache, else from the engine, once nobody types any more. Only one request is in the engine at
 * a time; a newer one takes its place.
 */
export class Completer {
  readonly #options: CompleterOptions;
  readonly #cache = new SuggestionCache();
  readonly #delay = new AdaptiveDelay();
  readonly #listeners = new Listeners<Completer>();
  #current: AbortController | null = null;
  #ahead: { readonly key: string; readonly abort: AbortController; readonly done: Promise<void> } | null = null;
  /** What was fetched ahead last: it is not fetched again with every key that is typed through a suggestion. */
  #aheadKey = "";
  #last: SuggestionRecord | null = null;
  #lastSuggested: SuggestionRecord | null = null;
  #answeredMs: number | null = null;
  #thinking = 0;

  constructor(options: CompleterOptions) {
    this.#options = options;
  }

  /** What became of the last request. */
  get last(): SuggestionRecord | null {
    return this.#last;
  }

  /** The last request that ended in a suggestion. */
  get lastSuggested(): SuggestionRecord | null {
    return this.#lastSuggested;
  }

  /** How long the engine took for its last answer; null before the first. */
  get answeredMs(): number | null {
    return this.#answeredMs;
  }

  /** Whether the engine is asked right now, other than ahead of time. */
  get isThinking(): boolean {
    return this.#thinking > 0;
  }

  onChanged(listener: (completer: Completer) => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  /** Null where there is nothing to suggest, or the signal was aborted, or a newer request came. Never rejects. */
  async suggest(request: SuggestionRequest, signal: AbortSignal): Promise<Suggestion | null> {
    const at = cursorTextOf(request);
    this.#current?.abort();
    const abort = new AbortController();
    this.#current = abort;
    const either = AbortSignal.any([abort.signal, signal]);
    try {
      if (this.#ahead?.key === keyOf(at)) await untilAborted(this.#ahead.done, either);
      return this.#cached(request, at) ?? (await this.#asked(request, at, either));
    } catch {
      // Only aborting gets here: whoever waits for this suggestion wants it no longer.
      return null;
    } finally {
      if (this.#current === abort) this.#current = null;
    }
  }

  /** Resolves once nothing is being fetched ahead of time. */
  async fetchedAhead(): Promise<void> {
    await this.#ahead?.done;
  }

  /** Completing is off for the language of the document. */
  noteOff(place: SuggestionPlace, language: string): void {
    this.#note({ place, outcome: { kind: "off", language }, isCached: false, typed: 0, waitedMs: 0, ms: 0 });
  }

  /** What was suggested so far no longer counts, as when the settings change. */
  forget(): void {
    this.#stopAhead();
    this.#cache.clear();
  }

  dispose(): void {
    this.#current?.abort();
    this.#stopAhead();
    this.#listeners.clear();
  }

  #cached(request: SuggestionRequest, at: CursorText): Suggestion | null {
    const startMs = this.#options.nowMs();
    const found = this.#cache.find(at);
    if (found === null) return null;
    const { text, replaces, typed, completion } = found;
    const ms = this.#options.nowMs() - startMs;
    const outcome = { kind: "suggested", text, completion } as const;
    this.#note({ place: request.place, outcome, isCached: true, typed, waitedMs: 0, ms });
    this.#fetchAhead(request, at, found);
    return { text, replaces };
  }

  async #asked(request: SuggestionRequest, at: CursorText, signal: AbortSignal): Promise<Suggestion | null> {
    const { client, nowMs, wait } = this.#options;
    this.#stopAhead();
    const calledMs = nowMs();
    const waitMs = request.trigger === "explicit" ? 0 : this.#delay.delayMs(request.debounce);
    // The editor itself has waited a little since the key was pressed.
    const leftMs = request.changedMs + waitMs - calledMs;
    if (leftMs > 0) await wait(leftMs, signal);
    signal.throwIfAborted();
    const startMs = nowMs();
    this.#think(1);
    let outcome: SuggestionOutcome;
    try {
      const syntax = await request.syntax(signal);
      signal.throwIfAborted();
      const { trigger } = request;
      const params = { ...request.params, trigger, ...(syntax === null ? {} : { syntax }) };
      outcome = outcomeOf(await client.request("complete", params, { signal }));
    } catch (thrown) {
      outcome = { kind: "failed", failure: toFailure(thrown) };
    } finally {
      this.#think(-1);
    }
    const ms = nowMs() - startMs;
    if (signal.aborted || isCancelled(outcome)) {
      this.#delay.givenUp(ms);
      return null;
    }
    const record = { place: request.place, isCached: false, typed: 0, waitedMs: Math.max(0, startMs - calledMs), ms };
    if (outcome.kind !== "failed") {
      this.#delay.answered(ms);
      this.#answeredMs = ms;
    }
    if (outcome.kind === "suggested") this.#cache.add(at, outcome.completion);
    this.#note({ ...record, outcome });
    if (outcome.kind !== "suggested") return null;
    const suggestion = { text: outcome.text, replaces: 0 };
    this.#fetchAhead(request, at, suggestion);
    return suggestion;
  }

  /** Asks for what follows the suggestion, so that it is there when the suggestion is accepted. */
  #fetchAhead(request: SuggestionRequest, at: CursorText, { text, replaces }: Suggestion): void {
    if (!request.prefetch) return;
    const next = { ...at, before: at.before + text, after: at.after.slice(replaces) };
    const key = keyOf(next);
    if (next.before.length > completionTextLimits.before || this.#aheadKey === key) return;
    if (this.#cache.find(next) !== null) return;
    this.#stopAhead();
    const abort = new AbortController();
    const ahead = { key, abort, done: this.#askAhead(request, next, abort.signal) };
    this.#ahead = ahead;
    this.#aheadKey = key;
    void ahead.done.then(() => {
      if (this.#ahead === ahead) this.#ahead = null;
    });
  }

  async #askAhead(request: SuggestionRequest, next: CursorText, signal: AbortSignal): Promise<void> {
    const { before, after } = next;
    const params = { ...request.params, before, after, trigger: "prefetch" } as const;
    try {
      const outcome = outcomeOf(await this.#options.client.request("complete", params, { signal }));
      if (!signal.aborted && outcome.kind === "suggested") this.#cache.add(next, outcome.completion);
    } catch {
      // Nobody has asked for this yet; whoever does is told by the request of their own.
    }
  }

  #stopAhead(): void {
    this.#ahead?.abort.abort();
    this.#aheadKey = "";
  }

  #note(record: SuggestionRecord): void {
    this.#last = record;
    if (record.outcome.kind === "suggested") this.#lastSuggested = record;
    this.#listeners.call(this);
  }

  #think(requests: 1 | -1): void {
    this.#thinking += requests;
    this.#listeners.call(this);
  }
}

function cursorTextOf({ document, params: { startLine, before, after } }: SuggestionRequest): CursorText {
  return { document, startLine, before, after };
}

function keyOf({ document, startLine, before, after }: CursorText): string {
  return JSON.stringify([document, startLine, before, after]);
}

function outcomeOf(completion: Completion): SuggestionOutcome {
  return completion.text === ""
    ? { kind: "nothing", completion }
    : { kind: "suggested", text: completion.text, completion };
}

function isCancelled(outcome: SuggestionOutcome): boolean {
  if (outcome.kind === "nothing") return outcome.completion.nothing === "cancelled";
  return outcome.kind === "failed" && outcome.failure.code === "cancelled";
}
