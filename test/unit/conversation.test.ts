import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineClient, EngineState } from "../../extension/client/engineClient.ts";
import { Conversation } from "../../extension/host/conversation.ts";
import { FolderIndex } from "../../extension/host/folderIndex.ts";
import type { AskParams, EngineEvent, EngineEvents, IndexSummary } from "../../extension/protocol/engine.ts";
import { Failure, failureSentences } from "../../extension/protocol/failure.ts";
import type { Answer, Prompt, RankedUnit } from "../../extension/protocol/units.ts";
import { scorerUnit } from "../support/scorerUnits.ts";

const ready: EngineState = { kind: "ready", gpu: "all", after: null, pid: 1, engineVersion: "1" };

test("a question goes through its phases, and the answer ends it", async () => {
  const { engine, conversation } = setUp();
  const phases: string[] = [];
  conversation.onChanged(({ turns }) => phases.push(turns.at(-1)?.phase ?? "none"));
  engine.onAsk = (askId) => {
    engine.emit("unitsRanked", { askId, ranked: [], isFinal: true });
    engine.emit("promptReady", { askId, prompt });
    engine.emit("readProgress", { askId, tokensDone: 5, tokensTotal: 10, tokensReused: 2 });
    engine.emit("answerDelta", { askId, text: "Because " });
    engine.emit("answerDelta", { askId: "another question", text: "no" });
    engine.emit("answerDelta", { askId, text: "so." });
    assert.equal(conversation.turns[0]?.text, "Because so.");
    return Promise.resolve(answer({ text: "Because so." }));
  };
  const turn = await conversation.ask("why?");
  const distinct = phases.filter((phase, index) => phase !== phases[index - 1]);
  assert.deepEqual(distinct, ["indexing", "ranking", "fitting", "reading", "writing", "done"]);
  assert.deepEqual([turn.text, turn.failure, turn.stopReason], ["Because so.", null, "end"]);
  assert.equal(conversation.prompt, prompt);
});

test("what is found shows at once, the final order replaces it, and the answer takes its place", async () => {
  const { engine, conversation } = setUp();
  const found: string[] = [];
  conversation.onChanged(({ turns }) => {
    const turn = turns.at(-1);
    found.push(`${turn?.phase ?? ""} ${(turn?.found ?? []).map(({ path }) => path).join(",")}`.trim());
  });
  engine.onAsk = (askId) => {
    engine.emit("unitsRanked", { askId, ranked: ["a.ts", "b.ts"].map(ranked), isFinal: false });
    engine.emit("unitsRanked", { askId, ranked: ["b.ts", "a.ts"].map(ranked), isFinal: true });
    return Promise.resolve(answer({ text: "In b.ts." }));
  };
  await conversation.ask("where?");
  assert.deepEqual(found.slice(-3), ["ranking a.ts,b.ts", "fitting b.ts,a.ts", "done"]);
});

test("Stop ends the answer with what is written, and is no failure", async () => {
  const { engine, conversation } = setUp();
  engine.onAsk = (askId, signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        resolve(answer({ text: "Half", stopReason: "cancelled" }));
      });
      engine.emit("answerDelta", { askId, text: "Half" });
      conversation.stop();
    });
  const turn = await conversation.ask("why?");
  assert.deepEqual([turn.text, turn.stopReason, turn.failure], ["Half", "cancelled", null]);
});

test("a crash of the engine becomes the turn's failure with a way on, and keeps the text", async () => {
  const { engine, conversation } = setUp();
  engine.onAsk = (askId) => {
    engine.emit("answerDelta", { askId, text: "Half" });
    return Promise.reject(new Failure("engineCrashed", "signal SIGKILL"));
  };
  const turn = await conversation.ask("why?");
  assert.equal(turn.text, "Half");
  assert.deepEqual(turn.failure, {
    sentence: failureSentences.engineCrashed,
    detail: "signal SIGKILL",
    action: "askAgain",
  });
  assert.equal(conversation.isAnswering, false);
});

