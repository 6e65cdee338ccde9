import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenCounter } from "../../extension/pipeline/ports.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";
import type { CompressRepository } from "../bench/compressCases.ts";
import { recallOf } from "../bench/compressRecall.ts";
import { compareRows, measureRow, type CompressTools } from "../bench/compressRows.ts";
import { makeUnit } from "../support/memoryUnits.ts";

const first = makeUnit({
  path: "a.ts",
  name: "first",
  startLine: 1,
  text: "function first() {\n  one();\n  two();\n}",
});
const second = makeUnit({ path: "a.ts", ordinal: 1, name: "second", startLine: 11, text: "function second() {\n}" });
const other = makeUnit({ path: "b.ts", name: "other", startLine: 1, text: "function other() {\n}" });
const unitsOfFile = (path: string): readonly Unit[] => [first, second, other].filter((unit) => unit.path === path);
const ranked = (unit: Unit): RankedUnit => ({ unit, score: 1, reasons: [] });

test("recall counts functions, places with one line shown, their lines, files and targets", () => {
  const kept = [{ ranked: ranked(first), lines: [1, 4] }];
  const targets = [
    { path: "a.ts", lines: { startLine: 3, endLine: 4 } },
    { path: "a.ts", lines: { startLine: 11, endLine: 12 } },
    { path: "b.ts", lines: null },
  ];
  assert.deepEqual(recallOf(kept, targets, unitsOfFile), {
    functions: 1 / 2,
    spans: 1 / 2,
    lines: 1 / 4,
    files: 1 / 2,
    targets: 1 / 3,
  });
  assert.deepEqual(recallOf(kept, [{ path: "a.ts", lines: null }], unitsOfFile), {
    functions: null,
    spans: null,
    lines: null,
    files: 1,
    targets: 1,
  });
});

const counter: TokenCounter = { name: "characters", count: (text) => text.length };
const tools: CompressTools = { counter, grammarOf: () => null, omission: () => "//" };
const repository: CompressRepository = {
  name: "r",
  cases: [
    {
      question: "what does first do",
      answer: "",
      targets: [{ path: "a.ts", lines: { startLine: 11, endLine: 12 } }],
      ranked: [ranked(first), ranked(second)],
    },
  ],
  unitsOfFile,
};

test("a row holds recall, tokens and units; two rows are compared question by question", () => {
  const small = measureRow({ row: "none", compressor: "none", budgetTokens: 90 }, [repository], tools);
  const large = measureRow({ row: "none", compressor: "none", budgetTokens: 500 }, [repository], tools);
  assert.deepEqual([small.recall.spans, large.recall.spans], [0, 1]);
  assert.deepEqual([small.units, large.units, large.overBudget], [1, 2, 0]);
  assert.ok(small.tokens <= 90 && large.tokens > small.tokens);
  const [spans] = compareRows(large, small, ["spans"]);
  assert.equal(spans?.questions.mean, 1);
});
