import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TextStream } from "../../extension/engine/textStream.ts";

test("a character split over tokens comes out whole", () => {
  const stream = new TextStream([]);
  const bytes = new TextEncoder().encode("é🎉");
  const deltas = [...bytes].map((byte) => stream.push(Uint8Array.of(byte)));
  assert.deepEqual(deltas, ["", "é", "", "", "", "🎉"]);
});

test("an unfinished character at the end is dropped", () => {
  const stream = new TextStream([]);
  assert.equal(stream.push(new TextEncoder().encode("ok🎉").slice(0, 4)) + stream.end(), "ok");
});

test("a stop string split over tokens never shows, not even its beginning", () => {
  const stream = new TextStream(["<|end|>"]);
  const deltas = ["yes <", "|e", "nd|", "> no"].map((text) => stream.push(new TextEncoder().encode(text)));
  assert.deepEqual(deltas, ["yes ", "", "", ""]);
  assert.equal(stream.stopped, true);
  assert.equal(stream.end(), "");
});

test("what only looked like a stop string comes out after all", () => {
  const stream = new TextStream(["</s>"]);
  const deltas = ["a </", "b>"].map((text) => stream.push(new TextEncoder().encode(text)));
  assert.deepEqual(deltas, ["a ", "</b>"]);
  const held = new TextStream(["</s>"]);
  assert.equal(held.push(new TextEncoder().encode("a </")), "a ");
  assert.equal(held.end(), "</");
});

test("however the bytes are cut, the text is the one before the first stop string", () => {
  const alphabet = fc.string({ unit: fc.constantFrom("a", "b", "é", "🎉", "<", ">"), maxLength: 30 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "<", ">", "🎉"), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(
      alphabet,
      stops,
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
      (text, stopStrings, cuts) => {
        const stream = new TextStream(stopStrings);
        const bytes = new TextEncoder().encode(text);
        let shown = "";
        for (let from = 0, turn = 0; from < bytes.length && !stream.stopped; turn++) {
          const length = cuts[turn % cuts.length] ?? 1;
          shown += stream.push(bytes.subarray(from, from + length));
          from += length;
        }
        const stopped = stream.stopped;
        shown += stream.end();
        const first = Math.min(...stopStrings.map((stop) => text.indexOf(stop)).filter((at) => at !== -1), text.length);
        assert.equal(stopped, first < text.length);
        // Of several stop strings, the one that is complete first counts, even where another began before it.
        if (stopped) assert.ok(text.startsWith(shown) && stopStrings.every((stop) => !shown.includes(stop)));
        else assert.equal(shown, text);
      },
    ),
  );
});
