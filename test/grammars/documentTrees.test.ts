import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { mock, test } from "node:test";
import fc from "fast-check";
import type { Node } from "web-tree-sitter";
import type { LanguageRow } from "../../extension/pipeline/ports.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { DocumentTrees, treesMax } from "../../extension/syntax/documentTrees.ts";
import { documentLanguageFinder, readLanguages } from "../../extension/syntax/languages.ts";
import type { TextChange, TextPosition } from "../../extension/syntax/openTree.ts";
import { loadWasmTreeSitter } from "../../extension/syntax/treeSitter.ts";

const root = path.resolve(import.meta.dirname, "../..");
const languages = await readLanguages(root);
const never = new AbortController().signal;
const typescript = language("typescript");

test("an open document's language is what the editor calls it, else what its file name says", () => {
  const find = documentLanguageFinder(languages);
  const cases = [
    ["typescriptreact", "Untitled-1", "tsx"],
    ["javascriptreact", "a.jsx", "javascript"],
    ["shellscript", "run", "bash"],
    ["c", "a.h", "c"],
    ["plaintext", "a.kt", "kotlin"],
    ["plaintext", "notes", null],
    ["markdown", "a.md", null],
  ] as const;
  for (const [editorId, file, id] of cases) assert.equal(find(editorId, file)?.id ?? null, id, `${editorId} ${file}`);
});

test("no editor's name belongs to two languages, and every language has one", () => {
  const claims = languages.flatMap((row) => row.editorIds);
  assert.equal(new Set(claims).size, claims.length);
  for (const row of languages) assert.ok(row.editorIds.length > 0, row.id);
});

for (const row of languages.filter(({ wasm }) => wasm !== "")) {
  test(`${row.name}: a document's tree is read`, async () => {
    const trees = new DocumentTrees(root);
    const type = await trees.readOnce({ language: row, text: "x\n" }, (node) => node.type, never);
    assert.ok(type !== null && type !== "");
  });
}

test("a language without a wasm grammar has no tree", async () => {
  const trees = new DocumentTrees(root);
  const document = { key: "a", language: { ...typescript, wasm: "" }, text: () => "" };
  assert.equal(await trees.read(document, text, never), null);
  assert.equal(await trees.readOnce({ language: document.language, text: "" }, text, never), null);
});

test("a grammar that there should be and is not is a failure, and the next read tries again", async () => {
  const trees = new DocumentTrees(root);
  const broken = { ...typescript, package: "tree-sitter-nothing" };
  for (let n = 0; n < 2; n += 1) {
    const reading = trees.read({ key: "a", language: broken, text: () => "" }, text, never);
    await assert.rejects(reading, (error) => error instanceof Failure && error.code === "grammarMissing");
    assert.equal(trees.size, 0);
  }
});

// While the text has errors, tree-sitter's recovery depends on what was parsed before: two trees of the same broken text
// may differ. Without errors they have the same nodes, whatever the text has been in between; only whether a comment behind
// a block still belongs to it may differ.
test("after any changes that are taken back the tree is the one that parsing anew gives", async () => {
  const declaration = "function f() {\n  return x;\n}\n";
  const whole = fc.constantFrom(
    declaration,
    "let é = '😀';\n",
    "/* c */\r\n",
    "a = (b) + 1;\n",
    "class A { b() {} }\n",
  );
  const start = fc.array(whole, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));
  const pieces = ["function f() {\n", "  return x;\n", "}\n", "a = '", "😀", "é", "/* c", "*/", "\r\n", "(", ")", "x"];
  const inserted = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(""));
  const change = fc.record({ at: fc.nat(), length: fc.nat({ max: 20 }), inserted });
  const trees = new DocumentTrees(root);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(start, fc.array(change, { minLength: 1, maxLength: 6 }), async (whole, changes) => {
      let now = whole;
      // A run that fails leaves its tree behind, and the next one is not to find it.
      const document = { key: `${(runs += 1)}.ts`, language: typescript, text: () => now };
      const apply = async (from: number, to: number, inserted: string): Promise<void> => {
        const edit = changeOf(now, { from, to, inserted });
        now = now.slice(0, from) + inserted + now.slice(to);
        trees.changed(document.key, [edit]);
        const fresh = await trees.readOnce({ language: typescript, text: now }, outline, never);
        const kept = await trees.read(document, outline, never);
        if (fresh?.hasError === false) assert.deepEqual(kept, fresh);
      };
      await trees.read(document, text, never);
      const undone: (readonly [from: number, to: number, inserted: string])[] = [];
      for (const { at, length, inserted } of changes) {
        const from = Math.min(at % (now.length + 1), now.length);
        const to = Math.min(from + length, now.length);
        undone.unshift([from, from + inserted.length, now.slice(from, to)]);
        await apply(from, to, inserted);
      }
      for (const [from, to, inserted] of undone) await apply(from, to, inserted);
      assert.equal(now, whole);
      assert.equal((await trees.read(document, outline, never))?.hasError, false);
      trees.closed(document.key);
    }),
    { numRuns: 100 },
  );
});

test("several changes at once count one after another", async () => {
  const trees = new DocumentTrees(root);
  let now = "let a = 1;\nlet b = 2;\n";
  const document = { key: "a.ts", language: typescript, text: () => now };
  await trees.read(document, text, never);
  const second = changeOf(now, { from: 15, to: 16, inserted: "bee\n" });
  const first = changeOf(now, { from: 4, to: 5, inserted: "ay" });
  now = "let ay = 1;\nlet bee\n = 2;\n";
  trees.changed("a.ts", [second, first]);
  const fresh = await trees.readOnce({ language: typescript, text: now }, shape, never);
  assert.equal(await trees.read(document, shape, never), fresh);
});

