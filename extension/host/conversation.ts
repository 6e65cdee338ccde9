import { randomUUID } from "node:crypto";
import { Listeners } from "../base/listeners.ts";
import type { EngineClient } from "../client/engineClient.ts";
import { toFailure } from "../protocol/failure.ts";
import type { Answer, AnswerFigures, ConversationTurn, Prompt, Unit } from "../protocol/units.ts";
import type { CitationView, TurnView } from "../protocol/view.ts";
import { failureView } from "./failureView.ts";

export interface ConversationOptions {
  readonly client: Pick<EngineClient, "request" | "on" | "state" | "onStateChanged">;
  /** Opens the folder that a question is about and waits until it is indexed. Rejects with a Failure. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** The file in the editor, relative to that folder, or null. */
  readonly openFile: () => string | null;
}

/** Answered questions that go along with the next one. */
const historyTurnsMax = 4;
/** Older questions are forgotten. */
const turnsKept = 20;
/** Units that are shown while there is no answer yet. */
const foundShown = 5;

/** The questions asked so far and their answers, the last of which may still be growing. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #listeners = new Listeners<Conversation>();
  readonly #subscriptions: readonly { dispose(): void }[];
  #turns: readonly TurnView[] = [];
  #prompt: Prompt | null = null;
  #abort: AbortController | null = null;
  #answering: Promise<unknown> = Promise.resolve();

  constructor(options: ConversationOptions) {
    this.#options = options;
    const { client } = options;
    this.#subscriptions = [
      client.onStateChanged((state) => {
        if (state.kind === "ready") this.#advance("starting", { phase: "indexing" });
      }),
      client.on("indexProgress", ({ filesDone, filesTotal }) => {
        const change = { phase: "indexing", progress: { done: filesDone, total: filesTotal, reused: 0 } } as const;
        this.#advance("indexing", change);
        // The engine looks once more for files that changed before it ranks.
        this.#advance("ranking", change);
      }),
      client.on("unitsRanked", ({ askId, ranked, isFinal }) => {
        const found = ranked.slice(0, foundShown).map(({ unit }) => citationOf(unit));
        this.#update(askId, { found, ...(isFinal ? { phase: "fitting", progress: null } : {}) });
      }),
      client.on("promptReady", ({ askId, prompt }) => {
        if (this.#turn?.askId !== askId) return;
        this.#prompt = prompt;
        this.#update(askId, { phase: "reading", progress: { done: 0, total: prompt.tokensSent, reused: 0 } });
      }),
      client.on("readProgress", ({ askId, tokensDone, tokensTotal, tokensReused }) => {
        this.#update(askId, {
          phase: "reading",
          progress: { done: tokensDone, total: tokensTotal, reused: tokensReused },
        });
      }),
      client.on("answerDelta", ({ askId, text }) => {
        const turn = this.#turn;
        if (turn !== null) this.#update(askId, { phase: "writing", progress: null, text: turn.text + text });
      }),
    ];
  }

  /** Oldest first; at most the last one is not `done`. */
  get turns(): readonly TurnView[] {
    return this.#turns;
  }

  /** What was sent for the last question, from the moment it is known; null before. */
  get prompt(): Prompt | null {
    return this.#prompt;
  }

  get isAnswering(): boolean {
    return this.#turn !== null;
  }

  onChanged(listener: (conversation: Conversation) => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  /** Asks, after stopping what is being answered. Resolves to the finished turn; a failure is part of it. */
  async ask(question: string): Promise<TurnView> {
    this.stop();
    const before = this.#answering;
    const asked = before.then(() => this.#answer(question));
    this.#answering = asked;
    return asked;
  }

  /** Stops the answer; what is written so far stays. */
  stop(): void {
    this.#abort?.abort();
  }

  clear(): void {
    this.stop();
    this.#turns = [];
    this.#prompt = null;
    this.#listeners.call(this);
  }

  dispose(): void {
    this.stop();
    this.#listeners.clear();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  /** The turn that is being answered. */
  get #turn(): TurnView | null {
    const last = this.#turns.at(-1);
    return last === undefined || last.phase === "done" ? null : last;
  }

  /** What was asked and answered before, as far as it can matter to a follow-up. */
  #history(): ConversationTurn[] {
    return this.#turns
      .filter(({ phase, text }) => phase === "done" && text !== "")
      .slice(-historyTurnsMax)
      .map(({ question, text }) => ({ question, answer: text }));
  }

  async #answer(question: string): Promise<TurnView> {
    const abort = new AbortController();
    this.#abort = abort;
    const started = newTurn(question, this.#options.client.state.kind === "ready" ? "indexing" : "starting");
    const { askId } = started;
    this.#turns = [...this.#turns.slice(1 - turnsKept), started];
    this.#listeners.call(this);
    let finished: Partial<TurnView>;
    try {
      await this.#options.prepare(abort.signal);
      this.#update(askId, { phase: "ranking", progress: null });
      const openFile = this.#options.openFile();
      const params = { askId, question, history: this.#history(), ...(openFile === null ? {} : { openFile }) };
      const answer = await this.#options.client.request("ask", params, { signal: abort.signal });
      // Stopped before there was a prompt, the answer has none.
      if (this.#turn?.askId === askId && answer.prompt.pieces.length > 0) this.#prompt = answer.prompt;
      finished = ofAnswer(answer);
    } catch (thrown) {
      const failure = toFailure(thrown);
      // Only a Stop of the user's own is no failure: an engine that was restarted also cancels.
      finished = abort.signal.aborted ? { stopReason: "cancelled" } : { failure: failureView(failure) };
    }
    this.#abort = null;
    const before = this.#turn?.askId === askId ? this.#turn : started;
    const last = { ...finished, phase: "done", progress: null, found: [] } as const;
    this.#update(askId, last);
    return { ...before, ...last };
  }

  /** Changes the turn only while it is in that phase. */
  #advance(from: TurnView["phase"], change: Partial<TurnView>): void {
    const turn = this.#turn;
    if (turn?.phase === from) this.#update(turn.askId, change);
  }

  /** Changes the turn while it is being answered; events that come late change nothing. */
  #update(askId: string, change: Partial<TurnView>): void {
    const turn = this.#turn;
    if (turn?.askId !== askId) return;
    this.#turns = [...this.#turns.slice(0, -1), { ...turn, ...change }];
    this.#listeners.call(this);
  }
}

