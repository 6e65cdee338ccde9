import assert from "node:assert/strict";
import { test } from "node:test";
import { isCharacterBoundary } from "../../extension/pipeline/characterBoundary.ts";

const inside = [
  ["between the halves of a surrogate pair", "x = '\ud83d", "\ude00'"],
  ["in front of a combining mark", "const cafe", "\u0301 = 1"],
  ["in front of a joiner", "👩", "\u200d💻"],
  ["behind a joiner", "👩\u200d", "💻"],
  ["in front of a skin tone", "👍", "🏽"],
  ["within a flag", "🇫", "🇷"],
] as const;

for (const [where, before, after] of inside) {
  test(`a cursor ${where} is inside a character`, () => {
    assert.equal(isCharacterBoundary(before, after), false);
  });
}

test("a cursor at either end, in a word, at a line's end, between emoji and behind a combining mark is between characters", () => {
  const between = [
    ["", "\u0301"],
    ["a", ""],
    ["ab", "cd"],
    ["a\n", "\n"],
    ["a", "\n"],
    ["👩", "💻"],
    ["e\u0301", "a"],
    [`${"x".repeat(500)} `, "👩\u200d💻".repeat(100)],
  ] as const;
  for (const [before, after] of between) assert.equal(isCharacterBoundary(before, after), true, `${before}|${after}`);
});
