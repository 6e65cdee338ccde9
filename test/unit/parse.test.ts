import assert from "node:assert/strict";
import { test } from "node:test";
import type { Grammar, SyntaxMatch, SyntaxTree } from "../../extension/pipeline/ports.ts";
import { parseUnits } from "../../extension/pipeline/parse.ts";
import { commentMarks, docBlock, plainDoc } from "../../extension/pipeline/parseDoc.ts";
import { sourceLines } from "../../extension/pipeline/parseLines.ts";
import { sentence } from "../../extension/protocol/sentence.ts";
import type { Unit } from "../../extension/protocol/units.ts";

const language = {
  id: "toy",
  name: "Toy",
  editorIds: ["toy"],
  extensions: [".toy"],
  filenames: [],
  package: "",
  export: "",
  wasm: "",
  lineComment: "//",
  blockComment: ["/*", "*/"],
} as const;

/** A grammar that finds `texts` by searching: capture names with the text that each one marks, one list per match. */
function toyGrammar(
  found: readonly (readonly (readonly [capture: string, marked: string])[])[],
  tree: Partial<SyntaxTree> = {},
): Grammar {
  return {
    language,
    runtime: "wasm",
    parse(text) {
      const matches = found.map((captures, pattern): SyntaxMatch => ({
        pattern,
        captures: captures.map(([name, marked]) => {
          const startIndex = text.indexOf(marked);
          assert.ok(startIndex >= 0, `${marked} is not in the text`);
          return { name, node: { startIndex, endIndex: startIndex + marked.length } };
        }),
      }));
      return { matches, splitPoints: [], errorRows: [], stopped: null, ...tree };
    },
  };
}

function parse(text: string, grammar: Grammar | null): readonly Unit[] {
  return parseUnits({ path: "src/a.toy", text }, grammar).units;
}

test("a file without a grammar is cut after blank lines, and every part is named like the file", () => {
  const text = Array.from({ length: 200 }, (_, i) => (i % 10 === 9 ? "" : `line ${i}`)).join("\n");
  const parsed = parseUnits({ path: "docs/notes.md", text, language: "markdown" }, null);
  assert.equal(parsed.language, "markdown");
  assert.ok(parsed.units.length >= 3);
  for (const unit of parsed.units) {
    assert.equal(unit.kind, "file");
    assert.equal(unit.name, "notes.md");
    assert.equal((unit.startLine - 1) % 10, 0);
    assert.equal(unit.text.startsWith("line "), true);
  }
  assert.deepEqual(
    parsed.units.map((unit) => unit.id),
    parsed.units.map((_, i) => `docs/notes.md#${i}`),
  );
});

test("an empty file has no units", () => {
  assert.deepEqual(parse("", null), []);
  assert.deepEqual(parse("\n \r\n", toyGrammar([])), []);
});

test("a file without definitions is one header with its first comment as documentation", () => {
  const units = parse(
    "#!/bin/toy\n// Starts.\n// All of it.\n\nrun()\n",
    toyGrammar([[["doc", "// Starts."]], [["doc", "// All of it."]]]),
  );
  assert.equal(units.length, 1);
  assert.equal(units[0]?.kind, "header");
  assert.equal(units[0].doc, "Starts.\nAll of it.");
  assert.equal(units[0].signature, "");
});

test("a grammar that gives up leaves file units and one problem", () => {
  const stopped = sentence("The file was not cut by its syntax: {0}.", "why");
  const grammar = toyGrammar([], { stopped });
  const parsed = parseUnits({ path: "a.toy", text: "x\ny\n" }, grammar);
  assert.deepEqual(
    parsed.units.map((unit) => [unit.kind, unit.text]),
    [["file", "x\ny"]],
  );
  assert.deepEqual(parsed.problems, [{ path: "a.toy", line: 1, message: stopped }]);
});

test("syntax errors become problems with line numbers and cost no unit", () => {
  const parsed = parseUnits({ path: "a.toy", text: "x\ny\n" }, toyGrammar([], { errorRows: [1] }));
  assert.deepEqual(parsed.problems, [{ path: "a.toy", line: 2, message: sentence("Syntax error.") }]);
  assert.equal(parsed.units.length, 1);
});

