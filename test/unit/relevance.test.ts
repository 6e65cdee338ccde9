import assert from "node:assert/strict";
import { test } from "node:test";
import { relevanceTo, tellingReasons } from "../../extension/pipeline/relevance.ts";
import { sentence } from "../../extension/protocol/sentence.ts";
import type { Sentence } from "../../extension/protocol/sentence.ts";
import { makeUnit } from "../support/memoryUnits.ts";

const unit = makeUnit({ path: "src/valve.ts", name: "open", text: "function open() { turn(); }" });

function isRelevant(question: string, ...reasons: readonly Sentence[]): boolean {
  return relevanceTo(question)({ unit, score: 1, reasons });
}

test("a unit that shares a word with the question is relevant, in any form of the word", () => {
  assert.ok(isRelevant("where is the valve?"));
  assert.ok(isRelevant("what turned?"));
  assert.ok(!isRelevant("where is the greenhouse?", sentence("used by {0} files", 3)));
});

test("without a shared word, what the question names and what is close to it in meaning is relevant", () => {
  assert.ok(isRelevant("where is the greenhouse?", sentence(tellingReasons.definition, "open")));
  assert.ok(
    isRelevant("where is the greenhouse?", sentence("name matches"), sentence(tellingReasons.closeness, "0.4")),
  );
});
