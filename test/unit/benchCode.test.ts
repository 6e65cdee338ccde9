import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import test, { describe } from "node:test";
import { bitsPerByte, lossOf, lossWindows } from "../bench/codeLoss.ts";
import { completionCases, completionMeans, editSimilarity, firstLines, lastLines } from "../bench/completions.ts";
import { cutAtLine, readPackedIds, sampleFiles, type HeldOutFile } from "../bench/corpus.ts";
import { crossFileCases, importedFiles } from "../bench/crossFile.ts";
import { readLossCurves, thinned } from "../bench/modelChecks.ts";
import { recallWithin } from "../bench/budgetSection.ts";
import { functionsAt, parseSweQa, placesIn } from "../bench/sweQa.ts";
import type { Import, ParsedFile } from "../../extension/protocol/units.ts";
import { makeUnit } from "../support/memoryUnits.ts";

function heldOut(file: string, text: string, language = "python"): HeldOutFile {
  return { repository: "owner/name", path: file, language, text };
}

function parsedFile(file: string, spec: Partial<ParsedFile> = {}): ParsedFile {
  return { path: file, language: "python", units: [], imports: [], problems: [], ...spec };
}

function imports(...modules: (string | readonly [string, readonly string[]])[]): Import[] {
  return modules.map((entry) =>
    typeof entry === "string" ? { module: entry, names: [], line: 1 } : { module: entry[0], names: entry[1], line: 1 },
  );
}

describe("windows of a long text", () => {
  test("score every token once, after at least half a window where there is so much", () => {
    for (const [tokens, unscored, length] of [
      [1, 1, 8],
      [5, 2, 8],
      [100, 3, 8],
      [64, 1, 16],
      [1000, 30, 16],
      [17, 16, 16],
    ] as const) {
      const windows = lossWindows(tokens, unscored, length);
      const scored = windows.flatMap(({ first, to }) => Array.from({ length: to - first }, (_, at) => first + at));
      assert.deepEqual(
        scored,
        Array.from({ length: tokens - unscored }, (_, at) => unscored + at),
      );
      for (const [at, { from, first, to }] of windows.entries()) {
        assert.ok(to - from <= length && from < first && from >= 0, JSON.stringify({ from, first, to }));
        if (at > 0) assert.equal(first - from, length / 2);
      }
    }
  });

  test("a loss adds up to what the scorer says of every token", async () => {
    const text = { header: Int32Array.of(1, 2, 3), body: Int32Array.from({ length: 50 }, (_, at) => at), bytes: 100 };
    const seen: number[] = [];
    const loss = await lossOf(text, 16, (context, part) => {
      assert.ok(context.length >= 1 && context.length + part.length <= 16);
      seen.push(...part);
      return Float64Array.from(part, () => -Math.LN2);
    });
    assert.deepEqual(seen, [...text.body]);
    assert.ok(Math.abs(bitsPerByte(loss) - 0.5) < 1e-12);
    assert.equal(bitsPerByte({ nats: 1, bytes: 0 }), 0);
  });
});

