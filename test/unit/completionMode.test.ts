import assert from "node:assert/strict";
import { test } from "node:test";
import { completionMode } from "../../extension/pipeline/completionMode.ts";
import { textSyntax } from "../../extension/pipeline/cursorSyntax.ts";

/** `|` marks the cursor. */
const cases: readonly (readonly [why: string, code: string, language: string, expected: string])[] = [
  ["inside a line", "const a = fo|\n", "typescript", "line"],
  ["before closers that the editor put there", "call(first, |);\n", "typescript", "line"],
  ["on an empty line", "function f() {\n  |\n}\n", "typescript", "lines"],
  ["at the end of a line that opens a block", "function f() {|\n}\n", "typescript", "lines"],
  ["behind Python's colon", "def f():|\n", "python", "lines"],
  ["behind a colon that opens nothing", "x = {'a':|\n", "python", "line"],
  ["before a word", "x = |value\n", "typescript", "insideWord"],
  ["within a word", "x = val|ue\n", "typescript", "insideWord"],
  ["before more code", "a(| + b)\n", "typescript", "lineContinues"],
  ["in a string", 'x = "some |text"\n', "typescript", "insideString"],
  ["in a string that has no end yet", 'x = "some |\n', "python", "insideString"],
  ["in a line comment", "// say |\n", "typescript", "insideComment"],
  ["in a block comment", "/* say\n | */\n", "go", "insideComment"],
  ["behind a string", 'x = "a"|\n', "typescript", "line"],
  ["in an empty document", "\n|\n", "typescript", "documentEmpty"],
];

for (const [why, code, language, expected] of cases) {
  test(`a cursor ${why}: ${expected}`, () => {
    const [before = "", after = ""] = code.split("|");
    const chosen = completionMode({ before, after, syntax: textSyntax(before, after, language) });
    assert.equal(chosen.mode ?? chosen.nothing, expected);
  });
}
