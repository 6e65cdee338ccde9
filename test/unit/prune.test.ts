import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pruneLines } from "../../extension/pipeline/prune.ts";
import { scanLines } from "../../extension/pipeline/pruneScan.ts";
import { statementsOf, type Statement } from "../../extension/pipeline/pruneStatements.ts";
import { keptLines, renderChosen } from "../../extension/pipeline/rendering.ts";
import { scanUnit } from "../../extension/pipeline/renderingMarks.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { makeUnit } from "../support/memoryUnits.ts";

describe("scanning lines", () => {
  const code = (text: string, language: string) => scanLines(text.split("\n"), language).map((line) => line.code);
  const inside = (text: string, language: string) => scanLines(text.split("\n"), language).map((line) => line.inside);

  test("blanks strings and comments, so that brackets in them do not count", () => {
    assert.deepEqual(code("a('{') // }", "javascript"), ['a("  )']);
    assert.deepEqual(code('x = "{" # }', "python"), ['x = "']);
    assert.deepEqual(code("let a: &'static str = '{';", "rust"), ["let a: &'static str = \"  ;"]);
    assert.deepEqual(code("s.replace(/[{]/g, '')", "typescript"), ['s.replace("     , " )']);
    assert.deepEqual(code("n=${#list} # {", "bash"), ["n=${#list}"]);
  });

  test("knows lines inside strings and comments of several lines", () => {
    assert.deepEqual(inside('x = """\n  {\n"""\ny', "python"), [false, true, true, false]);
    assert.deepEqual(inside("const x = `\n{\n`;\ny", "typescript"), [false, true, true, false]);
    assert.deepEqual(inside("/* {\n*/\ny", "c"), [false, true, false]);
    assert.deepEqual(inside("x = <<~TEXT\n  {\nTEXT\ny", "ruby"), [false, true, true, false]);
    assert.deepEqual(inside("local x = [[\n{\n]]\ny", "lua"), [false, true, true, false]);
    assert.deepEqual(inside('let x = r#"\n"{\n"#;\ny', "rust"), [false, true, true, false]);
  });

  test("counts brackets from the first line", () => {
    const lines = scanLines(["f({", "  a: [1,", "  2] });", "g"], "javascript");
    assert.deepEqual(
      lines.map(({ depth }) => depth),
      [0, 2, 3, 0],
    );
  });
});

/** `first-last` with the bodies in brackets. */
function outline(statements: readonly Statement[]): string {
  return statements
    .map(({ first, last, bodies }) => `${first}-${last}${bodies.map((body) => `[${outline(body)}]`).join("")}`)
    .join(" ");
}

describe("statements", () => {
  const of = (text: string, language: string) => outline(statementsOf(scanLines(text.split("\n"), language), language));

  test("hold their branches and what closes them", () => {
    assert.equal(of("if (a) {\n  b();\n} else {\n  c();\n}\nd();", "javascript"), "0-4[1-1][3-3] 5-5");
    assert.equal(of("try:\n    a()\nexcept E:\n    b()\nfinally:\n    c()\nd()", "python"), "0-5[1-1][3-3][5-5] 6-6");
    assert.equal(of("if a\n  b\nelsif c\n  d\nend\ne", "ruby"), "0-4[1-1][3-3] 5-5");
    assert.equal(of("if a then\n  b()\nelse\n  c()\nend\nd()", "lua"), "0-4[1-1][3-3] 5-5");
    assert.equal(of("if a; then\n  b\nelse\n  c\nfi\nd", "bash"), "0-4[1-1][3-3] 5-5");
  });

  test("go on while brackets, strings or operators are open", () => {
    assert.equal(of("a(\nb,\n)\nc", "python"), "0-2 3-3");
    assert.equal(of("a\n  .b()\n  .c();\nd();", "java"), "0-2 3-3");
    assert.equal(of("const t = `\nx\n`;\nd();", "typescript"), "0-2 3-3");
    assert.equal(of("int x =\n1;\ny();", "c"), "0-1 2-2");
  });

  test("take decorators, attributes and a brace on a line of its own along", () => {
    assert.equal(of("@a\n@b(1)\ndef f():\n    x\ny", "python"), "0-3[3-3] 4-4");
    assert.equal(of("#[test]\nfn f() {\n    x();\n}\ny();", "rust"), "0-3[2-2] 4-4");
    assert.equal(of("void f()\n{\n  x();\n}\ny();", "cpp"), "0-3[2-2] 4-4");
  });

  test("do not fall apart at directives and labels of any indentation", () => {
    assert.equal(
      of("void f() {\n  a();\n#ifdef X\n  b();\n#endif\n  c();\nout:\n  d();\n}", "c"),
      "0-8[1-1 2-4 5-5 6-7]",
    );
  });
});

