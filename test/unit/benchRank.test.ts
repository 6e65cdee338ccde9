import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Feature, type Featured, type FeatureRow, featureNames } from "../../extension/pipeline/rankFeatures.ts";
import { chooseNeedles, findCalls } from "../bench/callNeedles.ts";
import { changedLines } from "../bench/commitNeedles.ts";
import { fitQuestion, fitWeights } from "../bench/fitWeights.ts";
import { recallAmongFirst, reciprocalRank } from "../bench/ndcg.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import { makeUnit } from "../support/memoryUnits.ts";

function candidate(path: string, ordinal: number, values: Partial<Record<Feature, number>>): Featured {
  const zeros = Object.fromEntries(featureNames.map((name) => [name, 0])) as Record<Feature, number>;
  const row: FeatureRow = { ...zeros, ...values };
  return { unit: makeUnit({ path, ordinal, name: "x", text: "x" }), values: row, reasons: () => ({}) };
}

describe("fitting weights", () => {
  test("finds the feature that tells right from wrong, and gives little to one that does not", () => {
    const random = new SeededRandom("fit");
    const questions = Array.from({ length: 40 }, () =>
      fitQuestion(
        Array.from({ length: 12 }, (_, at) =>
          candidate(`f${at % 6}.ts`, at, { unitText: at % 6 === 2 ? 1 : 0.5 * random.next(), fileName: random.next() }),
        ),
        new Set(["f2.ts"]),
      ),
    );
    const weights = fitWeights(questions, ["unitText", "fileName"]);
    assert.ok((weights.unitText ?? 0) > 2, JSON.stringify(weights));
    assert.ok(Math.abs(weights.fileName ?? 9) < 0.3 * (weights.unitText ?? 0), JSON.stringify(weights));
    assert.deepEqual(fitWeights(questions, ["unitText", "fileName"]), weights);
    assert.equal(weights.references, undefined);
  });

  test("takes nothing from questions that no candidate answers", () => {
    const lost = fitQuestion([candidate("a.ts", 0, { unitText: 1 })], new Set(["z.ts"]));
    // Only the decay works on it.
    assert.ok((fitWeights([lost], ["unitText"]).unitText ?? 9) < 0.05);
  });

  test("lets a file stand for its best unit", () => {
    const question = fitQuestion(
      [
        candidate("right.ts", 0, { unitText: 0 }),
        candidate("right.ts", 1, { unitText: 1 }),
        candidate("wrong.ts", 0, { unitText: 0.5 }),
      ],
      new Set(["right.ts"]),
    );
    assert.ok((fitWeights([question], ["unitText"]).unitText ?? 0) > 0);
  });
});

describe("commit needles", () => {
  const diff = (file: string, ...hunks: string[]) =>
    [`diff --git a/${file} b/${file}`, `--- a/${file}`, `+++ b/${file}`, ...hunks, ""].join("\n");

  test("are the lines before the commit, in files of the program", () => {
    const text =
      diff("src/a.py", "@@ -3,2 +3,4 @@ def a", "-x", "@@ -10,0 +13 @@", "+y") + diff("tests/a.py", "@@ -1 +1 @@");
    assert.deepEqual(changedLines(text), [
      { path: "src/a.py", lines: { startLine: 3, endLine: 4 } },
      { path: "src/a.py", lines: { startLine: 10, endLine: 10 } },
    ]);
  });

  test("are none for new files, other files and commits about too many", () => {
    assert.equal(changedLines(diff("README.md", "@@ -1 +1 @@")), null);
    assert.equal(changedLines("diff --git a/n.py b/n.py\n--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n"), null);
    assert.equal(
      changedLines(["a", "b", "c", "d", "e"].map((name) => diff(`${name}.py`, "@@ -1 +1 @@")).join("")),
      null,
    );
    assert.equal(changedLines(""), null);
  });
});

describe("call needles", () => {
  const callee = makeUnit({ path: "b.ts", name: "open", text: "open() {}" });
  const body = "start() {\n  one();\n  two();\n  open();\n}";

  test("are cut before the call of a function that another file defines", () => {
    const caller = makeUnit({ path: "a.ts", name: "start", text: body, calls: ["open"] });
    assert.deepEqual(findCalls([caller, callee]), [
      { before: "start() {\n  one();\n  two();", path: "a.ts", definition: "b.ts#0" },
    ]);
    // In doubt which one is meant, or in the same file, it is none.
    assert.deepEqual(findCalls([caller, callee, { ...callee, id: "c.ts#0", path: "c.ts" }]), []);
    assert.deepEqual(findCalls([caller, { ...callee, path: "a.ts", id: "a.ts#1" }]), []);
  });

  test("leave the files in the index that others need", () => {
    const needle = (path: string, definition: string) => ({ before: "x", path, definition });
    const needles = [
      needle("a.ts", "b.ts#0"),
      needle("b.ts", "c.ts#0"),
      needle("d.ts", "a.ts#0"),
      needle("e.ts", "b.ts#1"),
    ];
    assert.deepEqual(chooseNeedles(needles, 9), [needles[0], needles[3]]);
    assert.equal(chooseNeedles(needles, 1).length, 1);
  });
});

describe("places of targets", () => {
  const chunks = ["a.ts", "b.ts", "c.ts"].map((path) => ({ path, ranges: [{ startLine: 1, endLine: 9 }] }));

  test("the first chunk that is any target counts", () => {
    const targets = [
      { path: "c.ts", lines: null },
      { path: "b.ts", lines: { startLine: 9, endLine: 12 } },
    ];
    assert.equal(reciprocalRank(chunks, targets), 1 / 2);
    assert.equal(recallAmongFirst(chunks, targets), 1);
    assert.equal(reciprocalRank(chunks, [{ path: "b.ts", lines: { startLine: 10, endLine: 12 } }]), 0);
    assert.equal(recallAmongFirst(chunks, [...targets, { path: "z.ts", lines: null }]), 2 / 3);
    assert.equal(recallAmongFirst(chunks, []), 0);
  });
});
