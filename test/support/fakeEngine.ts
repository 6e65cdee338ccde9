/** A host's conversation on an engine that answers as the test says. */
import type { EngineClient, EngineState } from "../../extension/client/engineClient.ts";
import { Conversation } from "../../extension/host/conversation.ts";
import type { ConversationOptions } from "../../extension/host/conversation.ts";
import { FolderIndex } from "../../extension/host/folderIndex.ts";
import type { AskParams, EngineEvent, EngineEvents, IndexSummary } from "../../extension/protocol/engine.ts";
import { sentence } from "../../extension/protocol/sentence.ts";
import type { Answer, Prompt } from "../../extension/protocol/units.ts";

const ready: EngineState = { kind: "ready", gpu: "all", after: null, pid: 1, engineVersion: "1" };

/** Answers requests as the test says, and passes events on. */
export class FakeEngine {
  readonly calls: string[] = [];
  readonly #asked = Promise.withResolvers<undefined>();
  readonly #listeners: ((event: EngineEvent, payload: unknown) => void)[] = [];
  onAsk: (askId: string, signal: AbortSignal, params: AskParams) => Promise<Answer> = () => Promise.resolve(answer({}));
  onIndex: () => Promise<IndexSummary> = () => Promise.resolve(summary);

  /** Resolves once a question has arrived. */
  get asked(): Promise<undefined> {
    return this.#asked.promise;
  }

  emit<E extends EngineEvent>(event: E, payload: EngineEvents[E]): void {
    for (const listener of this.#listeners) listener(event, payload);
  }

  /** The part of the client that the host's objects use. */
  get client(): EngineClient {
    const part = {
      state: ready,
      onStateChanged: () => ({ dispose: () => undefined }),
      on: (event: EngineEvent, listener: (payload: unknown) => void) => {
        this.#listeners.push((name, payload) => {
          if (name === event) listener(payload);
        });
        return { dispose: () => undefined };
      },
      openWorkspace: () => {
        this.calls.push("openWorkspace");
        return Promise.resolve({ folder: "/greenhouse" });
      },
      request: (method: string, params: Request, options: { signal: AbortSignal }) => {
        if (method !== "ask") {
          this.calls.push([method, ...(params.changed === undefined ? [] : [params.changed.join(",")])].join(" "));
          return this.onIndex();
        }
        this.#asked.resolve(undefined);
        return this.onAsk(params.askId, options.signal, params);
      },
    };
    return part as unknown as EngineClient;
  }
}

interface Request {
  readonly askId: string;
  readonly question: string;
  readonly changed?: readonly string[];
}

export function fakeConversation(pins: ReturnType<ConversationOptions["pins"]> = { pinned: [], dropped: [] }): {
  engine: FakeEngine;
  conversation: Conversation;
  index: FolderIndex;
} {
  const engine = new FakeEngine();
  const conversation = new Conversation({
    client: engine.client,
    prepare: () => Promise.resolve(),
    editor: () => ({ openFile: null, selection: null }),
    pins: () => pins,
    now: () => 1000,
  });
  return { engine, conversation, index: new FolderIndex(engine.client) };
}

export const prompt: Prompt = {
  question: "why?",
  pieces: [{ share: "question", text: "why?", tokensRaw: 10, tokensSent: 10, reasons: [] }],
  dropped: [],
  budgetTokens: 100,
  answerReserveTokens: 10,
  tokensSent: 10,
  tokensRaw: 10,
  tokenizer: "test",
};

export function answer(part: Partial<Answer>): Answer {
  return {
    question: "why?",
    text: "",
    source: "assistant",
    stopReason: "end",
    citations: [],
    prompt,
    figures,
    ...part,
  };
}

const figures: Answer["figures"] = {
  tokensRaw: 10,
  tokensSent: 10,
  tokensReused: 0,
  tokensLoaded: 0,
  tokensWritten: 0,
  readTokensPerSecond: 0,
  writeTokensPerSecond: 0,
  kvBytes: 0,
  indexMs: 0,
  rankMs: 0,
  promptMs: 0,
  loadMs: 0,
  readMs: 0,
  writeMs: 0,
};

export const summary: IndexSummary = {
  files: 1,
  filesParsed: 1,
  filesRemoved: 0,
  units: 1,
  unitsPerLanguage: {},
  lines: 1,
  bytes: 1,
  indexBytes: 1,
  ms: 1,
  skipped: [],
  skippedCounts: {},
  problems: [],
  parser: sentence("test"),
};