test("a class keeps its header and its members' signatures; members keep their docs", () => {
  const text = ["class A {", "  x = 1", "  // Does f.", "  f() {", "    g()", "  }", "  abstract h()", "}"].join("\n");
  const member = "f() {\n    g()\n  }";
  const units = parse(
    text,
    toyGrammar([
      [
        ["definition.class", text],
        ["name", "A"],
        ["body", text.slice(8)],
      ],
      [
        ["definition.method", member],
        ["name", "f"],
        ["body", member.slice(4)],
      ],
      [
        ["definition.method", "abstract h()"],
        ["name", "h"],
      ],
      [["doc", "// Does f."]],
      [["reference.call", "g"]],
    ]),
  );
  assert.deepEqual(
    units.map((unit) => [unit.kind, unit.qualifiedName, unit.ranges, unit.signature, unit.doc]),
    [
      [
        "class",
        "A",
        [
          { startLine: 1, endLine: 2 },
          { startLine: 4, endLine: 4 },
          { startLine: 7, endLine: 8 },
        ],
        "class A",
        "",
      ],
      ["method", "A.f", [{ startLine: 3, endLine: 6 }], "  f()", "Does f."],
    ],
  );
  assert.equal(units[0]?.text, "class A {\n  x = 1\n  f() {\n  abstract h()\n}");
  assert.deepEqual(units[1]?.references, [{ name: "g", role: "call", line: 5 }]);
  assert.deepEqual(units[0].references, []);
});

test("what a function defines belongs to the function", () => {
  const text = "f {\n  g {\n  }\n}";
  const units = parse(
    text,
    toyGrammar([
      [
        ["definition.function", text],
        ["name", "f"],
        ["body", text.slice(2)],
      ],
      [
        ["definition.function", "g {\n  }"],
        ["name", "g"],
        ["body", "{\n  }"],
      ],
    ]),
  );
  assert.deepEqual(
    units.map((unit) => unit.qualifiedName),
    ["f"],
  );
});

test("references are distinct by name and role, and neither the unit's own name nor a receiver counts", () => {
  const text = "f {\n  x.f()\n  aa()\n  bb(self)\n}";
  const units = parse(
    text,
    toyGrammar([
      [
        ["definition.function", text],
        ["name", "f"],
        ["body", text.slice(2)],
      ],
      [["reference.call", "x.f"]],
      [["reference.call", "aa"]],
      [["reference.name", "aa"]],
      [["reference.name", "self"]],
      [["reference.type", "bb"]],
      [["reference.call", "bb"]],
    ]),
  );
  assert.deepEqual(
    units[0]?.references.map(({ role, name }) => `${role} ${name}`),
    ["call aa", "call bb"],
  );
});

test("matches of one import statement are joined", () => {
  const text = 'import { a, b } from "./m"';
  const statement = [
    ["import", text],
    ["import.module", '"./m"'],
  ] as const;
  const parsed = parseUnits(
    { path: "a.toy", text },
    toyGrammar([statement, [...statement, ["import.name", "a"]], [...statement, ["import.name", "b"]]]),
  );
  assert.deepEqual(parsed.imports, [{ module: "./m", names: ["a", "b"], line: 1 }]);
  assert.deepEqual(
    parsed.units[0]?.references.map(({ role, name }) => `${role} ${name}`),
    ["import a", "import b"],
  );
});

test("a long function is split into parts of the same name; only the first has the documentation", () => {
  const body = Array.from({ length: 200 }, (_, i) => `  step(${i})`);
  const definition = ["f {", ...body, "}"].join("\n");
  const grammar = toyGrammar(
    [
      [
        ["definition.function", definition],
        ["name", "f"],
        ["body", definition.slice(2)],
      ],
      [["doc", "// Steps."]],
    ],
    { splitPoints: Array.from({ length: 200 }, (_, i) => i + 2) },
  );
  const units = parse(`// Steps.\n${definition}\n`, grammar);
  assert.deepEqual(
    units.map((unit) => [unit.kind, unit.name, unit.doc]),
    [
      ["function", "f", "Steps."],
      ["function", "f", ""],
    ],
  );
  assert.equal(units.map((unit) => unit.text).join("\n"), `// Steps.\n${definition}`);
});

const docs = [
  ["/** One. */", "One."],
  ["/**\n * One {@link two}.\n *\n *\n * Three.\n */", "One two.\n\nThree."],
  ["/// One\n/// two", "One\ntwo"],
  ["//! Inner.", "Inner."],
  ['/// <summary>Uses <see cref="Foo"/> of List<T>.</summary>', "Uses Foo of List<T>."],
  ["# One\n#\n# two", "One\n\ntwo"],
  ["-- One", "One"],
  ["--[[ One\n two ]]", "One\ntwo"],
  ['r"""One.\n\n    Two.\n    """', "One.\n\nTwo."],
  ["// ------\n// One\n// ------", "One"],
  ["// *args are passed", "*args are passed"],
] as const;
for (const [written, plain] of docs) {
  test(`the comment ${JSON.stringify(written)} says ${JSON.stringify(plain)}`, () => {
    const source = sourceLines(written);
    const block = docBlock({ startIndex: 0, endIndex: written.length }, true, source);
    assert.equal(plainDoc([block], source, commentMarks(language)), plain);
  });
}
