import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostMessage, parseViewIntent } from "../../extension/protocol/view.ts";
import type { ViewState } from "../../extension/protocol/view.ts";
import { canSend, initialModel, isAnswering, neededSearch, progressShare, reduce } from "../../webview/state.ts";
import type { AskAction, AskModel } from "../../webview/state.ts";
import { phaseLine, progressLine } from "../../webview/texts.ts";
import { turnView, viewState } from "../support/viewStates.ts";

test("a question can be sent once there is a folder and a text, and not while one is answered", () => {
  assert.equal(canSend(after(typed("why?"))), false);
  assert.equal(canSend(after(shown({}), typed("  "))), false);
  assert.equal(canSend(after(shown({ folder: null }), typed("why?"))), false);
  assert.equal(canSend(after(shown({}), typed("why?"))), true);
  assert.equal(canSend(after(shown({ turns: [turnView({ phase: "reading" })] }), typed("why?"))), false);
});

test("a sent question empties the box, and nothing can be sent until the host has it", () => {
  const sent = after(shown({}), typed("why?"), { type: "questionSent" }, typed("and then?"));
  assert.equal(canSend(sent), false);
  const finished = [turnView({ askId: "1", phase: "done" })];
  assert.equal(canSend(reduce(sent, shown({}))), false);
  assert.equal(canSend(reduce(sent, shown({ turns: finished }))), true);
});

test("Stop is pending until the answer has ended", () => {
  const stopping = after(shown({ turns: [turnView({ phase: "writing" })] }), { type: "stopRequested" });
  assert.equal(progressLine(stopping), "Stopping…");
  const stopped = reduce(stopping, shown({ turns: [turnView({ phase: "done" })] }));
  assert.deepEqual([stopped.pending, isAnswering(stopped), progressLine(stopped)], ["none", false, ""]);
});

test("Stop without an answer under way changes nothing", () => {
  const idle = after(shown({}));
  assert.equal(reduce(idle, { type: "stopRequested" }), idle);
});

test("reading says how many tokens are read and how many were reused", () => {
  const model = after(
    shown({ turns: [turnView({ phase: "reading", progress: { done: 3120, total: 4096, reused: 2310 } })] }),
  );
  assert.equal(progressLine(model), "Reading 3,120 of 4,096 tokens, 2,310 reused");
  assert.equal(progressShare(model), 3120 / 4096);
});

test("every phase but the last has a line", () => {
  for (const phase of ["starting", "indexing", "ranking", "fitting", "reading", "writing"] as const) {
    assert.notEqual(progressLine(after(shown({ turns: [turnView({ phase })] }))), "", phase);
  }
});

