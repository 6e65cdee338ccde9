import assert from "node:assert/strict";
import { test } from "node:test";
import type { IndexSummary } from "../../extension/protocol/engine.ts";
import { Failure, failureSentences } from "../../extension/protocol/failure.ts";
import type { RankedUnit } from "../../extension/protocol/units.ts";
import { answer, fakeConversation as setUp, prompt, summary } from "../support/fakeEngine.ts";
import { scorerUnit } from "../support/scorerUnits.ts";
import { turnView } from "../support/viewStates.ts";

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

test("a new conversation while an answer is written leaves nothing behind", async () => {
  const { engine, conversation } = setUp();
  engine.onAsk = () => {
    conversation.begin();
    return Promise.resolve(answer({ text: "late" }));
  };
  await conversation.ask("why?");
  assert.deepEqual([conversation.turns, conversation.prompt], [[], null]);
});

test("a retried question takes its turn's place, and an edited one also the place of those behind it", async () => {
  const { engine, conversation } = setUp();
  const histories: (readonly string[])[] = [];
  engine.onAsk = (_askId, _signal, { question, history = [] }) => {
    histories.push(history.map((turn) => turn.question));
    return Promise.resolve(answer({ text: `About ${question}` }));
  };
  const first = await conversation.ask("first");
  await conversation.ask("second");
  const third = await conversation.ask("third");
  await conversation.ask("third", { from: third.askId });
  assert.deepEqual(
    conversation.turns.map(({ question }) => question),
    ["first", "second", "third"],
  );
  await conversation.ask("another first", { from: first.askId });
  assert.deepEqual(
    conversation.turns.map(({ text }) => text),
    ["About another first"],
  );
  assert.deepEqual(histories, [[], ["first"], ["first", "second"], ["first", "second"], []]);
});

test("a command and what is pinned go to the engine beside the question, which stays as it was typed", async () => {
  const { engine, conversation } = setUp({
    pinned: [{ path: "a.ts", startLine: 1, endLine: 2, why: "pinned" }],
    dropped: [{ path: "b.ts", qualifiedName: "b" }],
  });
  let sent: unknown;
  engine.onAsk = (_askId, _signal, { question, command, pinned, dropped }) => {
    sent = { question, command, pinned, dropped };
    return Promise.resolve(answer({ text: "Here." }));
  };
  const turn = await conversation.ask("/find open valves");
  assert.deepEqual([turn.question, turn.command], ["/find open valves", "find"]);
  assert.deepEqual(sent, {
    question: "open valves",
    command: "find",
    pinned: [{ path: "a.ts", startLine: 1, endLine: 2, why: "pinned" }],
    dropped: [{ path: "b.ts", qualifiedName: "b" }],
  });
});

test("an unknown command is told without asking the engine, with the way back to the question", async () => {
  const { engine, conversation } = setUp();
  engine.onAsk = () => assert.fail("the engine was asked");
  const { failure } = await conversation.ask("/reticulate splines");
  assert.deepEqual(failure, {
    sentence: failureSentences.commandUnknown,
    detail: "/reticulate",
    action: "editQuestion",
  });
});

test("a conversation that was stored in mid-answer keeps what was written and says that it is incomplete", () => {
  const { conversation } = setUp();
  const stored = turnView({ askId: "1", phase: "writing", text: "Half" });
  conversation.load({ id: "12345678", createdMs: 1, turns: [turnView({ askId: "0" }), stored] });
  const [whole, half] = conversation.turns;
  assert.equal(whole?.failure, null);
  assert.deepEqual([half?.text, half?.phase], ["Half", "done"]);
  assert.deepEqual(half?.failure, { sentence: failureSentences.answerInterrupted, detail: "", action: "askAgain" });
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

function ranked(file: string): RankedUnit {
  return { unit: scorerUnit(file, "f", "", ""), score: 0, reasons: [] };
}
