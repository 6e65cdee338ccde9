import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostMessage, parseViewIntent } from "../../extension/protocol/view.ts";
import type { TurnView, ViewState } from "../../extension/protocol/view.ts";
import { canSend, initialModel, isAnswering, progressLine, progressShare, reduce } from "../../webview/state.ts";
import type { AskAction, AskModel } from "../../webview/state.ts";

test("a question can be sent once there is a folder and a text, and not while one is answered", () => {
  assert.equal(canSend(after(typed("why?"))), false);
  assert.equal(canSend(after(shown({}), typed("  "))), false);
  assert.equal(canSend(after(shown({ folder: null }), typed("why?"))), false);
  assert.equal(canSend(after(shown({}), typed("why?"))), true);
  assert.equal(canSend(after(shown({ turns: [turn({ phase: "reading" })] }), typed("why?"))), false);
});

test("a sent question empties the box, and nothing can be sent until the host has it", () => {
  const sent = after(shown({}), typed("why?"), { type: "questionSent" }, typed("and then?"));
  assert.equal(canSend(sent), false);
  const finished = [turn({ askId: "1", phase: "done" })];
  assert.equal(canSend(reduce(sent, shown({}))), false);
  assert.equal(canSend(reduce(sent, shown({ turns: finished }))), true);
});

test("Stop is pending until the answer has ended", () => {
  const stopping = after(shown({ turns: [turn({ phase: "writing" })] }), { type: "stopRequested" });
  assert.equal(progressLine(stopping), "Stopping…");
  const stopped = reduce(stopping, shown({ turns: [turn({ phase: "done" })] }));
  assert.deepEqual([stopped.pending, isAnswering(stopped), progressLine(stopped)], ["none", false, ""]);
});

test("Stop without an answer under way changes nothing", () => {
  const idle = after(shown({}));
  assert.equal(reduce(idle, { type: "stopRequested" }), idle);
});

test("reading says how many tokens are read and how many were reused", () => {
  const model = after(
    shown({ turns: [turn({ phase: "reading", progress: { done: 3120, total: 4096, reused: 2310 } })] }),
  );
  assert.equal(progressLine(model), "Reading 3,120 of 4,096 tokens, 2,310 reused");
  assert.equal(progressShare(model), 3120 / 4096);
});

test("every phase but the last has a line", () => {
  for (const phase of ["starting", "indexing", "ranking", "fitting", "reading", "writing"] as const) {
    assert.notEqual(progressLine(after(shown({ turns: [turn({ phase })] }))), "", phase);
  }
});

test("earlier questions come back into the box, and the newest step empties it", () => {
  const turns = [turn({ askId: "1", question: "first" }), turn({ askId: "2", question: "second" })];
  const older = { type: "recallRequested", direction: "older" } as const;
  const newer = { type: "recallRequested", direction: "newer" } as const;
  const drafts = [older, older, older, newer, newer].reduce<{ model: AskModel; drafts: string[] }>(
    ({ model, drafts }, action) => {
      const next = reduce(model, action);
      return { model: next, drafts: [...drafts, next.draft] };
    },
    { model: after(shown({ turns })), drafts: [] },
  ).drafts;
  assert.deepEqual(drafts, ["second", "first", "first", "second", ""]);
});

test("messages of another version are not understood, on either side", () => {
  assert.equal(parseHostMessage({ type: "state", state: { turns: [] } }), null);
  assert.equal(parseHostMessage({ type: "reticulate" }), null);
  assert.equal(parseViewIntent({ type: "ask" }), null);
  assert.equal(parseViewIntent({ type: "openCitation", path: "a", startLine: -1, endLine: 2 }), null);
  assert.deepEqual(parseViewIntent({ type: "ask", question: "why?", extra: 1 }), { type: "ask", question: "why?" });
  const state = shown({ turns: [turn({})] });
  assert.deepEqual(parseHostMessage({ type: "state", state: state.state }), { type: "state", state: state.state });
});

function after(...actions: readonly AskAction[]): AskModel {
  return actions.reduce(reduce, initialModel(""));
}

function typed(draft: string): AskAction {
  return { type: "draftChanged", draft };
}

function shown(state: Partial<ViewState>): AskAction & { type: "snapshotReceived" } {
  return { type: "snapshotReceived", state: { folder: "greenhouse", turns: [], notice: null, ...state } };
}

function turn(part: Partial<TurnView>): TurnView {
  return {
    askId: "0",
    question: "why?",
    phase: "done",
    progress: null,
    text: "",
    citations: [],
    source: null,
    stopReason: null,
    figures: "",
    found: [],
    failure: null,
    ...part,
  };
}
