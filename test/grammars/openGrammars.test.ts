import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { openGrammars } from "../../extension/engine/grammars.ts";
import { parseUnits } from "../../extension/pipeline/parse.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { english } from "../../extension/protocol/sentence.ts";

const root = path.resolve(import.meta.dirname, "../..");
const wasm = await openGrammars({ root, runtime: "wasm" });

test("a file's language is found by name, then by the longest extension, whatever the case", () => {
  const cases = [
    ["src/a.ts", "typescript"],
    ["src\\a.D.TS", "typescript"],
    ["A.TSX", "tsx"],
    ["x/Rakefile", "ruby"],
    ["x.y/z.py", "python"],
    ["x.py/readme", null],
    ["notes.md", null],
    [".ts", "typescript"],
    ["", null],
  ] as const;
  for (const [file, id] of cases) assert.equal(wasm.languageOf(file)?.id ?? null, id, file);
});

test("no extension and no file name belongs to two languages", () => {
  const claims = wasm.languages.flatMap((language) => [...language.extensions, ...language.filenames]);
  assert.deepEqual(
    claims.filter((claim, i) => claims.indexOf(claim) !== i),
    [],
  );
});

test("what was asked for is what runs, and the reason is said", async () => {
  assert.equal(wasm.runtime, "wasm");
  assert.equal(english(wasm.why), "wasm: wasm was asked for");
  const automatic = await openGrammars({ root });
  const grammar = await automatic.grammar("python");
  assert.equal(grammar.runtime, automatic.runtime);
  assert.equal(await automatic.grammar("python"), grammar);
});

test("an unknown language and a missing folder are failures with the code grammarMissing", async () => {
  const isMissing = (error: unknown): boolean => error instanceof Failure && error.code === "grammarMissing";
  await assert.rejects(wasm.grammar("klingon"), isMissing);
  await assert.rejects(openGrammars({ root: path.join(root, "nowhere") }), isMissing);
});

test("where the native binding does not load, wasm takes over and says why", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "precis-grammars-"));
  try {
    await cp(path.join(root, "grammars"), path.join(folder, "grammars"), { recursive: true });
    await writeFile(path.join(folder, "package.json"), "{}");
    const modules = path.join(folder, "node_modules");
    await mkdir(path.join(modules, "tree-sitter"), { recursive: true });
    await writeFile(path.join(modules, "tree-sitter", "package.json"), '{ "main": "index.js" }');
    await writeFile(path.join(modules, "tree-sitter", "index.js"), 'throw new Error("GLIBCXX_9 not found\\nmore");');
    for (const name of ["web-tree-sitter", "tree-sitter-go"]) {
      await symlink(path.join(root, "node_modules", name), path.join(modules, name), "junction");
    }
    const grammars = await openGrammars({ root: folder });
    assert.equal(grammars.runtime, "wasm");
    assert.equal(english(grammars.why), "wasm: native tree-sitter does not load: GLIBCXX_9 not found");
    const parsed = parseUnits({ path: "a.go", text: "package a\n\nfunc f() {}\n" }, await grammars.grammar("go"));
    assert.deepEqual(
      parsed.units.map((unit) => unit.qualifiedName),
      ["a.go", "f"],
    );
    await assert.rejects(openGrammars({ root: folder, runtime: "native" }), Failure);
    await assert.rejects(grammars.grammar("swift"), Failure);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("several worker threads parse at the same time", async () => {
  const results = await Promise.all(Array.from({ length: 3 }, () => parseInWorker()));
  for (const result of results) assert.deepEqual(result, ["x.py", "f", "C", "C.m"]);
});

test("any text gives units, natively or by wasm", async () => {
  const automatic = await openGrammars({ root });
  const grammars = await Promise.all(["typescript", "python", "rust"].map((id) => automatic.grammar(id)));
  grammars.push(await wasm.grammar("typescript"));
  const pieces = fc.constantFrom(
    "{",
    "}",
    "(",
    ")",
    "def f",
    ":",
    "\n",
    "\r\n",
    "  ",
    "class A",
    '"',
    "`",
    "\0",
    "\uD83D",
    "😀",
    "fn ",
  );
  const texts = fc.array(fc.oneof(pieces, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 80 });
  fc.assert(
    fc.property(texts, (list) => {
      const text = list.join("");
      const lines = text
        .replace(/^\uFEFF/, "")
        .replace(/\r\n?/g, "\n")
        .split("\n");
      for (const grammar of grammars) {
        const { units } = parseUnits({ path: "x", text }, grammar);
        const covered = new Set(units.flatMap((unit) => unit.text.split("\n")));
        for (const line of lines) assert.ok(line.trim() === "" || covered.has(line), JSON.stringify(line));
      }
    }),
    { numRuns: 100 },
  );
});

function parseInWorker(): Promise<unknown> {
  const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    import { parentPort } from "node:worker_threads";
    import { openGrammars } from ${url("../../extension/engine/grammars.ts")};
    import { parseUnits } from ${url("../../extension/pipeline/parse.ts")};
    const grammar = await (await openGrammars({ root: ${JSON.stringify(root)} })).grammar("python");
    let units = [];
    for (let i = 0; i < 50; i += 1) {
      const text = "import os\\n\\ndef f():\\n  pass\\n\\nclass C:\\n  def m(self):\\n    pass\\n";
      units = parseUnits({ path: "x.py", text }, grammar).units;
    }
    parentPort.postMessage(units.map((unit) => unit.qualifiedName));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
