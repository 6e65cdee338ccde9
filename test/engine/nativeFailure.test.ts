import assert from "node:assert/strict";
import { test } from "node:test";
import { nativeFailure } from "../../extension/engine/nativeFailure.ts";
import { Failure } from "../../extension/protocol/failure.ts";

test("an error of the addon becomes the failure of its code and keeps what the addon said", () => {
  const error = Object.assign(new Error("needs 9 GB"), { code: "NATIVE_OUT_OF_MEMORY" });
  const failure = nativeFailure(error);
  assert.equal(failure.code, "outOfMemory");
  assert.equal(failure.detail, "needs 9 GB");
  assert.equal(failure.cause, error);
});

test("failures stay what they are, and anything else is internal", () => {
  const failure = new Failure("contextFull");
  assert.equal(nativeFailure(failure), failure);
  assert.equal(nativeFailure(Object.assign(new Error("no"), { code: "NATIVE_SOMETHING_NEW" })).code, "internal");
  assert.equal(nativeFailure(Object.assign(new Error("no"), { code: "toString" })).code, "internal");
  assert.equal(nativeFailure("thrown text").code, "internal");
});