describe("imports of a repository's own files", () => {
  const paths = [
    "src/app/server.ts",
    "src/app/router/index.ts",
    "src/util/router.ts",
    "pkg/core/client.py",
    "pkg/core/__init__.py",
    "pkg/errors.py",
    "include/lib/log.h",
    "okio/src/commonMain/kotlin/okio/Buffer.kt",
    "src/rng/mod.rs",
    "lib/rack/mime.rb",
  ];
  const find = (from: string, ...modules: Parameters<typeof imports>) =>
    importedFiles(from, imports(...modules), paths);

  test("are found by the end of their path, in the ways languages write them", () => {
    assert.deepEqual(find("src/app/main.ts", "./server"), ["src/app/server.ts"]);
    assert.deepEqual(find("src/app/main.ts", "./server.js"), ["src/app/server.ts"]);
    assert.deepEqual(find("pkg/api.py", "pkg.core.client"), ["pkg/core/client.py"]);
    assert.deepEqual(find("pkg/api.py", [".core", ["client"]]), ["pkg/core/client.py"]);
    assert.deepEqual(find("pkg/core/client.py", ["..errors", ["Failure"]]), ["pkg/errors.py"]);
    assert.deepEqual(find("src/a.cpp", "lib/log.h"), ["include/lib/log.h"]);
    assert.deepEqual(find("a.kt", "okio.Buffer"), ["okio/src/commonMain/kotlin/okio/Buffer.kt"]);
    assert.deepEqual(find("src/lib.rs", "crate::rng"), ["src/rng/mod.rs"]);
    assert.deepEqual(find("lib/rack/static.rb", "rack/mime"), ["lib/rack/mime.rb"]);
  });

  test("are the closest ones where several fit, and none where that does not tell", () => {
    assert.deepEqual(find("src/app/main.ts", "./router"), ["src/app/router/index.ts"]);
    assert.deepEqual(find("tests/main.ts", "router"), []);
  });

  test("are not found for packages from elsewhere", () => {
    assert.deepEqual(find("src/app/main.ts", "node:fs", "react", "os"), []);
    assert.deepEqual(find("src/Store.java", "java.nio.file.Server", "org.example.Buffer"), []);
  });

  test("give cases with another file that is not imported", () => {
    const text = "value = 1\n".repeat(60);
    const files = ["a.py", "b.py", "c.py"].map((file) => heldOut(file, text));
    const parsed = files.map(({ path: file }) => parsedFile(file, { imports: file === "a.py" ? imports("b") : [] }));
    const cases = crossFileCases(files, parsed, 5);
    assert.deepEqual(
      cases.map(({ file, imported, other }) => [file.path, imported.path, other.path]),
      [["a.py", "b.py", "c.py"]],
    );
    assert.deepEqual(crossFileCases(files, parsed, 0), []);
  });
});

describe("one-line completions", () => {
  const lines = [
    "import os",
    "",
    "def walk(folder):",
    "    for entry in os.scandir(folder):",
    "        }",
    "",
    "x = 1",
    "",
  ];
  const text = lines.join("\n");
  const unit = { ...makeUnit({ path: "a.py", name: "walk", text: lines.slice(2, 6).join("\n"), startLine: 3 }) };

  test("take a line of a function's inside that says something", () => {
    const cases = completionCases([heldOut("a.py", text)], [parsedFile("a.py", { units: [unit] })], 5);
    assert.equal(cases.length, 1);
    const [found] = cases;
    assert.equal(found?.line, "    for entry in os.scandir(folder):");
    assert.equal(found.before + found.line + found.after, text);
    assert.ok(found.before.endsWith("def walk(folder):\n") && found.after.startsWith("\n"));
  });

  test("take functions of different files first", () => {
    const files = ["a.py", "b.py", "c.py"].map((file) => heldOut(file, text));
    const parsed = files.map(({ path: file }) => parsedFile(file, { units: [unit, unit, unit] }));
    const cases = completionCases(files, parsed, 4);
    assert.equal(new Set(cases.slice(0, 3).map((found) => found.path)).size, 3);
    assert.equal(cases.length, 4);
  });

  test("are compared without the white space around them", () => {
    assert.equal(editSimilarity("  return x;", "return x;"), 1);
    assert.equal(editSimilarity("kitten", "sitting"), 1 - 3 / 7);
    assert.equal(editSimilarity("", ""), 1);
    assert.equal(editSimilarity("abc", ""), 0);
    assert.deepEqual(
      completionMeans([
        { language: "go", exact: true, similarity: 1 },
        { language: "go", exact: false, similarity: 0.5 },
      ]),
      { cases: 2, exactMatch: 0.5, editSimilarity: 0.75 },
    );
    assert.equal(completionMeans([]).exactMatch, 0);
  });

  test("have whole lines around them", () => {
    assert.equal(lastLines("one\ntwo\nthree\n", 8), "three\n");
    assert.equal(lastLines("one\ntwo\n", 100), "one\ntwo\n");
    assert.equal(firstLines("\none\ntwo\nthree", 7), "\none\n");
    assert.equal(firstLines("a long line", 6), "a long");
  });
});

