import assert from "node:assert/strict";
import path from "node:path";
import { after, test } from "node:test";
import { cursorSyntax, textSyntax } from "../../extension/pipeline/cursorSyntax.ts";
import type { CursorSyntax } from "../../extension/protocol/complete.ts";
import { DocumentTrees } from "../../extension/syntax/documentTrees.ts";

const trees = new DocumentTrees(path.resolve(import.meta.dirname, "../.."));
after(() => {
  trees.dispose();
});

/** `|` marks the cursor. */
async function fromTree(code: string, file: string): Promise<CursorSyntax> {
  const at = code.indexOf("|");
  const text = code.replace("|", "");
  const language = await trees.languageOf("", file);
  assert.ok(language !== null);
  const found = await trees.readOnce(
    { language, text },
    (root) => cursorSyntax(root, text, at, language.id),
    new AbortController().signal,
  );
  assert.ok(found !== null);
  return found;
}

const typescript = `class Box {
  value = "a";
  open(key: string) {
    if (key) {
      |
    }
    return 1;
  }
}
`;

test("the tree tells method and block of a cursor", async () => {
  const { place, scope, block } = await fromTree(typescript, "a.ts");
  assert.equal(place, "code");
  assert.deepEqual(scope, { name: "open", startLine: 3, endLine: 8 });
  assert.deepEqual(block, { startLine: 4, endLine: 6, indent: "    ", isOpen: false });
});

test("text and tree tell the same of a plain function", async () => {
  const code = "function add(a, b) {\n  const c = a;\n  |\n}\n";
  const [before = "", behind = ""] = code.split("|");
  assert.deepEqual(await fromTree(code, "a.js"), textSyntax(before, behind, "javascript"));
});

const places: readonly (readonly [file: string, code: string, place: string])[] = [
  ["a.ts", 'const a = "b|c";\n', "string"],
  ["a.ts", "const a = `b${c|}`;\n", "code"],
  ["a.ts", "// note|\n", "comment"],
  ["a.ts", "a(); // note|", "comment"],
  ["a.ts", "/* a */ |b();\n", "code"],
  ["a.py", 'def f():\n    """Docs.\n    |\n    """\n', "string"],
  ["a.py", "x = 1  # note|\n", "comment"],
  ["a.py", "x = f'{a|}'\n", "code"],
  ["a.go", "package a\n\n// note|\nfunc f() {}\n", "comment"],
  ["a.rs", 'fn f() { let a = "b|"; }\n', "string"],
];
for (const [file, code, place] of places) {
  test(`${JSON.stringify(code)} is a cursor in ${place}`, async () => {
    assert.equal((await fromTree(code, file)).place, place);
  });
}

test("a Python function and its block go by indentation, also on an empty line behind it", async () => {
  const inside = await fromTree("def f(a):\n    b = a\n    |\n", "a.py");
  assert.equal(inside.scope?.name, "f");
  assert.deepEqual(inside.block, { startLine: 1, endLine: 3, indent: "", isOpen: false });
  const behind = await fromTree("def f(a):\n    b = a\n\n|\n", "a.py");
  assert.deepEqual([behind.scope, behind.block], [null, null]);
});

test("a bracket that nothing closes opens a block, also where another one farther left is taken for its end", async () => {
  const alone = await fromTree("function f() {\n  |", "a.ts");
  assert.equal(alone.block?.isOpen, true);
  const nested = await fromTree("class A {\n  f() {\n    |\n}\n", "a.ts");
  assert.deepEqual([nested.block?.startLine, nested.block?.isOpen], [2, true]);
});

test("lines of long documents count from their beginning, and any line end will do", async () => {
  const filler = "let x = 1;\r\n".repeat(6_000);
  const { scope, block } = await fromTree(`${filler}function f() {\r\n  a();\r\n  |\r\n}\r\n`, "a.ts");
  assert.deepEqual([scope?.name, scope?.startLine, block?.startLine, block?.indent], ["f", 6_001, 6_001, ""]);
});

test("an arrow function is called like its variable, and a C function by its declarator", async () => {
  assert.equal((await fromTree("const run = (a) => {\n  |\n};\n", "a.ts")).scope?.name, "run");
  assert.equal((await fromTree("static int *run(int a)\n{\n  |\n}\n", "a.c")).scope?.name, "run");
});
