import assert from "node:assert/strict";
import { test } from "node:test";
import { completionContext, declarationText } from "../../extension/pipeline/completionContext.ts";
import { fillInFormat } from "../../extension/pipeline/fillInFormat.ts";
import type { CompletionPiece } from "../../extension/protocol/complete.ts";
import { english } from "../../extension/protocol/sentence.ts";
import { makeUnit, memoryUnits, type UnitSpec } from "../support/memoryUnits.ts";

const counter = { name: "characters", count: (text: string) => text.length };
const controls = ["<|file_sep|>"];

function unit(path: string, name: string, more: Partial<UnitSpec> = {}): ReturnType<typeof makeUnit> {
  const signature = `function ${name}(a: string): void`;
  return makeUnit({ path, name, signature, text: `${signature} {}`, ...more });
}

const units = [
  unit("src/util/paths.ts", "joinPaths"),
  unit("src/util/paths.ts", "splitPaths", { ordinal: 1, startLine: 5 }),
  unit("src/util/colors.ts", "mixColors"),
  unit("src/open.ts", "openHere"),
  unit("src/server/deep/wire.ts", "encodeWire", { calls: ["mixColors"] }),
];

function context(
  text: string,
  { budgetTokens = 400, separators = true, imports = ["./util/paths"], digest = "" } = {},
): CompletionPiece[] {
  return completionContext({
    open: {
      path: "src/open.ts",
      language: "typescript",
      imports: imports.map((module) => ({ module, names: [], line: 1 })),
      text,
      scopeText: text,
    },
    source: memoryUnits(units),
    format: fillInFormat({
      tokens: { fimPrefix: -1, fimSuffix: -1, fimMiddle: -1 },
      tokenOf: (mark) => (separators ? controls.indexOf(mark) : -1),
      declared: null,
      bos: -1,
    }),
    counter,
    textOf: (token) => controls[token] ?? "",
    comment: { line: "//", block: null },
    budgetTokens,
    digest,
  });
}

test("the stable part holds what the open file mentions and imports, file by file, the likeliest last", () => {
  const pieces = context("export function openHere() { joinPaths(); }");
  const text = pieces.map((piece) => piece.text).join("");
  assert.match(text, /<\|file_sep\|>src\/util\/paths\.ts\nfunction joinPaths\(a: string\): void\nfunction splitPaths/);
  assert.ok(text.trimEnd().split("<|file_sep|>").at(-1)?.startsWith("src/util/paths.ts"));
  const joined = pieces.find((piece) => piece.unit?.name === "joinPaths");
  assert.equal(joined?.share, "references");
  assert.ok(joined.reasons.map(english).includes("`joinPaths` is mentioned in this function"));
});

test("nothing of the open file itself is in it, and nothing takes more than the budget", () => {
  for (const budgetTokens of [0, 10, 60, 100, 200, 1000]) {
    const pieces = context("openHere(); joinPaths(); mixColors();", { budgetTokens });
    assert.ok(!pieces.some((piece) => piece.unit?.path === "src/open.ts"));
    const used = pieces.reduce((sum, piece) => sum + piece.tokens, 0);
    assert.ok(used <= budgetTokens, `${used} of ${budgetTokens}`);
  }
});

test("with little room the name that the function mentions is what stays", () => {
  const pieces = context("mixColors();", { budgetTokens: 70, imports: [] });
  assert.deepEqual(
    pieces.flatMap((piece) => piece.unit?.name ?? []),
    ["mixColors"],
  );
});

test("without file separators the stable part is comments", () => {
  const text = context("joinPaths();", { separators: false })
    .map((piece) => piece.text)
    .join("");
  assert.match(text, /^\/\/ src\/util/m);
  assert.ok(
    text
      .trimEnd()
      .split("\n")
      .every((line) => line.startsWith("// ")),
    text,
  );
});

test("what the repository is goes first, as a comment, and only where it fits", () => {
  const [first, ...others] = context("joinPaths();", { digest: "A library.\nTwo folders." });
  assert.deepEqual([first?.share, first?.text], ["digest", "// A library.\n// Two folders.\n"]);
  assert.ok(others.length > 0);
  assert.deepEqual(context("joinPaths();", { digest: "x".repeat(500) }), context("joinPaths();"));
});

test("the same document gives the same bytes", () => {
  assert.deepEqual(context("joinPaths(); mixColors();"), context("joinPaths(); mixColors();"));
});

test("a declaration is one line, with its class where that does not show, and never half a character", () => {
  const method = unit("a.ts", "send", { qualifiedName: "Client.send", signature: "send(\n    a,\n    b,\n  )" });
  assert.equal(declarationText(method), "Client: send( a, b, )");
  const long = unit("a.ts", "x", { signature: `function x${"😀".repeat(400)}` });
  assert.ok(declarationText(long).isWellFormed() && declarationText(long).length <= 320);
});
