import { randomUUID } from "node:crypto";
import { Listeners } from "../base/listeners.ts";
import { prepareQuestion } from "../client/prepareQuestion.ts";
import type { EditorPlace } from "../client/prepareQuestion.ts";
import type { EngineClient } from "../client/engineClient.ts";
import type { StoredConversation } from "../protocol/conversation.ts";
import type { ContextParams } from "../protocol/engine.ts";
import { toFailure } from "../protocol/failure.ts";
import { parseSlashLine } from "../protocol/slashCommands.ts";
import type { ConversationTurn, Prompt } from "../protocol/units.ts";
import type { TurnView } from "../protocol/view.ts";
import { failureView } from "./failureView.ts";
import { closedTurn, foundViews, newTurn, ofAnswer } from "./turnView.ts";

export interface ConversationOptions {
  readonly client: Pick<EngineClient, "request" | "on" | "state" | "onStateChanged">;
  /** Opens the folder that a question is about and waits until it is indexed. Rejects with a Failure. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** What the editor shows of that folder. */
  readonly editor: () => EditorPlace;
  /** What a person wants in every prompt, and what in none. */
  readonly pins: () => Required<Pick<ContextParams, "pinned" | "dropped">>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface AskOptions {
  /** The turn whose place the question takes; it and those behind it go. Null: the end. */
  readonly from: string | null;
}

/** Answered questions that go along with the next one. */
const historyTurnsMax = 4;
/** Older questions are forgotten. */
export const turnsKept = 50;

/** The questions asked so far and their answers, the last of which may still be growing. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #listeners = new Listeners<Conversation>();
  readonly #subscriptions: readonly { dispose(): void }[];
  #id: string = randomUUID();
  #createdMs = 0;
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
        this.#update(askId, { found: foundViews(ranked), ...(isFinal ? { phase: "fitting", progress: null } : {}) });
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

  /** Another one after `begin` and `load`. */
  get id(): string {
    return this.#id;
  }

  /** Milliseconds since 1970; 0 before the first question. */
  get createdMs(): number {
    return this.#createdMs;
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
  async ask(question: string, { from }: AskOptions = { from: null }): Promise<TurnView> {
    this.stop();
    const before = this.#answering;
    const asked = before.then(() => this.#answer(question, from));
    this.#answering = asked;
    return asked;
  }

  /** Stops the answer; what is written so far stays. */
  stop(): void {
    this.#abort?.abort();
  }

  /** Starts an empty conversation. What is being answered is stopped and stays with the one before. */
  begin(): void {
    this.#switchTo({ id: randomUUID(), createdMs: 0, turns: [] });
  }

  /** Goes on with a stored conversation, in place of this one. */
  load({ id, createdMs, turns }: Pick<StoredConversation, "id" | "createdMs" | "turns">): void {
    this.#switchTo({ id, createdMs, turns: turns.map((turn) => closedTurn(turn, "interrupted")) });
  }

  /** The same questions and answers are another conversation from now on. */
  takeId(id: string): void {
    this.#id = id;
    this.#listeners.call(this);
  }

  /** What the engine is asked for a question as it was typed. Fails as `prepareQuestion` does. */
  async contextParams(question: string, signal: AbortSignal): Promise<ContextParams> {
    const editor = this.#options.editor();
    const prepared = await prepareQuestion(question, { client: this.#options.client, editor, signal });
    const { pinned, dropped } = this.#options.pins();
    return {
      ...prepared,
      pinned: [...prepared.pinned, ...pinned],
      dropped,
      history: this.#history(),
      ...(editor.openFile === null ? {} : { openFile: editor.openFile }),
    };
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

  #switchTo({ id, createdMs, turns }: Pick<StoredConversation, "id" | "createdMs" | "turns">): void {
    this.stop();
    const open = this.#turn;
    if (open !== null) this.#update(open.askId, closedTurn(open, "stopped"));
    this.#id = id;
    this.#createdMs = createdMs;
    this.#turns = turns;
    this.#prompt = null;
    this.#listeners.call(this);
  }

  async #answer(question: string, from: string | null): Promise<TurnView> {
    const abort = new AbortController();
    this.#abort = abort;
    const line = parseSlashLine(question);
    const started = newTurn({
      question,
      askedMs: this.#options.now(),
      command: line.kind === "command" ? line.command : null,
      phase: this.#options.client.state.kind === "ready" ? "indexing" : "starting",
    });
    const { askId } = started;
    const place = this.#turns.findIndex((turn) => turn.askId === from);
    const before = place < 0 ? this.#turns : this.#turns.slice(0, place);
    if (before.length === 0) this.#createdMs = started.askedMs;
    this.#turns = [...before.slice(1 - turnsKept), started];
    this.#listeners.call(this);
    let finished: Partial<TurnView>;
    try {
      await this.#options.prepare(abort.signal);
      this.#update(askId, { phase: "ranking", progress: null });
      const params = { ...(await this.contextParams(question, abort.signal)), askId };
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
    const last = { ...finished, phase: "done", progress: null, found: [] } as const;
    const asked = this.#turn?.askId === askId ? this.#turn : started;
    this.#update(askId, last);
    return { ...asked, ...last };
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