function newTurn(question: string, phase: TurnView["phase"]): TurnView {
  return {
    askId: randomUUID(),
    question,
    phase,
    progress: null,
    found: [],
    text: "",
    citations: [],
    source: null,
    stopReason: null,
    figures: "",
    failure: null,
  };
}

function citationOf({ path, startLine, endLine, qualifiedName }: Unit): CitationView {
  return { path, startLine, endLine, name: qualifiedName, resolved: true };
}

function ofAnswer({ text, citations, source, stopReason, figures }: Answer): Partial<TurnView> {
  return { text, citations, source, stopReason, figures: figuresLine(figures) };
}

function figuresLine(figures: AnswerFigures): string {
  const { tokensRaw, tokensSent, tokensReused, tokensLoaded } = figures;
  const { tokensWritten, readTokensPerSecond, writeTokensPerSecond } = figures;
  const ms = figures.indexMs + figures.rankMs + figures.promptMs + figures.loadMs + figures.readMs + figures.writeMs;
  const parts = [`${number(tokensRaw)} → ${number(tokensSent)} tokens`];
  const fromDisk = tokensLoaded > 0 ? ` (${number(tokensLoaded)} from disk)` : "";
  if (tokensReused > 0) parts.push(`${number(tokensReused)} reused${fromDisk}`);
  if (readTokensPerSecond > 0) parts.push(`read ${number(readTokensPerSecond)} tokens/s`);
  if (tokensWritten > 0) parts.push(`wrote ${number(tokensWritten)} at ${number(writeTokensPerSecond)} tokens/s`);
  parts.push(`${(ms / 1000).toFixed(1)} s`);
  return parts.join(" · ");
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
