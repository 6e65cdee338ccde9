import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compressorNames, compressors } from "../../extension/pipeline/compress.ts";
import type { CompressRequest } from "../../extension/pipeline/compressRequest.ts";
import type { TokenCounter } from "../../extension/pipeline/ports.ts";
import { fenceFor, keptLines, renderUnit, unitLines } from "../../extension/pipeline/rendering.ts";
import { english, sentence } from "../../extension/protocol/sentence.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";
import { makeUnit } from "../support/memoryUnits.ts";
import { randomRanking, readRendered } from "../support/randomUnits.ts";

/** Not additive, like real tokenizers: a text's parts may take more tokens than the text. */
const counter: TokenCounter = {
  name: "four characters",
  count: (text) => Math.ceil(text.length / 4) + (/^\s/.test(text) ? 1 : 0),
};
const omission = (language: string) => (language === "python" ? "#" : "//");

function request(units: readonly Unit[], budgetTokens: number): CompressRequest {
  const ranked = units.map((unit, place): RankedUnit => ({ unit, score: 10 - place, reasons: [] }));
  return { ranked, counter, omission, budgetTokens };
}

const long = makeUnit({
  path: "src/long.ts",
  name: "long",
  signature: "function long(a: number)",
  startLine: 10,
  text: ["function long(a: number) {", ...Array.from({ length: 50 }, (_, line) => `  step(${line});`), "}"].join("\n"),
});
const short = makeUnit({ path: "src/a.ts", name: "short", startLine: 3, text: "const short = 1;" });
const box = makeUnit({
  path: "src/box.ts",
  name: "Box",
  kind: "class",
  signature: "class Box",
  text: "class Box {\n  open() {\n  shut() {\n}",
  ranges: [
    { startLine: 1, endLine: 2 },
    { startLine: 6, endLine: 6 },
    { startLine: 9, endLine: 9 },
  ],
});
const open = makeUnit({
  path: "src/box.ts",
  ordinal: 1,
  name: "open",
  kind: "method",
  signature: "  open()",
  startLine: 2,
  text: "  open() {\n    this.lid = 1;\n  }",
});

describe("every compressor", () => {
  for (const name of compressorNames) {
    test(`${name} keeps to the budget, in file order, each line once and as it is in the file`, () => {
      fc.assert(
        fc.property(randomRanking, fc.nat({ max: 1200 }), ({ files, ranked }, budgetTokens) => {
          const result = compressors[name]({ ranked, counter, omission, budgetTokens });
          assert.ok(result.tokensSent <= budgetTokens);
          assert.equal(
            result.tokensSent,
            result.kept.reduce((sum, kept) => sum + counter.count(kept.text), 0),
          );
          const seen = new Set<string>();
          let before = "";
          for (const kept of result.kept) {
            const read = readRendered(kept.text);
            assert.deepEqual(
              read.lines.map(({ number }) => number),
              kept.lines,
            );
            assert.equal(read.path, kept.ranked.unit.path);
            for (const { number, text } of read.lines) {
              const file = files.find((candidate) => candidate.path === read.path);
              assert.equal(text, file?.lines[number - 1]);
              assert.ok(!seen.has(`${read.path}:${number}`), `${read.path}:${number} twice`);
              seen.add(`${read.path}:${number}`);
            }
            const key = `${read.path}:${String(kept.ranked.unit.startLine).padStart(6, "0")}`;
            assert.ok(key >= before, `${key} after ${before}`);
            before = key;
          }
        }),
      );
    });

    test(`${name} either keeps a unit or says why not, and does the same again`, () => {
      fc.assert(
        fc.property(randomRanking, fc.nat({ max: 600 }), ({ ranked }, budgetTokens) => {
          const result = compressors[name]({ ranked, counter, omission, budgetTokens });
          const ids = [...result.kept.map((kept) => kept.ranked.unit.id), ...result.dropped.map(({ unit }) => unit.id)];
          assert.deepEqual(ids.toSorted(), ranked.map(({ unit }) => unit.id).toSorted());
          for (const { why, tokensRaw } of result.dropped) assert.ok(english(why) !== "" && tokensRaw > 0);
          for (const kept of result.kept) assert.ok(kept.tokensRaw >= kept.tokensSent);
          assert.deepEqual(compressors[name]({ ranked, counter, omission, budgetTokens }), result);
        }),
      );
    });

    test(`${name} leaves out lines that stand elsewhere already`, () => {
      const taken = new Map([[open.path, new Set([2, 3, 4])]]);
      const { kept, dropped } = compressors[name]({ ...request([open, box], 1000), taken });
      assert.ok(kept.every(({ lines }) => lines.every((line) => line < 2 || line > 4)));
      const left = dropped.find(({ unit }) => unit.id === open.id);
      assert.deepEqual(left?.why, sentence("its lines are in the prompt already"));
    });
  }
});

