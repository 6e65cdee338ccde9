import assert from "node:assert/strict";
import { test } from "node:test";
import { draftAfter } from "../../extension/pipeline/promptLookup.ts";

test("a draft is what followed the last place that ends with the same tokens", () => {
  assert.deepEqual(draftAfter([1, 2, 3, 4, 5, 6, 1, 2, 3], 2), [4, 5]);
  assert.deepEqual(draftAfter([1, 2, 3, 4, 9, 1, 2, 3, 5, 9, 1, 2, 3], 2), [5, 9]);
});

test("a draft goes no further than what there is, and may overlap with what it follows", () => {
  assert.deepEqual(draftAfter([7, 7, 7, 7, 7], 4), [7]);
  assert.deepEqual(draftAfter([1, 2, 1, 2, 1, 2], 9), [1, 2]);
});

test("without an earlier place, with too few tokens, and where none is wanted there is no draft", () => {
  for (const tokens of [[], [1], [1, 2, 3], [1, 2, 3, 4, 5]]) assert.deepEqual(draftAfter(tokens, 4), []);
  assert.deepEqual(draftAfter([1, 2, 3, 4, 1, 2, 3], 0), []);
});
