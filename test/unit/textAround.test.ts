import assert from "node:assert/strict";
import { test } from "node:test";
import { completionTextLimits } from "../../extension/protocol/complete.ts";
import { textAround, withCellsAbove } from "../../extension/host/textAround.ts";
import type { TextLines } from "../../extension/host/textAround.ts";

test("a short document goes whole, split at the cursor", () => {
  const around = textAround(linesOf("let a = 1;\nlet b = ;\nlet c = 3;\n"), { line: 1, character: 8 });
  assert.deepEqual(around, { before: "let a = 1;\nlet b = ", after: ";\nlet c = 3;\n", startLine: 1 });
});

test("an empty document has nothing around the cursor", () => {
  assert.deepEqual(textAround(linesOf(""), { line: 0, character: 0 }), { before: "", after: "", startLine: 1 });
});

test("of a document of 50,000 lines only what is near the cursor is looked at, and its head", () => {
  const asked = new Set<number>();
  const document: TextLines = {
    lineCount: 50_000,
    lineAt: (line) => {
      asked.add(line);
      return { text: `export const value${line} = compute(${line});` };
    },
  };
  const around = textAround(document, { line: 40_000, character: 6 });
  assert.ok(around.before.length <= completionTextLimits.before && around.before.length > 16_000);
  assert.ok(around.after.length <= completionTextLimits.after && around.after.length > 11_000);
  assert.ok(around.before.endsWith("\nexport"));
  assert.ok(around.before.startsWith(`export const value${around.startLine - 1} `));
  assert.ok((around.head ?? "").startsWith("export const value0 = "));
  assert.ok((around.head ?? "").length <= completionTextLimits.head);
  assert.ok(asked.size < 1_500, `${asked.size} lines were looked at`);
});

test("what stands before the cursor keeps its start while one types", () => {
  const text = Array.from({ length: 3_000 }, (_, line) => `const value${line} = ${line};`);
  const starts = new Set<number>();
  for (let line = 2_000; line < 2_060; line += 1) {
    starts.add(textAround(linesOf(text.join("\n")), { line, character: 5 }).startLine);
  }
  assert.ok(starts.size <= 2, [...starts].join(" "));
});

test("a line that is longer than the limits is cut, and no surrogate pair with it", () => {
  const face = "\u{1f600}";
  const around = textAround(linesOf(`a${face.repeat(20_000)}b${face.repeat(20_000)}`), { line: 0, character: 40_002 });
  assert.ok(around.before.endsWith(`${face}b`) && around.before.length <= completionTextLimits.before);
  assert.ok(around.after.startsWith(face) && around.after.length <= completionTextLimits.after);
  assert.ok(around.before.isWellFormed() && around.after.isWellFormed());
});

test("the cells above come first in a notebook, the nearest ones where not all fit", () => {
  const around = textAround(linesOf("df."), { line: 0, character: 3 });
  assert.equal(
    withCellsAbove(around, ["import pandas\r\n", "df = load()"]).before,
    "import pandas\n\ndf = load()\ndf.",
  );
  const long = "x".repeat(completionTextLimits.before - 10);
  assert.equal(withCellsAbove(around, [long, "df = load()"]).before, "df = load()\ndf.");
});

function linesOf(text: string): TextLines {
  const lines = text.split("\n");
  return { lineCount: lines.length, lineAt: (line) => ({ text: lines[line] ?? "" }) };
}