test("a reader gets nothing when the document changes while it is parsed, and the next one gets the new tree", async () => {
  const trees = new DocumentTrees(root);
  let now = "let a = 1;\n".repeat(20_000);
  const document = { key: "a.ts", language: typescript, text: () => now };
  await trees.read({ ...document, text: () => "" }, text, never);
  trees.changed("a.ts", [changeOf("", { from: 0, to: 0, inserted: now })]);
  const stale = trees.read(document, text, never);
  await nextTurn();
  const edit = changeOf(now, { from: 0, to: now.length, inserted: "x" });
  now = "x";
  trees.changed("a.ts", [edit]);
  assert.equal(await stale, null);
  assert.equal(await trees.read(document, text, never), "x");
});

test("a file of 50,000 lines is parsed in slices: others run in between", async () => {
  const trees = new DocumentTrees(root);
  const now = "let a = f(1);\n".repeat(50_000);
  let turns = 0;
  const count = (): void => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const lines = await trees.read(
    { key: "a.ts", language: typescript, text: () => now },
    (node) => node.endPosition.row,
    never,
  );
  clearImmediate(counting);
  assert.equal(lines, 50_000);
  assert.ok(turns > 5, `${turns} turns`);
  trees.dispose();
});

test("who no longer waits gets nothing, and the tree is there for the next reader", async () => {
  const trees = new DocumentTrees(root);
  const document = { key: "a.ts", language: typescript, text: () => "let a;" };
  assert.equal(await trees.read(document, text, AbortSignal.abort()), null);
  assert.equal(await trees.read(document, text, never), "let a;");
});

test("all memory of a document is freed when it is closed, also while it is read", async () => {
  const { Parser, Tree } = await loadWasmTreeSitter(createRequire(path.join(root, "package.json")));
  const parse = mock.method(Parser.prototype, "parse");
  const deletedTrees = mock.method(Tree.prototype, "delete");
  const deletedParsers = mock.method(Parser.prototype, "delete");
  const parsed = (): number => parse.mock.calls.filter(({ result }) => result !== null && result !== undefined).length;
  try {
    const trees = new DocumentTrees(root);
    const readings = [0, 1, 2].map((n) => {
      const document = { key: `${n}.ts`, language: typescript, text: () => "let a = 1;\n".repeat(4_000) };
      return trees.read(document, text, never);
    });
    await readings[0];
    trees.changed("0.ts", [changeOf("", { from: 0, to: 0, inserted: "x" })]);
    await trees.read({ key: "0.ts", language: typescript, text: () => "x" }, text, never);
    for (const key of ["0.ts", "1.ts", "2.ts"]) trees.closed(key);
    await Promise.all(readings);
    while (deletedParsers.mock.callCount() < 3) await nextTurn();
    assert.equal(trees.size, 0);
    assert.ok(parsed() >= 2);
    assert.equal(deletedTrees.mock.callCount(), parsed());
  } finally {
    mock.restoreAll();
  }
});

test(`at most ${treesMax} trees are kept; the one that was not read longest goes first`, async () => {
  const trees = new DocumentTrees(root);
  const read = (key: string): Promise<string | null> =>
    trees.read({ key, language: typescript, text: () => key }, text, never);
  for (let n = 0; n < treesMax; n += 1) await read(`f${n}`);
  await read("f0");
  await read("more");
  assert.equal(trees.size, treesMax);
  // A tree that is kept does not see a text that nobody told it about; one that is made anew does.
  const told = (key: string): Promise<string | null> =>
    trees.read({ key, language: typescript, text: () => "new" }, text, never);
  assert.equal(await told("f0"), "f0");
  assert.equal(await told("f1"), "new");
  trees.dispose();
  assert.equal(trees.size, 0);
});

function language(id: string): LanguageRow {
  const row = languages.find((candidate) => candidate.id === id);
  assert.ok(row !== undefined);
  return row;
}

function text(node: Node): string {
  return node.text;
}

interface Outline {
  readonly hasError: boolean;
  /** Every node's type in document order, and where those without children lie. */
  readonly nodes: readonly string[];
}

function outline(root: Node): Outline {
  const nodes: string[] = [];
  const visit = (node: Node): void => {
    nodes.push(node.childCount === 0 ? `${node.type} ${node.startIndex}-${node.endIndex}` : node.type);
    for (const child of node.children) visit(child);
  };
  visit(root);
  return { hasError: root.hasError, nodes };
}

function shape(node: Node): string {
  const lines: string[] = [];
  const visit = (at: Node): void => {
    lines.push(`${at.type} ${at.startIndex}-${at.endIndex} ${at.startPosition.row}:${at.startPosition.column}`);
    for (const child of at.children) visit(child);
  };
  visit(node);
  return lines.join("\n");
}

function changeOf(
  before: string,
  { from, to, inserted }: { readonly from: number; readonly to: number; readonly inserted: string },
): TextChange {
  const range = { start: positionAt(before, from), end: positionAt(before, to) };
  return { rangeOffset: from, rangeLength: to - from, range, text: inserted };
}

function positionAt(of: string, offset: number): TextPosition {
  const line = of.slice(0, offset).split("\n").length - 1;
  return { line, character: offset - (of.slice(0, offset).lastIndexOf("\n") + 1) };
}
