import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isCompressible,
  isExact,
  isStorable,
  linkOf,
  linkTokens,
  recipeName,
  segmentKey,
} from "../../extension/engine/kvSegments.ts";
import type { KvRecipe, TokenSegment } from "../../extension/engine/kvSegments.ts";
import type { PromptSegmentKind } from "../../extension/pipeline/promptSegments.ts";

const half: KvRecipe = { evictor: "kvzip", keepRatio: 0.5 };
const whole: KvRecipe = { evictor: "kvzip", keepRatio: 1 };

interface Part {
  readonly kind: PromptSegmentKind;
  /** The segment's tokens are this number, again and again. */
  readonly token: number;
  readonly length: number;
}

const parts: readonly Part[] = [
  { kind: "instructions", token: 1, length: 50 },
  { kind: "digest", token: 2, length: 60 },
  { kind: "loose", token: 3, length: 5 },
  { kind: "unit", token: 4, length: 100 },
  { kind: "unit", token: 5, length: 100 },
  { kind: "loose", token: 6, length: 20 },
];

test("a unit's key depends on its tokens, the prompt's prefix and the recipe, not on where it stands", () => {
  const key = keyOf(parts, 4, half);
  const [instructions, digest, heading, one, other, question] = parts;
  assert.ok(instructions && digest && heading && one && other && question);
  assert.equal(keyOf([instructions, digest, heading, other, one, question], 3, half), key);
  assert.equal(keyOf([instructions, digest, other], 2, half), key);
  const different = [
    keyOf([instructions, digest, heading, { ...other, token: 7 }], 3, half),
    keyOf([instructions, { ...digest, token: 7 }, heading, other], 3, half),
    keyOf([{ ...instructions, length: 51 }, digest, heading, other], 3, half),
    keyOf(parts, 4, { ...half, keepRatio: 0.33 }),
    keyOf(parts, 4, { ...half, evictor: "snapkv" }),
    keyOf(parts, 4, whole),
  ];
  assert.equal(new Set([key, ...different]).size, different.length + 1);
});

test("the digest's key depends on what comes before it; instructions are the same under every recipe that compresses", () => {
  const [instructions, digest] = parts;
  assert.ok(instructions && digest);
  assert.notEqual(keyOf([{ ...instructions, token: 9 }, digest], 1, half), keyOf(parts, 1, half));
  assert.equal(keyOf(parts, 0, half), keyOf(parts, 0, { evictor: "snapkv", keepRatio: 0.25 }));
});

test("an exact recipe finds a segment behind exactly the same tokens only, in its own KV type", () => {
  const [instructions, digest, heading, one, other] = parts;
  assert.ok(instructions && digest && heading && one && other);
  const key = keyOf(parts, 4, whole);
  assert.equal(keyOf([...parts.slice(0, 5), { kind: "loose", token: 8, length: 3 }], 4, whole), key);
  assert.notEqual(keyOf([instructions, digest, heading, other], 3, whole), key);
  assert.notEqual(keyOf(parts, 4, whole, "q8_0"), key);
  assert.equal(keyOf(parts, 4, { evictor: "none", keepRatio: 0.5 }), key);
  assert.deepEqual([isExact(half), isExact(whole), isExact({ evictor: "none", keepRatio: 0.5 })], [false, true, true]);
  assert.deepEqual([recipeName(half), recipeName(whole)], ["kvzip 0.5", "whole"]);
});

test("instructions stay whole, short units are read again, and links belong to units that may stand elsewhere", () => {
  const segment = (kind: PromptSegmentKind, tokens: number): TokenSegment => ({
    kind,
    from: 10,
    to: 10 + tokens,
    label: "",
  });
  assert.equal(isCompressible(segment("unit", 100), half), true);
  assert.equal(isCompressible(segment("unit", 100), whole), false);
  assert.equal(isCompressible(segment("digest", 100), half), true);
  assert.equal(isCompressible(segment("digest", 8), half), false, "there is nothing to leave out");
  assert.equal(isCompressible(segment("instructions", 100), half), false);
  assert.deepEqual(
    [segment("unit", 20), segment("unit", 32), segment("instructions", 9), segment("loose", 99)].map(isStorable),
    [false, true, true, false],
  );
  assert.deepEqual(
    (["unit", "digest", "instructions"] as const).map((kind) => linkOf(segment(kind, 99), half)),
    [linkTokens, 0, 0],
  );
  assert.equal(linkOf(segment("unit", 99), whole), 0);
});

function keyOf(chosen: readonly Part[], at: number, recipe: KvRecipe, contextType: "f16" | "q8_0" = "f16"): string {
  const segments: TokenSegment[] = [];
  for (const { kind, length } of chosen) {
    const from = segments.at(-1)?.to ?? 0;
    segments.push({ kind, from, to: from + length, label: "" });
  }
  const tokens = Int32Array.from(chosen.flatMap(({ token, length }) => Array<number>(length).fill(token)));
  const segment = segments[at];
  assert.ok(segment);
  return segmentKey(segment, { tokens, segments }, { recipe, contextType });
}
