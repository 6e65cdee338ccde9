import assert from "node:assert/strict";
import { test } from "node:test";
import { completionMode } from "../../extension/pipeline/completionMode.ts";
import { textSyntax } from "../../extension/pipeline/cursorSyntax.ts";
import { trimCompletion, type Trimmed } from "../../extension/pipeline/trimCompletion.ts";

/** `|` marks the cursor. */
function trim(code: string, text: string, { language = "typescript", maxLines = 12 } = {}): Trimmed {
  const [before = "", after = ""] = code.split("|");
  const syntax = textSyntax(before, after, language);
  const { mode } = completionMode({ before, after, syntax });
  assert.ok(mode !== null, "nothing can be completed here");
  return trimCompletion({ text, before, after, mode, syntax, language, maxLines });
}

const kept: readonly (readonly [why: string, code: string, text: string, expected: string, language?: string])[] = [
  ["only the rest of the line", "const a = |\n", "1;\nconst b = 2;", "1;"],
  [
    "a block's lines up to its end",
    "function f() {\n  |\n}\n",
    "const a = 1;\n  return a;\n}\n\nfunction g() {",
    "const a = 1;\n  return a;",
  ],
  [
    "nested blocks",
    "function f() {\n  |\n}\n",
    "if (a) {\n    b();\n  }\n  c();\n}",
    "if (a) {\n    b();\n  }\n  c();",
  ],
  ["the bracket of a block that is open still", "function f() {\n  |", "return 1;\n}\nfunction g() {}", "return 1;\n}"],
  [
    "Python's block by its indentation",
    "def f():\n    |\n\nx = 1\n",
    "a = 1\n    return a\n\ndef g():\n    pass",
    "a = 1\n    return a",
    "python",
  ],
  [
    "a Python block within another",
    "def f():\n    for x in y:\n        |\n    return z\n",
    "a(x)\n        b(x)\n    c()",
    "a(x)\n        b(x)",
    "python",
  ],
  [
    "what does not follow already",
    "function f() {\n  |\n  return total;\n}\n",
    "const total = 1;\n  return total;\n}",
    "const total = 1;",
  ],
  ["no closer that the editor put there", "call(|)\n", "first, second);", "first, second"],
  ["a closer of the line's own bracket", "call(|\n", "first, second);", "first, second);"],
  ["a bracket closed that was left open", "const a = |\n", "call(first", "call(first)"],
  ["an opening bracket of a block", "if (a) |\n", "{", "{"],
  ["strings with brackets as they are", "const a = |\n", '"(";', '"(";'],
  ["no line twice in a row", "function f() {\n  |\n}\n", "again();\nagain();\nagain();\n", "again();"],
  ["one statement at the top level", "|\nfunction z() {}\n", "const a = 1;\n\nconst b = 2;\n", "const a = 1;"],
  ["no semicolon twice", "const a = |;\n", "value;", "value"],
];

for (const [why, code, text, expected, language] of kept) {
  test(`what is kept: ${why}`, () => {
    assert.equal(trim(code, text, language === undefined ? {} : { language }).text, expected);
  });
}

test("at most so many lines are kept", () => {
  const { text, isFinal } = trim("function f() {\n  |\n}\n", "a();\n  b();\n  c();\n  d();", { maxLines: 2 });
  assert.deepEqual([text, isFinal], ["a();\n  b();", true]);
});

test("a text that only repeats what follows is nothing, and so is white space", () => {
  assert.equal(trim("function f() {\n  |\n  return total;\n}\n", "return total;\n}").nothing, "repeatsSuffix");
  assert.equal(trim("const a = |\n", "  \n").nothing, "modelSilent");
});

test("a text is final once a line lies outside, and not before", () => {
  assert.equal(trim("function f() {\n  |\n}\n", "a();\n  b();").isFinal, false);
  assert.equal(trim("function f() {\n  |\n}\n", "a();\n}").isFinal, true);
});