test("earlier questions come back into the box, and the newest step empties it", () => {
  const turns = [turnView({ askId: "1", question: "first" }), turnView({ askId: "2", question: "second" })];
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

test("what is read out names the phase, without figures that change all the time", () => {
  const progress = { done: 1, total: 2, reused: 0 };
  const model = after(shown({ turns: [turnView({ phase: "reading", progress })] }));
  assert.equal(phaseLine(model), "Reading…");
});

test("new text goes behind the text that is there, and text that does not fit asks for the whole state", () => {
  const writing = after(shown({ turns: [turnView({ askId: "1", phase: "writing", text: "Because " })] }));
  const longer = reduce(writing, { type: "textReceived", askId: "1", at: 8, text: "so." });
  assert.deepEqual([longer.snapshot?.turns[0]?.text, longer.isStale], ["Because so.", false]);
  for (const missed of [
    { type: "textReceived", askId: "1", at: 12, text: "late" },
    { type: "textReceived", askId: "2", at: 8, text: "other" },
  ] as const) {
    const stale = reduce(writing, missed);
    assert.deepEqual([stale.snapshot?.turns[0]?.text, stale.isStale], ["Because ", true]);
    assert.equal(reduce(stale, shown({})).isStale, false);
  }
});

test("a turn that is known takes its own place, and another one comes behind the last", () => {
  const one = after(shown({ turns: [turnView({ askId: "1", phase: "reading" })] }));
  const done = reduce(one, { type: "turnReceived", turn: turnView({ askId: "1" }) });
  const next = reduce(done, { type: "turnReceived", turn: turnView({ askId: "2", phase: "reading" }) });
  const turnsOf = (model: AskModel) => model.snapshot?.turns.map(({ askId, phase }) => `${askId} ${phase}`);
  assert.deepEqual([turnsOf(done), turnsOf(next)], [["1 done"], ["1 done", "2 reading"]]);
});

test("an edited question takes the draft's place, which comes back when the edit is cancelled", () => {
  const turns = [turnView({ askId: "1", question: "first" }), turnView({ askId: "2", question: "second" })];
  const editing = after(shown({ turns }), typed("half a thought"), { type: "editRequested", askId: "1" });
  assert.deepEqual([editing.draft, editing.editing?.askId], ["first", "1"]);
  const other = reduce(editing, { type: "editRequested", askId: "2" });
  assert.deepEqual([other.draft, other.editing?.askId], ["second", "2"]);
  const cancelled = reduce(other, { type: "editCancelled" });
  assert.deepEqual([cancelled.draft, cancelled.editing], ["half a thought", null]);
  assert.equal(reduce(editing, { type: "questionSent" }).editing, null);
  assert.equal(reduce(editing, shown({ turns: [] })).editing, null);
});

test("typing a mention needs a search, whose places are offered, and older answers are not", () => {
  const typing = after(shown({}), typed("what of #file:val"));
  const search = neededSearch(typing);
  assert.deepEqual([search?.kind, search?.query], ["file", "val"]);
  const requestId = search?.requestId ?? 0;
  const place = { path: "src/valve.ts", startLine: 0, endLine: 0, name: "src/valve.ts", isExact: false };
  const late = reduce(typing, { type: "placesFound", requestId: requestId - 1, places: [place] });
  assert.deepEqual(late.suggesting?.items, []);
  const offered = reduce(typing, {
    type: "placesFound",
    requestId,
    places: [place, { ...place, path: "x", name: "x" }],
  });
  assert.deepEqual(
    offered.suggesting?.items.map(({ name }) => name),
    ["src/valve.ts", "x"],
  );
  const moved = reduce(offered, { type: "suggestionMoved", by: -1 });
  assert.equal(moved.suggesting?.active, 1);
  const taken = reduce(offered, { type: "suggestionAccepted", index: 0 });
  assert.deepEqual([taken.draft, taken.suggesting], ["what of #file:src/valve.ts ", null]);
  assert.equal(taken.caret, taken.draft.length);
  const closed = reduce(offered, { type: "suggestionsClosed" });
  const again = reduce(closed, typed("what of #file:valv"));
  assert.notEqual(neededSearch(again)?.requestId, requestId);
});

test("a kind of mention that is taken goes on with its places", () => {
  const model = reduce(after(shown({}), typed("#sy")), { type: "suggestionAccepted", index: 0 });
  assert.equal(model.draft, "#symbol:");
  assert.deepEqual(neededSearch(model)?.kind, "symbol");
});

test("messages of another version are not understood, on either side", () => {
  assert.equal(parseHostMessage({ type: "state", state: { turns: [] } }), null);
  assert.equal(parseHostMessage({ type: "reticulate" }), null);
  assert.equal(parseViewIntent({ type: "ask" }), null);
  assert.equal(parseViewIntent({ type: "openCitation", path: "a", startLine: -1, endLine: 2 }), null);
  assert.deepEqual(parseViewIntent({ type: "ask", question: "why?", from: null, extra: 1 }), {
    type: "ask",
    question: "why?",
    from: null,
  });
  const state = shown({ turns: [turnView({})] });
  assert.deepEqual(parseHostMessage({ type: "state", state: state.state }), { type: "state", state: state.state });
});

function after(...actions: readonly AskAction[]): AskModel {
  return actions.reduce(reduce, initialModel(""));
}

function typed(draft: string): AskAction {
  return { type: "draftChanged", draft, caret: draft.length };
}

function shown(state: Partial<ViewState>): AskAction & { type: "snapshotReceived" } {
  return { type: "snapshotReceived", state: viewState(state) };
}