const handle = makeUnit({
  path: "src/app.py",
  name: "handle",
  language: "python",
  kind: "method",
  signature: "    def handle(self, request):",
  startLine: 11,
  text: [
    "    def handle(self, request):",
    "        log.debug('start of a long line that nobody asked for')",
    "        log.debug('another long line that nobody asked for')",
    "        if request.retries > self.limit:",
    "            log.debug('one more long line that nobody asked for')",
    "            raise TooMany(request)",
    "        else:",
    "            log.debug('the last long line that nobody asked for')",
    "",
    "        return self.next(request)",
  ].join("\n"),
});

/** Values by line; costs by length. */
function prune(unit: Unit, valued: Readonly<Record<number, number>>, budget: number): number[] | null {
  const texts = unit.text.split("\n");
  const values = Float64Array.from(texts, (_, at) => valued[unit.startLine + at] ?? 0);
  const costs = Float64Array.from(texts, (text) => text.trim().length / 4);
  return pruneLines({ unit, values, costs, budget, markCost: 4 });
}

describe("pruning", () => {
  test("keeps the declaration, what is worth most, and the lines that lead to it", () => {
    const kept = prune(handle, { 16: 1, 20: 0.5 }, 45);
    assert.deepEqual(kept, [11, 14, 16, 17, 20]);
    assert.equal(
      renderChosen(handle, kept, "#"),
      [
        "    def handle(self, request):",
        "        # ... lines 12-13",
        "        if request.retries > self.limit:",
        "            # ... line 15",
        "            raise TooMany(request)",
        "        else:",
        "            ...  # lines 18-19",
        "        return self.next(request)",
      ].join("\n"),
    );
  });

  test("is not possible where nothing fits or nothing is worth keeping", () => {
    assert.equal(prune(handle, { 16: 1 }, 12), null);
    assert.equal(prune(handle, {}, 100), null);
  });

  test("fills a gap that costs no more than its mark", () => {
    const unit = makeUnit({
      path: "a.ts",
      name: "f",
      signature: "function f()",
      text: `function f() {\n  firstOfManyWords();\n  x();\n  lastOfManyWords();\n  ${"y".repeat(80)}();\n}`,
    });
    assert.deepEqual(prune(unit, { 2: 1, 4: 1 }, 30), [1, 2, 3, 4, 6]);
  });

  test("leaves out members of a class by their declarations", () => {
    const unit = makeUnit({
      path: "a.ts",
      name: "Box",
      kind: "class",
      signature: "class Box",
      text: `class Box {\n  openTheBoxThatIsShut() {\n  shutTheBoxThatIsOpen() {\n  private lidOfTheBox = 1;\n}`,
      ranges: [
        { startLine: 1, endLine: 2 },
        { startLine: 5, endLine: 5 },
        { startLine: 8, endLine: 9 },
      ],
    });
    assert.equal(outline(statementsOf(scanUnit(unit), "typescript")), "0-4[1-1 2-2 3-3]");
    const texts = unit.text.split("\n");
    const costs = Float64Array.from(texts, () => 8);
    const kept = pruneLines({ unit, values: Float64Array.of(0, 0, 1, 0, 0), costs, budget: 30, markCost: 4 });
    assert.equal(
      renderChosen(unit, [1, 5, 9], "//"),
      "class Box {\n    // ... lines 2-4\n  shutTheBoxThatIsOpen() {\n  } // ... lines 6-8\n}",
    );
    assert.deepEqual(kept, [1, 5, 9]);
  });
});

describe("marks", () => {
  test("close what was opened and cut off, in the order of opening", () => {
    const unit = makeUnit({
      path: "a.rb",
      name: "A",
      language: "ruby",
      text: "class A\n  def a\n  def b(x)\nend",
      ranges: [
        { startLine: 1, endLine: 2 },
        { startLine: 6, endLine: 6 },
        { startLine: 9, endLine: 9 },
      ],
    });
    assert.equal(
      renderChosen(unit, [1, 2, 6, 9], "#"),
      "class A\n  def a\n  end # ... lines 3-5\n  def b(x)\n  end # ... lines 7-8\nend",
    );
  });

  test("give a Python declaration whose parameters are cut off a body", () => {
    const unit = makeUnit({
      path: "a.py",
      name: "f",
      language: "python",
      text: "def f(\n    a,\n    b,\n):\n    return a",
    });
    assert.equal(renderChosen(unit, [1, 2], "#"), "def f(\n    a,\n): ...  # lines 3-5");
  });

  test("keep the last line of a declaration whose brace stands deeper than its beginning", () => {
    const unit = makeUnit({
      path: "a.java",
      name: "f",
      language: "java",
      signature: "  int f()\n      throws E",
      text: "  int f()\n      throws E {\n    return 1;\n  }",
    });
    assert.deepEqual(keptLines(unit, "signature"), [1, 2, 4]);
    assert.equal(renderChosen(unit, [1, 2, 4], "//"), "  int f()\n      throws E {\n          // ... line 3\n  }");
  });
});
