import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lineRanges, sourceLines, textOfRanges } from "../../extension/pipeline/parseLines.ts";
import { splitRows, unitLinesMax } from "../../extension/pipeline/parseSplit.ts";

test("line ends of all kinds and a byte order mark are normalised", () => {
  const source = sourceLines("\uFEFFa\r\nb\rc\n");
  assert.equal(source.text, "a\nb\nc\n");
  assert.deepEqual(source.lines, ["a", "b", "c"]);
});

test("rowOf is the inverse of startOf for every index", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "\n", "😀", "é"), maxLength: 60 }), (text) => {
      const source = sourceLines(text);
      for (let index = 0; index < text.length; index += 1) {
        const row = source.rowOf(index);
        assert.equal(row, text.slice(0, index).split("\n").length - 1);
        assert.ok(source.startOf(row) <= index);
      }
    }),
  );
});

test("ranges lose blank lines at their ends and blank ranges", () => {
  const source = sourceLines("\na\n\nb\n\n\nc\n");
  const ranges = lineRanges([0, 1, 2, 3, 4, 6], source);
  assert.deepEqual(ranges, [
    { startLine: 2, endLine: 4 },
    { startLine: 7, endLine: 7 },
  ]);
  assert.equal(textOfRanges(ranges, source), "a\n\nb\nc");
  assert.deepEqual(lineRanges([0, 2], source), []);
});

test("parts keep all rows in order and none is longer than allowed", () => {
  const rowLists = fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 700 });
  fc.assert(
    fc.property(rowLists, fc.array(fc.nat(900)), fc.integer({ min: 4, max: 200 }), (picked, points, linesMax) => {
      const rows = [...new Set(picked)].sort((a, b) => a - b);
      const source = sourceLines(
        Array.from({ length: 901 }, (_, i) => (i % 7 === 0 ? "" : "  ".repeat(i % 4) + "x")).join("\n"),
      );
      const parts = splitRows(rows, new Set(points), source, linesMax);
      assert.deepEqual(parts.flat(), rows);
      for (const part of parts) assert.ok(part.length > 0 && part.length <= linesMax);
    }),
    { numRuns: 60 },
  );
});

test("a long run is cut where syntax starts at the lowest indentation", () => {
  const lines = Array.from({ length: 150 }, (_, row) => (row === 70 ? "statement" : "    deep"));
  const rows = lines.map((_, row) => row);
  const parts = splitRows(rows, new Set([60, 70, 80]), sourceLines(lines.join("\n")));
  assert.deepEqual(
    parts.map((part) => part[0]),
    [0, 70],
  );
  assert.ok(rows.length > unitLinesMax);
});
