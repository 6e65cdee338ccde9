import assert from "node:assert/strict";
import path from "node:path";
import test, { before, describe } from "node:test";
import { openGrammars, type Grammars } from "../../extension/engine/grammars.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { isNeedle, maskRepository } from "../bench/maskedWorkspace.ts";
import { likelihoodGain, needleRows, type ScoredNeedles } from "../bench/needleRows.ts";
import { contains, findNeedles, hideUnit, needleSet, placeOf, removeName, standardised } from "../bench/needles.ts";
import { parseSourceFiles, rowsOf } from "../bench/sourceFiles.ts";
import { makeUnit } from "../support/memoryUnits.ts";

const root = path.resolve(import.meta.dirname, "../..");

function documented(name: string, doc: string, spec: { readonly path?: string; readonly body?: string } = {}): Unit {
  const signature = `function ${name}(header)`;
  const body = spec.body ?? "const pairs = header.split(separator); return pairs.map((pair) => pair.trim());";
  return makeUnit({
    path: spec.path ?? "src/cookies.ts",
    name,
    qualifiedName: `Cookies.${name}`,
    signature,
    doc,
    text: `/** ${doc} */\n${signature} {\n  ${body}\n}`,
  });
}

describe("docstring needles", () => {
  test("are functions whose first sentence asks a question; tests, repeated and short sentences are left out", () => {
    const units = [
      documented("parse", "Splits the header of a request into cookies. Fails never."),
      documented("parseAgain", "Splits the header of a request into cookies."),
      documented("short", "Does it."),
      documented("inTest", "Checks that cookies are split at semicolons.", { path: "test/cookies.test.ts" }),
      documented("plain", ""),
      { ...documented("Type", "Holds all cookies of one request."), kind: "class" as const },
      documented("tiny", "Gives back the header as it came.", { body: "" }),
    ];
    const needles = findNeedles(units);
    assert.deepEqual(
      needles.map(({ unit, question }) => [unit.name, question]),
      [["parse", "Splits the header of a request into cookies."]],
    );
  });

  test("are no questions where the code still says the sentence", () => {
    const unit = documented("parse", "Splits the header of a request.", {
      body: 'log("splits the header of a request"); return header.split(separator).map((pair) => pair.trim());',
    });
    assert.deepEqual(findNeedles([unit]), []);
  });

  test("hidden units have neither documentation nor name", () => {
    const body = "return depth > 0 ? parse(header) : this.parse$(header).parse();";
    const hidden = hideUnit(documented("parse", "Splits the header.", { body }));
    assert.equal(hidden.doc, "");
    assert.equal(hidden.name, "");
    assert.equal(hidden.qualifiedName, "Cookies");
    assert.equal(hidden.signature, "function (header)");
    assert.ok(!hidden.text.includes("Splits"));
    assert.ok(!/\bparse\b(?!\$)/.test(hidden.text), hidden.text);
    assert.ok(hidden.text.includes("parse$"));
  });

  test("names with signs of regular expressions are removed as they are", () => {
    assert.equal(removeName("a.empty?(x) empty", "empty?"), "a.(x) empty");
    assert.equal(removeName("T operator+(T a)", "operator+"), "T (T a)");
    assert.equal(removeName("f(f2, xf)", "f", "x"), "x(f2, xf)");
    assert.equal(removeName("text", ""), "text");
  });

  test("sentences are found as words in a row, whatever stands between them", () => {
    assert.ok(contains("parse_header(of, requests)", "Parse header of requests."));
    assert.ok(!contains("parseHeaders of requests", "Parse header of requests."));
  });

  test("a set has its needles first, and the same ones for the same seed", () => {
    const sentences = ["alpha", "beta", "gamma", "delta", "epsilon"].map((word) => `Reads the ${word} part of a file.`);
    const units = [
      ...sentences.map((sentence, at) => documented(`read${"abcde".charAt(at)}`, sentence)),
      ...Array.from({ length: 20 }, (_, at) => documented(`other${"x".repeat(at + 1)}`, "")),
    ];
    const limits = { needlesMin: 3, needlesMax: 4, candidatesMax: 10 };
    const set = needleSet(units, limits, "seed");
    assert.ok(set !== null);
    assert.equal(set.units.length, 10);
    assert.equal(set.questions.length, 4);
    assert.ok(set.units.every((unit) => unit.doc === "" && unit.name === ""));
    assert.deepEqual(needleSet(units, limits, "seed"), set);
    assert.equal(needleSet(units, { ...limits, needlesMin: 6 }, "seed"), null);
    assert.equal(needleSet(units, { ...limits, candidatesMax: 100 }, "seed"), null);
  });

  test("places count from 1, and equal scores share the middle of their places", () => {
    assert.equal(placeOf([0.1, 0.9, 0.5], 1), 1);
    assert.equal(placeOf([0.1, 0.9, 0.5], 0), 3);
    assert.equal(placeOf([1, 1, 1, 1, 1], 2), 3);
    assert.equal(placeOf([2, 1, 1], 1), 2.5);
    assert.deepEqual([...standardised([1, 3])], [-1, 1]);
    assert.deepEqual([...standardised([2, 2, 2])], [0, 0, 0]);
  });
});