describe("held-out text", () => {
  test("is sampled by language up to the limit, cut at line ends", () => {
    const files = [
      ...Array.from({ length: 9 }, (_, at) => heldOut(`a${at}.py`, "0123456789\n".repeat(10))),
      heldOut("b.go", "package b\n", "go"),
    ];
    const repositories = [{ name: "owner/name", language: "python", records: files }];
    const sample = sampleFiles(repositories, { bytesPerLanguage: 300, bytesPerFile: 60 });
    assert.deepEqual([...sample.keys()], ["python"]);
    const texts = sample.get("python")?.map((file) => file.text) ?? [];
    assert.ok(texts.every((text) => text.endsWith("\n")));
    assert.deepEqual(
      texts.map(({ length }) => length),
      [55, 55, 55, 55, 55, 22],
    );
    assert.deepEqual(sampleFiles(repositories, { bytesPerLanguage: 300, bytesPerFile: 60 }), sample);
  });

  test("is cut by bytes, not characters", () => {
    assert.equal(cutAtLine("äö\nü\n", 7), "äö\n");
    assert.equal(cutAtLine("äö\nü\n", 8), "äö\nü\n");
    assert.equal(cutAtLine("no line end", 4), "");
  });

  test("packed ids beyond the limit are read in blocks over the whole file", async (t) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "precis-ids-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = path.join(folder, "code.train.ids");
    const ids = Uint16Array.from({ length: 400_000 }, (_, at) => at % 4096);
    await writeFile(file, ids);
    const all = await readPackedIds(file, 400_000);
    assert.deepEqual(all, { ids, total: 400_000 });
    const part = await readPackedIds(file, 150_000);
    assert.equal(part?.total, 400_000);
    assert.equal(part.ids.length, 131_072);
    assert.deepEqual(part.ids.subarray(0, 65_536), ids.subarray(0, 65_536));
    assert.deepEqual(part.ids.subarray(65_536), ids.subarray(-65_536));
    assert.equal(await readPackedIds(path.join(folder, "missing"), 10), null);
  });
});

describe("loss curves", () => {
  test("are read from log lines, and thinned with both ends kept", async (t) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "precis-log-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const lines = [
      '{"tokens":100,"step":1,"loss":9,"valid":8.5}',
      '{"tokens":200,"loss":7,"gain":1.5,"name":"x"}',
      '{"tok',
    ];
    await writeFile(path.join(folder, "code.log.jsonl"), lines.join("\n"));
    assert.deepEqual(
      await readLossCurves(folder),
      new Map([
        [
          "code",
          [
            { tokens: 100, step: 1, loss: 9, valid: { valid: 8.5 } },
            { tokens: 200, step: null, loss: 7, valid: { gain: 1.5 } },
          ],
        ],
      ]),
    );
    assert.deepEqual(thinned([1, 2, 3, 4, 5, 6, 7, 8, 9], 3), [1, 5, 9]);
    assert.deepEqual(thinned([1, 2], 3), [1, 2]);
  });
});

describe("SWE-QA", () => {
  test("answers name places with line numbers, with the file before them", () => {
    const answer =
      "In `src/app/ctx.py` (lines 144-148), and `dumps` (line 166). See `src/app/cli.py:10-20`, `ctx.py` at line 3.";
    const at = (file: string, startLine: number, endLine: number) => ({ path: file, lines: { startLine, endLine } });
    assert.deepEqual(placesIn(answer), [
      at("src/app/ctx.py", 144, 148),
      at("src/app/ctx.py", 166, 166),
      at("src/app/cli.py", 10, 20),
      at("src/app/ctx.py", 3, 3),
    ]);
    assert.deepEqual(placesIn("On line 3, nothing was named."), []);
    assert.deepEqual(parseSweQa('{"question":"q","answer":"a"}\n\n'), [{ question: "q", targets: [] }]);
  });

  test("recall is the share of the functions there that fits the budget", () => {
    const units = ["a", "b", "c"].map((name, ordinal) =>
      makeUnit({ path: "m.py", ordinal, name, startLine: ordinal * 10 + 1, text: `${"x".repeat(98)}\n\n` }),
    );
    const targets = [
      { path: "m.py", lines: { startLine: 2, endLine: 12 } },
      { path: "other.py", lines: { startLine: 1, endLine: 1 } },
    ];
    const wanted = functionsAt(targets, (file) => units.filter((unit) => unit.path === file));
    assert.deepEqual([...wanted], ["m.py#0", "m.py#1"]);
    const ranked = units.map((unit) => ({ unit, score: 0, reasons: [] }));
    const functionsWithin = (tokens: number) => recallWithin(ranked, { functions: wanted, targets }, tokens).functions;
    assert.equal(functionsWithin(25), 0.5);
    assert.equal(functionsWithin(50), 1);
    assert.equal(functionsWithin(10), 0);
  });
});
