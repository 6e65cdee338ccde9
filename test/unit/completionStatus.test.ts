import assert from "node:assert/strict";
import { test } from "node:test";
import { completionLabel, completionStatus } from "../../extension/host/completionStatus.ts";
import type { SuggestionOutcome, SuggestionRecord } from "../../extension/host/completer.ts";
import { nothingReasons } from "../../extension/protocol/complete.ts";
import { Failure, failureSentences } from "../../extension/protocol/failure.ts";
import { completionOf, noCompletion } from "../support/completions.ts";

const document = { languageId: "typescript", isEnabled: true };
const idle = { isThinking: false, answeredMs: null, last: null };

test("without an editor there is nothing to say", () => {
  assert.deepEqual(completionLabel(completionStatus(idle, null)), { text: "", sentence: "" });
});

test("it is off where the settings say so, also while something is asked for elsewhere", () => {
  const status = completionStatus({ ...idle, isThinking: true }, { ...document, isEnabled: false });
  assert.equal(completionLabel(status).sentence, "Completion: off for typescript");
});

test("it is thinking while the engine is asked, and says then how long the answer took", () => {
  assert.equal(
    completionLabel(completionStatus({ ...idle, isThinking: true }, document)).sentence,
    "Completion: thinking",
  );
  assert.equal(completionLabel(completionStatus(idle, document)).sentence, "Completion: ready");
  const label = completionLabel(completionStatus({ ...idle, answeredMs: 83.6 }, document));
  assert.deepEqual(label, { text: " 84 ms", sentence: "Completion: ready, the last answer took 84 ms" });
});

test("a failure and a missing model are told; other reasons for no suggestion are no problem", () => {
  const failed = { kind: "failed", failure: new Failure("modelMissing") } as const;
  assert.equal(sentenceAfter(failed), `Completion: ${failureSentences.modelMissing}`);
  assert.equal(sentenceAfter(nothing("noModel")), `Completion: ${nothingReasons.noModel}`);
  assert.equal(sentenceAfter(nothing("unsure")), "Completion: ready");
  assert.equal(sentenceAfter({ kind: "suggested", text: "x", completion: completionOf("x") }), "Completion: ready");
});

function sentenceAfter(outcome: SuggestionOutcome): string {
  const place = { name: "a.ts", line: 1, column: 1 };
  const last: SuggestionRecord = { place, outcome, isCached: false, typed: 0, waitedMs: 0, ms: 1 };
  return completionLabel(completionStatus({ ...idle, last }, document)).sentence;
}

function nothing(reason: Parameters<typeof noCompletion>[0]): SuggestionOutcome {
  return { kind: "nothing", completion: noCompletion(reason) };
}