describe("rows of needles", () => {
  /** 10 needles among 20 candidates; a score of `strength` for the right one, noise for the others. */
  function scored(
    repository: string,
    language: string,
    strength: { bm25: number; static: number; likelihood: number },
  ) {
    const scores = (own: number, salt: number) =>
      Array.from({ length: 10 }, (_, right) =>
        Array.from({ length: 20 }, (_, at) => (at === right ? own : ((at * 7 + right * 3 + salt) % 10) / 10)),
      );
    const found: ScoredNeedles = {
      variants: {},
      repository,
      language,
      bm25: scores(strength.bm25, 1),
      static: scores(strength.static, 2),
      likelihood: scores(strength.likelihood, 5),
    };
    return found;
  }

  test("sums are at least as good as chance chooses, and compared with BM25", () => {
    const all = ["a", "b", "c", "d"].map((name, at) =>
      scored(name, at < 2 ? "go" : "rust", { bm25: 0.5, static: 2, likelihood: 0.2 }),
    );
    const rows = needleRows(all);
    const row = (name: string) => rows.find((candidate) => candidate.row === name);
    assert.deepEqual(
      rows.map(({ row: name }) => name),
      ["BM25", "static", "likelihood", "BM25 + static", "BM25 + likelihood", "BM25 + static + likelihood"],
    );
    assert.equal(row("static")?.mrr, 1);
    assert.equal(row("static")?.recall1, 1);
    assert.equal(row("BM25 + static")?.mrr, 1);
    assert.equal(row("BM25 + static")?.chosen.length, 2);
    const gain = row("BM25 + static")?.against["BM25"]?.questions;
    assert.ok(gain !== undefined && gain.low > 0 && Math.abs(gain.mean - 1 + (row("BM25")?.mrr ?? 0)) < 1e-9);
    assert.deepEqual(Object.keys(row("BM25")?.mrrByLanguage ?? {}), ["go", "rust"]);
  });

  test("without a model there are no rows with it", () => {
    const all = [{ ...scored("a", "go", { bm25: 1, static: 1, likelihood: 1 }), static: [], likelihood: [] }];
    assert.deepEqual(
      needleRows(all).map(({ row }) => row),
      ["BM25"],
    );
    assert.equal(likelihoodGain(all), null);
  });

  test("the gain compares the right unit with the others", () => {
    const found = likelihoodGain([scored("a", "go", { bm25: 0, static: 0, likelihood: 3 })]);
    assert.ok(found !== null);
    assert.equal(found.right, 3);
    assert.equal(found.rightAbove, 1);
    assert.ok(found.random > 0.2 && found.random < 0.7);
    assert.deepEqual(Object.keys(found.byLanguage), ["go"]);
  });
});

describe("a masked repository", () => {
  let grammars: Grammars;
  before(async () => {
    grammars = await openGrammars({ root });
  });

  const python = [
    '"""Module."""',
    "",
    "class Store:",
    '    """Keeps entries between two runs."""',
    "",
    "    def evict(self, limit):",
    '        """Removes the oldest entries until few are left.',
    "",
    "        More about it.",
    '        """',
    "        while len(self.entries) > limit:",
    "            self.entries.pop(self.oldest())",
    "",
    "    def only(self):",
    '        """Says nothing but this very sentence."""',
    "",
    "def clean(store):",
    "    store.evict(limit=3)",
    "",
  ].join("\n");
  const typescript = [
    "export class Cache {",
    "  /**",
    "   * Removes the oldest entries until few are left.",
    "   */",
    "  evict(limit: number): void {",
    "    while (this.size > limit) this.remove(this.oldest(), { because: limit });",
    "  }",
    "}",
    "",
  ].join("\n");

  test("has the same lines, without documentation and the names of functions", async () => {
    const files = [
      { path: "store.py", language: "python", text: python },
      { path: "cache.ts", language: "typescript", text: typescript },
    ];
    const masked = maskRepository(files, await parseSourceFiles(files, grammars), { namesHidden: true });
    for (const [at, file] of masked.files.entries()) {
      assert.equal(file.text.split("\n").length, files[at]?.text.split("\n").length, file.text);
      assert.ok(!file.text.includes("oldest entries"), file.text);
    }
    const [store = "", cache = ""] = masked.files.map(({ text }) => text);
    assert.ok(store.includes("    def x(self, limit):"), store);
    assert.ok(!store.includes("Keeps entries"), store);
    // Callers still say what they call.
    assert.ok(store.includes("store.evict(limit=3)"), store);
    assert.ok(cache.includes("  x(limit: number): void {"), cache);
  });

  test("still has its functions at the same lines, and the needle is found there", async () => {
    const files = [{ path: "store.py", language: "python", text: python }];
    const [original] = await parseSourceFiles(files, grammars);
    const masked = maskRepository(files, await parseSourceFiles(files, grammars), { namesHidden: true });
    const [again] = await parseSourceFiles(masked.files, grammars);
    const lines = (units: readonly Unit[] = []) =>
      units.filter(({ kind }) => kind !== "header").map(({ startLine }) => startLine);
    assert.deepEqual(lines(again?.units), lines(original?.units));
    const [needle] = masked.needles;
    assert.ok(needle !== undefined);
    assert.equal(needle.question, "Removes the oldest entries until few are left.");
    assert.equal(needle.line, 6);
    const found = again?.units.filter((unit) => isNeedle(unit, needle));
    assert.deepEqual(
      found?.map((unit) => [unit.doc, rowsOf(unit).includes(5)]),
      [["", true]],
    );
  });
});
