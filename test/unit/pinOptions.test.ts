import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDrop, parsePin } from "../../extension/cli/pinOptions.ts";

test("a pin is a file, a line or lines", () => {
  const place = (text: string) => {
    const pin = parsePin(text);
    return pin === null ? null : [pin.path, pin.startLine, pin.endLine];
  };
  assert.deepEqual(place("src/a.ts"), ["src/a.ts", 0, 0]);
  assert.deepEqual(place("src/a.ts:7"), ["src/a.ts", 7, 7]);
  assert.deepEqual(place(".\\src\\a.ts:7-12"), ["src/a.ts", 7, 12]);
  assert.deepEqual(place("src/a.ts:12-7"), ["src/a.ts", 12, 12]);
  assert.deepEqual([place(""), place("src/a.ts:0")], [null, null]);
});

test("a drop is a unit of a file", () => {
  assert.deepEqual(parseDrop("src/a.ts#Box.open"), { path: "src/a.ts", qualifiedName: "Box.open" });
  assert.deepEqual(parseDrop("c#/a.ts#open"), { path: "c#/a.ts", qualifiedName: "open" });
  assert.deepEqual([parseDrop("src/a.ts"), parseDrop("#open"), parseDrop("src/a.ts#")], [null, null, null]);
});
