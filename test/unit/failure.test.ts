import assert from "node:assert/strict";
import test from "node:test";
import { Failure, failureSentences, isFailureCode, toFailure } from "../../extension/protocol/failure.ts";

test("every failure code has a sentence that ends with a full stop", () => {
  for (const [code, sentence] of Object.entries(failureSentences)) {
    assert.match(sentence, /^[A-Z].{3,}\.$/, code);
  }
});

test("a failure's message is its sentence, with the detail in brackets", () => {
  assert.equal(new Failure("questionEmpty").message, failureSentences.questionEmpty);
  assert.equal(new Failure("modelMissing", "a.gguf").message, `${failureSentences.modelMissing} (a.gguf)`);
});

test("whatever is thrown becomes a failure with a code of the list", () => {
  const failure = new Failure("diskFull");
  assert.equal(toFailure(failure), failure);
  assert.equal(toFailure(new TypeError("x")).code, "internal");
  assert.equal(toFailure("text").code, "internal");
  assert.equal(toFailure(AbortSignal.abort().reason).code, "cancelled");
});

test("only own names of the list are codes", () => {
  assert.ok(isFailureCode("diskFull"));
  assert.ok(!isFailureCode("toString"));
  assert.ok(!isFailureCode(7));
});
