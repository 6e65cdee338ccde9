import assert from "node:assert/strict";
import { test } from "node:test";
import { fillInFormat, type FillInFormat } from "../../extension/pipeline/fillInFormat.ts";

const none = { fimPrefix: -1, fimSuffix: -1, fimMiddle: -1 };

/** Control tokens by text, and a prompt in words. */
function layout(
  controls: readonly string[],
  more: { tokens?: typeof none; declared?: string; bos?: number } = {},
): string {
  return inWords(formatOf(controls, more), controls);
}

function formatOf(
  controls: readonly string[],
  more: { tokens?: typeof none; declared?: string; bos?: number } = {},
): FillInFormat {
  return fillInFormat({
    tokens: more.tokens ?? none,
    tokenOf: (text) => controls.indexOf(text),
    declared: more.declared ?? null,
    bos: more.bos ?? -1,
  });
}

function inWords({ order, parts }: FillInFormat, controls: readonly string[]): string {
  const words = parts.map((part) => ("token" in part ? (controls[part.token] ?? `#${part.token}`) : `{${part.text}}`));
  return `${order}: ${words.join("")}`;
}

const layouts: readonly (readonly [name: string, actual: string, expected: string])[] = [
  [
    "Qwen gets files of their own, then prefix, suffix, middle",
    layout(["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|repo_name|>", "<|file_sep|>"]),
    "prefix-suffix-middle: {files}<|file_sep|>{header}<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>",
  ],
  [
    "StarCoder has the same marks with other brackets",
    layout(["<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<file_sep>"]),
    "prefix-suffix-middle: {files}<file_sep>{header}<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>",
  ],
  [
    "DeepSeek's hole is where the suffix begins, and its prompt has a token in front",
    layout(["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"], { bos: 7 }),
    "prefix-suffix-middle: #7<｜fim▁begin｜>{context}{prefix}<｜fim▁hole｜>{suffix}<｜fim▁end｜>",
  ],
  [
    "CodeLlama's marks begin with SentencePiece's blank",
    layout(["▁<PRE>", "▁<SUF>", "▁<MID>"]),
    "prefix-suffix-middle: ▁<PRE>{context}{prefix}▁<SUF>{suffix}▁<MID>",
  ],
  [
    "CodeGemma",
    layout(["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"]),
    "prefix-suffix-middle: {files}<|file_separator|>{header}<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>",
  ],
  [
    "Codestral reads the suffix first and has no middle",
    layout(["[PREFIX]", "[SUFFIX]", "[MIDDLE]"], { bos: 9 }),
    "suffix-prefix-middle: #9[SUFFIX]{suffix}[PREFIX]{context}{prefix}",
  ],
  [
    "Precis' own model goes on where the prefix ends",
    layout(["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"], { declared: "suffix-first" }),
    "suffix-first: {files}<|file_sep|>{header}<|fim_prefix|><|fim_suffix|>{suffix}<|fim_middle|>{prefix}",
  ],
  [
    "ids that the GGUF names are enough",
    layout([], { tokens: { fimPrefix: 3, fimSuffix: 4, fimMiddle: 5 } }),
    "prefix-suffix-middle: #3{context}{prefix}#4{suffix}#5",
  ],
  ["a model without such tokens goes on from the prefix", layout([]), "prefix-only: {context}{prefix}"],
  [
    "a model that declares that it cannot fill in is not asked to",
    layout(["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"], { declared: "none" }),
    "prefix-only: {context}{prefix}",
  ],
  ["two of three marks are none", layout(["<|fim_prefix|>", "<|fim_suffix|>"]), "prefix-only: {context}{prefix}"],
];

for (const [name, actual, expected] of layouts) {
  test(`fill-in: ${name}`, () => {
    assert.equal(actual, expected);
  });
}

test("a completion ends at any mark of the format and where another file begins", () => {
  const controls = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>", "<|repo_name|>"];
  assert.deepEqual([...formatOf(controls).stopTokens].sort(), [0, 1, 2, 3, 4]);
});
