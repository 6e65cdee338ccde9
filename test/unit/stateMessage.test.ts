import assert from "node:assert/strict";
import { test } from "node:test";
import { stateMessage } from "../../extension/host/stateMessage.ts";
import type { TurnView, ViewState } from "../../extension/protocol/view.ts";
import { initialModel, reduce } from "../../webview/state.ts";
import { turnView, viewState } from "../support/viewStates.ts";

const history: ViewState["history"] = [];
const done = turnView({ askId: "1", text: "Because." });
const writing = turnView({ askId: "2", phase: "writing", text: "By " });

test("while an answer is written, only its new text is sent", () => {
  const message = stateMessage(of(done, writing), of(done, { ...writing, text: "By rain." }));
  assert.deepEqual(message, { type: "text", askId: "2", at: 3, text: "rain." });
});

test("nothing is sent where nothing changed, and everything to a view that knows nothing", () => {
  assert.equal(stateMessage(of(done, writing), of(done, writing)), null);
  assert.equal(stateMessage(of(), of()), null);
  assert.deepEqual(stateMessage(null, of()), { type: "state", state: of() });
});

const changes: readonly (readonly [string, ViewState, ViewState, "state" | "turn" | "text"])[] = [
  ["a first question", of(), of(writing), "turn"],
  ["another question", of(done), of(done, writing), "turn"],
  ["a phase", of(done, writing), of(done, { ...writing, phase: "reading" }), "turn"],
  ["an answer that is complete", of(writing), of({ ...writing, phase: "done", text: "By rain." }), "turn"],
  ["an answer that is another one", of(writing), of({ ...writing, text: "No" }), "turn"],
  ["an edited question", of(done, turnView({ askId: "3" })), of({ ...writing, askId: "4" }), "state"],
  ["a retried answer", of(done, turnView({ askId: "3" })), of(done, writing), "state"],
  ["a conversation that is left", of(done), of(), "state"],
  ["an earlier turn", of(done, writing), of({ ...done }, writing), "state"],
  ["a notice", of(done), { ...of(done), notice: { sentence: "No.", detail: "", action: "none" } }, "state"],
  ["the list of conversations", of(done), { ...of(done), history: [] }, "state"],
];
for (const [what, before, after, type] of changes) {
  test(`${what} is sent as ${type}, and the view then knows what the host knows`, () => {
    const message = stateMessage(before, after);
    assert.equal(message?.type, type);
    const known = reduce(initialModel(""), { type: "snapshotReceived", state: before });
    const model =
      message.type === "state"
        ? reduce(known, { type: "snapshotReceived", state: message.state })
        : message.type === "turn"
          ? reduce(known, { type: "turnReceived", turn: message.turn })
          : assert.fail("text");
    assert.deepEqual(model.snapshot, after);
  });
}

function of(...turns: readonly TurnView[]): ViewState {
  return viewState({ turns, history });
}
