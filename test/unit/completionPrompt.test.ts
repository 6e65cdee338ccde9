import assert from "node:assert/strict";
import { test } from "node:test";
import {
  completionPrompt,
  stableBudget,
  type CompletionPromptRequest,
} from "../../extension/pipeline/completionPrompt.ts";
import { fillInFormat } from "../../extension/pipeline/fillInFormat.ts";
import type { CompletionPiece } from "../../extension/protocol/complete.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";

const controls = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"];
const textOf = (token: number): string => controls[token] ?? "";
/** Words and single signs: any cut at a line end is a cut between tokens. */
const counter = {
  name: "words",
  count: (text: string) => text.match(/[\p{L}\p{N}_]+|[^\p{L}\p{N}_ ]|\p{Cs}/gu)?.length ?? 0,
};

function requestOf(
  more: Partial<CompletionPromptRequest>,
  declared: string | null = "suffix-first",
): CompletionPromptRequest {
  const format = fillInFormat({
    tokens: { fimPrefix: -1, fimSuffix: -1, fimMiddle: -1 },
    tokenOf: (text) => controls.indexOf(text),
    declared,
    bos: -1,
  });
  return {
    ...{ format, counter, textOf, path: "a.ts", before: "", after: "", startLine: 1, budgetTokens: 200 },
    ...{ shares: { prefix: 35, suffix: 15 }, stable: [], anchor: null },
    ...more,
  };
}

function lines(count: number, word: string): string {
  return Array.from({ length: count }, (_, at) => `${word} ${at} ;\n`).join("");
}

function stablePieces(tokens: number): CompletionPiece[] {
  return Array.from({ length: tokens }, (_, at) => ({
    ...{ share: "references" as const, text: `s${at}\n`, tokens: counter.count(`s${at}\n`), reasons: [] },
  }));
}

test("a prompt's pieces stand in the model's order and add up to its text and tokens", () => {
  const { pieces, tokens } = completionPrompt(requestOf({ before: "a\nb", after: "\nc\n", stable: stablePieces(1) }));
  const text = pieces.map((piece) => piece.text).join("");
  assert.equal(text, "s0\n<|file_sep|>a.ts\n<|fim_prefix|><|fim_suffix|>\nc\n<|fim_middle|>a\nb");
  assert.equal(
    tokens,
    pieces.reduce((sum, piece) => sum + (piece.token === undefined ? counter.count(piece.text) : 1), 0),
  );
});

test("no prompt takes more than its budget, whatever stands around the cursor", () => {
  const random = new SeededRandom("budgets");
  for (let round = 0; round < 300; round += 1) {
    const any = (): string => {
      const parts = Array.from({ length: random.between(0, 60) }, () =>
        random.pick(["word ", "\n", "(", "😀", "x".repeat(random.between(1, 900)), "a b c d e f\n"]),
      );
      return parts.join("");
    };
    const bare = requestOf(
      {
        ...{ before: any(), after: any(), budgetTokens: random.between(20, 400) },
        shares: { prefix: random.between(5, 60), suffix: random.between(0, 40) },
      },
      random.pick(["suffix-first", null, "none"]) ?? null,
    );
    const stable = stablePieces(400);
    const budget = stableBudget(bare, 64);
    while (stable.reduce((sum, piece) => sum + piece.tokens, 0) > budget) stable.pop();
    const { pieces, tokens } = completionPrompt({ ...bare, stable });
    assert.ok(tokens <= bare.budgetTokens, `${tokens} of ${bare.budgetTokens}`);
    const prefix = pieces.find((piece) => piece.share === "prefix")?.text ?? "";
    assert.ok(bare.before.endsWith(prefix));
    const suffix = pieces.find((piece) => piece.share === "suffix")?.text ?? "";
    assert.ok(bare.after.startsWith(suffix));
    for (const text of [prefix, suffix]) assert.ok(text.isWellFormed());
  }
});

test("prefix and suffix are cut at line ends", () => {
  const { pieces } = completionPrompt(
    requestOf({ before: `${lines(80, "before")}here`, after: `\n${lines(80, "after")}` }),
  );
  const prefix = pieces.find((piece) => piece.share === "prefix")?.text ?? "";
  const suffix = pieces.find((piece) => piece.share === "suffix")?.text ?? "";
  assert.match(prefix, /^before \d+ ;\n[^]*here$/);
  assert.match(suffix, /;\n$/);
});

test("what one part does not need goes to the others", () => {
  const short = requestOf({ before: "a\n", after: "" });
  assert.ok(stableBudget(short, 0) > 180);
  const long = requestOf({ before: lines(80, "before"), after: `\n${lines(80, "after")}` });
  assert.ok(stableBudget(long, 0) <= 0.52 * 200 && stableBudget(long, 0) >= 0.45 * 200);
  const alone = completionPrompt(long);
  assert.ok(alone.tokens > 0.7 * 200, "without a stable part the file gets its room");
});

test("while one types, the prompt begins the same", () => {
  let before = lines(60, "before");
  const stable = stablePieces(30);
  let anchor = completionPrompt(requestOf({ before, after: `\n${lines(40, "after")}`, stable })).anchor;
  let kept = 0;
  const typed = "call ( one , two ) ;\ncall ( three ) ;\n";
  let last = "";
  for (const character of typed) {
    before += character;
    const prompt = completionPrompt(requestOf({ before, after: `\n${lines(40, "after")}`, stable, anchor }));
    anchor = prompt.anchor;
    const text = prompt.pieces.map((piece) => piece.text).join("");
    if (text === last + character) kept += 1;
    last = text;
  }
  assert.ok(kept >= typed.length - 3, `${kept} of ${typed.length} prompts only grew at their end`);
});

test("an anchor of another file, or one above the text that was sent, means nothing", () => {
  const before = lines(60, "before");
  const base = completionPrompt(requestOf({ before }));
  for (const anchor of [
    { path: "b.ts", line: 50 },
    { path: "a.ts", line: -3 },
  ]) {
    assert.deepEqual(completionPrompt(requestOf({ before, anchor })), base);
  }
});