describe("compression", () => {
  test("by the knapsack keeps whole units while they fit and the declaration of one that does not", () => {
    const { kept, dropped } = compressors.knapsack(request([short, long], 40));
    assert.deepEqual(
      kept.map(({ fidelity, ranked }) => [ranked.unit.name, fidelity]),
      [
        ["short", "full"],
        ["long", "signature"],
      ],
    );
    assert.deepEqual(dropped, []);
    assert.equal(
      kept[1]?.text,
      "### src/long.ts:10-61\n```typescript\nfunction long(a: number) {\n    // ... lines 11-60\n}\n```\n\n",
    );
  });

  test("by the knapsack takes a large unit whole when there is room for it", () => {
    const whole = counter.count(renderUnit(long, unitLines(long), "//") ?? "");
    const small = counter.count(renderUnit(short, unitLines(short), "//") ?? "");
    const fidelities = (budget: number) =>
      compressors.knapsack(request([long, short], budget)).kept.map(({ fidelity }) => fidelity);
    assert.deepEqual(fidelities(whole + small), ["full", "full"]);
    assert.notDeepEqual(fidelities(whole + small - 1), ["full", "full"]);
  });

  test("by none drops what does not fit and says by how much", () => {
    const { kept, dropped } = compressors.none(request([long, short], 40));
    assert.deepEqual(
      kept.map(({ ranked }) => ranked.unit.name),
      ["short"],
    );
    const why = dropped.map((unit) => english(unit.why));
    assert.match(why[0] ?? "", /^needs (?:about )?\d+ tokens, 40 were left$/);
  });

  test("by signatures keeps declarations, and units without one as a whole", () => {
    const { kept } = compressors.signatures(request([long, short], 1000));
    assert.deepEqual(
      kept.map(({ fidelity }) => fidelity),
      ["full", "signature"],
    );
  });

  test("shows a method's lines in the method and not in its class", () => {
    const { kept } = compressors.none(request([box, open], 1000));
    assert.deepEqual(
      kept.map(({ ranked, lines }) => [ranked.unit.name, lines]),
      [
        ["Box", [1, 6, 9]],
        ["open", [2, 3, 4]],
      ],
    );
    assert.match(kept[0]?.text ?? "", /class Box \{\n {4}\/\/ \.\.\. lines 2-5\n {2}shut\(\) \{\n/);
  });

  test("puts a statement into a Python body that is left out", () => {
    const unit = makeUnit({
      path: "a.py",
      name: "run",
      language: "python",
      signature: "def run(self):",
      text: "def run(self):\n    a = 1\n    return a",
    });
    assert.match(
      renderUnit(unit, keptLines(unit, "signature"), "#") ?? "",
      /\ndef run\(self\):\n {4}\.\.\. {2}# lines 2-3\n/,
    );
  });

  test("closes a declaration only with its own last line", () => {
    const unit = makeUnit({
      path: "a.py",
      name: "run",
      language: "python",
      signature: "def run(self):",
      text: "def run(self):\n    call(\n        1\n    )",
    });
    const text = renderUnit(unit, keptLines(unit, "signature"), "#");
    assert.ok(text?.endsWith("def run(self):\n    ...  # lines 2-4\n```\n\n"), text ?? "");
  });

  test("keeps a short comment before a declaration", () => {
    const unit = makeUnit({
      path: "a.ts",
      name: "run",
      signature: "function run()",
      text: "/** Runs. */\nexport function run() {\n  return 1;\n}",
    });
    assert.match(
      renderUnit(unit, keptLines(unit, "signature"), "//") ?? "",
      /\n\/\*\* Runs\. \*\/\nexport function run\(\) \{\n/,
    );
  });

  test("fences code with more backticks than it contains", () => {
    assert.equal(fenceFor("a"), "```");
    assert.equal(fenceFor("`````"), "``````");
  });
});