test("a second question stops the first and waits for its end", async () => {
  const { engine, conversation } = setUp();
  const order: string[] = [];
  engine.onAsk = async (_askId, signal, { question }) => {
    order.push(`begins ${question}`);
    if (question === "first") {
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
    }
    order.push(`ends ${question}`);
    return answer({ stopReason: question === "first" ? "cancelled" : "end" });
  };
  const first = conversation.ask("first");
  await engine.asked;
  const second = conversation.ask("second");
  assert.deepEqual([(await first).stopReason, (await second).stopReason], ["cancelled", "end"]);
  assert.deepEqual(order, ["begins first", "ends first", "begins second", "ends second"]);
});

test("a question takes along what was answered before, and not what failed", async () => {
  const { engine, conversation } = setUp();
  engine.onAsk = () => Promise.resolve(answer({ text: "By a policy." }));
  await conversation.ask("how are requests retried?");
  engine.onAsk = () => Promise.reject(new Failure("nativeFailed"));
  await conversation.ask("why?");
  let sent: unknown;
  engine.onAsk = (_askId, _signal, params) => {
    sent = params.history;
    return Promise.resolve(answer({ text: "In a test." }));
  };
  await conversation.ask("and where is it tested?");
  assert.deepEqual(sent, [{ question: "how are requests retried?", answer: "By a policy." }]);
});

test("clearing while an answer is written leaves nothing behind", async () => {
  const { engine, conversation } = setUp();
  engine.onAsk = () => {
    conversation.clear();
    return Promise.resolve(answer({ text: "late" }));
  };
  await conversation.ask("why?");
  assert.deepEqual([conversation.turns, conversation.prompt], [[], null]);
});

test("a folder is opened and indexed once, and the next question does not wait again", async () => {
  const { engine, index } = setUp();
  index.choose({ folder: "/greenhouse", excludeGlobs: [] });
  await Promise.all([index.ready(new AbortController().signal), index.ready(new AbortController().signal)]);
  await index.ready(new AbortController().signal);
  assert.deepEqual(engine.calls, ["openWorkspace", "index"]);
  assert.equal(index.state.kind, "indexed");
});

test("changed files are indexed by name, and before the folder was indexed not at all", async () => {
  const { engine, index } = setUp();
  index.choose({ folder: "/greenhouse", excludeGlobs: [] });
  index.filesChanged(["a.ts"]);
  await index.ready(new AbortController().signal);
  index.filesChanged(["a.ts", "b.ts"]);
  await index.ready(new AbortController().signal);
  assert.deepEqual(engine.calls, ["openWorkspace", "index", "index a.ts,b.ts"]);
});

test("an index run that fails is tried again with the next question", async () => {
  const { engine, index } = setUp();
  index.choose({ folder: "/greenhouse", excludeGlobs: [] });
  engine.onIndex = () => Promise.reject(new Failure("diskFull"));
  await assert.rejects(index.ready(new AbortController().signal), { code: "diskFull" });
  engine.onIndex = () => Promise.resolve(summary);
  await index.ready(new AbortController().signal);
  assert.equal(index.state.kind, "indexed");
});

test("waiting for the index ends when the question is stopped", async () => {
  const { engine, index } = setUp();
  index.choose({ folder: "/greenhouse", excludeGlobs: [] });
  engine.onIndex = () => Promise.withResolvers<IndexSummary>().promise;
  const stop = new AbortController();
  const waiting = index.ready(stop.signal);
  stop.abort();
  await assert.rejects(waiting, { code: "cancelled" });
});

/** Answers requests as the test says, and passes events on. */
class FakeEngine {
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

function setUp(): { engine: FakeEngine; conversation: Conversation; index: FolderIndex } {
  const engine = new FakeEngine();
  const conversation = new Conversation({
    client: engine.client,
    prepare: () => Promise.resolve(),
    openFile: () => null,
  });
  return { engine, conversation, index: new FolderIndex(engine.client) };
}

function ranked(file: string): RankedUnit {
  return { unit: scorerUnit(file, "f", "", ""), score: 0, reasons: [] };
}

const prompt: Prompt = {
  question: "why?",
  pieces: [{ share: "question", text: "why?", tokensRaw: 10, tokensSent: 10, reasons: [] }],
  dropped: [],
  budgetTokens: 100,
  answerReserveTokens: 10,
  tokensSent: 10,
  tokensRaw: 10,
  tokenizer: "test",
};

function answer(part: Partial<Answer>): Answer {
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

const summary: IndexSummary = {
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
  parser: "test",
};
