import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pins, pinsOf } from "../../extension/host/pins.ts";
import type { PinnedPlace } from "../../extension/protocol/engine.ts";
import { choicesMax, noChoices, parseChoices } from "../../extension/protocol/personChoices.ts";

const open = { path: "src/box.ts", qualifiedName: "Box.open" };
const pinOfOpen: PinnedPlace = { ...open, startLine: 4, endLine: 8, why: "pinned" };
const lines: PinnedPlace = { path: "src/box.ts", startLine: 6, endLine: 6, why: "pinned" };
const file: PinnedPlace = { path: "src/lid.ts", startLine: 0, endLine: 0, why: "pinned" };

function setUp(folder: string | null = "/greenhouse") {
  const stored = new Map<string, unknown>();
  const store = {
    get: (key: string) => stored.get(key),
    update: (key: string, value: unknown) => {
      // As a store that is written to disk would.
      stored.set(key, JSON.parse(JSON.stringify(value)));
      return Promise.resolve();
    },
  };
  const state = { folder };
  const pins = () => new Pins({ store, folder: () => state.folder });
  return { stored, state, pins, now: pins() };
}

test("pins and drops are kept for the folder that they were made in, also by the next window", () => {
  const { state, pins, now } = setUp();
  assert.ok(now.pin(pinOfOpen) && now.pin(file) && now.drop({ path: "src/a.ts", qualifiedName: "a" }));
  assert.deepEqual(pins().choices, {
    pinned: [pinOfOpen, file],
    dropped: [{ path: "src/a.ts", qualifiedName: "a" }],
  });
  state.folder = "/elsewhere";
  assert.deepEqual(now.choices, noChoices);
  state.folder = null;
  assert.deepEqual([now.pin(file), now.drop(open), now.choices], [false, false, noChoices]);
});

test("a unit is pinned or taken out, never both: what was said last counts", () => {
  const { now } = setUp();
  now.pin(pinOfOpen);
  now.pin(lines);
  now.drop({ ...open });
  assert.deepEqual([now.pinned, now.dropped], [[lines], [open]]);
  now.pin(pinOfOpen);
  assert.deepEqual([now.pinned, now.dropped], [[lines, pinOfOpen], []]);
});

test("a place is pinned once, wherever its lines are now, and comes off again", () => {
  const { now } = setUp();
  now.pin(pinOfOpen);
  now.pin({ ...pinOfOpen, startLine: 14, endLine: 18 });
  assert.deepEqual(
    now.pinned.map(({ startLine }) => startLine),
    [14],
  );
  now.unpin(pinOfOpen);
  now.drop(open);
  now.takeBack(open);
  assert.deepEqual(now.choices, noChoices);
});

test("there is a most, and the last one too many is refused", () => {
  const { now } = setUp();
  const pinned = Array.from({ length: choicesMax.pinned + 1 }, (_, at) => now.pin({ ...file, path: `${at}.ts` }));
  assert.deepEqual([pinned.indexOf(false), now.pinned.length], [choicesMax.pinned, choicesMax.pinned]);
  assert.ok(now.pin({ ...file, path: "0.ts" }), "what is pinned already can be pinned again");
});

test("whoever listens hears of each change, and of none after the end", () => {
  const { now } = setUp();
  const heard: number[] = [];
  now.onChanged(({ pinned }) => heard.push(pinned.length));
  now.pin(file);
  now.clear();
  now.dispose();
  now.pin(file);
  assert.deepEqual(heard, [1, 0]);
});

test("the pins of a unit are those on its name, its file, and its lines", () => {
  const unit = { ...open, startLine: 4, endLine: 8 };
  const whole: PinnedPlace = { path: "src/box.ts", startLine: 0, endLine: 0, why: "pinned" };
  const behind: PinnedPlace = { ...lines, startLine: 9, endLine: 12 };
  const other: PinnedPlace = { ...pinOfOpen, qualifiedName: "Box.shut" };
  assert.deepEqual(pinsOf(unit, [pinOfOpen, lines, file, whole, behind, other]), [pinOfOpen, lines, whole]);
});

test("what was stored by another version, or by anyone else, is nothing", () => {
  for (const value of [undefined, null, [], { pinned: [] }, { pinned: [{ path: 1 }], dropped: [] }]) {
    assert.deepEqual(parseChoices(value), noChoices);
  }
  fc.assert(fc.property(fc.anything(), (value) => parseChoices(value).pinned.length <= choicesMax.pinned));
});
