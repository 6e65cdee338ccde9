import assert from "node:assert/strict";
import { test } from "node:test";
import { isTakenOut, pinnedCode } from "../../extension/pipeline/pinnedCode.ts";
import type { PinnedPlace } from "../../extension/protocol/engine.ts";
import { english } from "../../extension/protocol/sentence.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { makeUnit } from "../support/memoryUnits.ts";

const box = makeUnit({
  path: "src/box.ts",
  name: "Box",
  kind: "class",
  text: "class Box {\n  open() {\n}",
  ranges: [
    { startLine: 3, endLine: 4 },
    { startLine: 9, endLine: 9 },
  ],
});
const open = makeUnit({
  path: "src/box.ts",
  ordinal: 1,
  name: "open",
  qualifiedName: "Box.open",
  kind: "method",
  startLine: 4,
  text: "  open() {\n    a();\n    b();\n    c();\n  }",
});
const shut = makeUnit({ path: "src/box.ts", ordinal: 2, name: "shut", startLine: 12, text: "function shut() {}" });
const files: Readonly<Record<string, readonly Unit[]>> = { "src/box.ts": [box, open, shut] };

function pinned(...places: readonly Partial<PinnedPlace>[]) {
  const whole = places.map((place): PinnedPlace => ({
    path: "src/box.ts",
    startLine: 0,
    endLine: 0,
    why: "pinned",
    ...place,
  }));
  return pinnedCode(whole, (path) => files[path] ?? []);
}

function names(...places: readonly Partial<PinnedPlace>[]): string[] {
  return pinned(...places).units.map(({ unit }) => unit.qualifiedName);
}

test("a whole file is all of its units", () => {
  assert.deepEqual(names({}), ["Box", "Box.open", "shut"]);
});

test("lines are the smallest units that hold them", () => {
  assert.deepEqual(names({ startLine: 6, endLine: 6 }), ["Box.open"]);
  assert.deepEqual(names({ startLine: 4, endLine: 5 }), ["Box.open"], "the class holds line 4, too");
  assert.deepEqual(names({ startLine: 3, endLine: 5 }), ["Box", "Box.open"]);
  assert.deepEqual(names({ startLine: 9, endLine: 12 }), ["Box", "shut"]);
});

test("a unit pinned by name is found where its lines have moved, and by its lines where the name is gone", () => {
  assert.deepEqual(names({ startLine: 40, endLine: 44, qualifiedName: "Box.open" }), ["Box.open"]);
  assert.deepEqual(names({ startLine: 12, endLine: 12, qualifiedName: "Box.close" }), ["shut"]);
});

test("each unit is pinned once, with the first reason, in the order of the places", () => {
  const { units } = pinned({ startLine: 12, endLine: 12, why: "mentioned" }, { startLine: 0, endLine: 0 });
  assert.deepEqual(
    units.map(({ unit, why }) => [unit.name, why]),
    [
      ["shut", "mentioned"],
      ["Box", "pinned"],
      ["open", "pinned"],
    ],
  );
});

test("a place without code is told with its reason, and costs nothing", () => {
  const { missing } = pinned({ startLine: 10, endLine: 11 }, { path: "src/none.ts", startLine: 2, endLine: 3 });
  assert.deepEqual(
    missing.map(({ unit, tokensRaw, why }) => [unit.path, unit.startLine, tokensRaw, english(why)]),
    [
      ["src/box.ts", 10, 0, "no code stands at these lines"],
      ["src/none.ts", 2, 0, "the file is not indexed, so it cannot be sent"],
    ],
  );
});

test("a place that was pinned by a name that is gone is told by that name, so that it can be unpinned", () => {
  const { missing } = pinned({ path: "src/none.ts", startLine: 2, endLine: 3, qualifiedName: "Box.lock" });
  assert.deepEqual(
    missing.map(({ unit }) => unit.qualifiedName),
    ["Box.lock"],
  );
});

test("units are taken out by path and name", () => {
  const isOut = isTakenOut([{ path: "src/box.ts", qualifiedName: "Box.open" }]);
  assert.deepEqual([box, open, { ...open, path: "src/other.ts" }].map(isOut), [false, true, false]);
});
