import assert from "node:assert/strict";
import { test } from "node:test";
import { compressors } from "../../extension/pipeline/compress.ts";
import { buildPrompt } from "../../extension/pipeline/prompt.ts";
import { promptSegments } from "../../extension/pipeline/promptSegments.ts";
import { makeUnit } from "../support/memoryUnits.ts";

const digest = "# Central declarations of the repository\n\nsrc/a.ts\n    function a()\n\n";

test("a prompt is instructions, digest, units, and what belongs to this question only", () => {
  const units = ["retry", "backoff"].map((name) =>
    makeUnit({ path: `src/${name}.ts`, name, text: `${name}(request);` }),
  );
  const prompt = build(units, digest);
  const segments = promptSegments(prompt.pieces);
  assert.deepEqual(
    segments.map(({ kind }) => kind),
    ["instructions", "digest", "loose", "unit", "unit", "loose"],
  );
  assert.deepEqual(
    segments
      .filter(({ kind }) => kind === "unit")
      .map(({ label, language }) => `${label} ${language}`)
      .sort(),
    units.map(({ path, startLine, endLine, language }) => `${path}:${startLine}-${endLine} ${language}`).sort(),
  );
  let at = 0;
  for (const { first, end } of segments) {
    assert.equal(first, at);
    assert.ok(end > first);
    at = end;
  }
  assert.equal(at, prompt.pieces.length);
  const text = (kind: string): string =>
    segments
      .filter((segment) => segment.kind === kind)
      .map(({ first, end }) => prompt.pieces.slice(first, end).map((piece) => piece.text))
      .flat()
      .join("");
  assert.equal(text("digest"), digest);
  assert.match(text("instructions"), /^<s>You answer questions[^]*<\/s><u>$/);
});

test("two questions about one repository begin with the same segments", () => {
  const [one, other] = [
    build([makeUnit({ path: "src/a.ts", name: "retry", text: "retry();" })], digest),
    build([], digest),
  ];
  const beginning = (prompt: typeof one): string[] =>
    promptSegments(prompt.pieces)
      .slice(0, 2)
      .flatMap(({ first, end }) => prompt.pieces.slice(first, end).map(({ text }) => text));
  assert.deepEqual(beginning(one), beginning(other));
});

test("the digest is left out where it does not fit, and counts as any other piece", () => {
  const [with_, without] = [build([], digest), build([], "")];
  assert.equal(with_.tokensSent - without.tokensSent, Math.ceil(digest.length / 4));
  assert.deepEqual(
    build([], "x".repeat(100_000)).pieces.map(({ share }) => share),
    without.pieces.map(({ share }) => share),
  );
});

function build(units: readonly ReturnType<typeof makeUnit>[], digestText: string): ReturnType<typeof buildPrompt> {
  return buildPrompt({
    question: "How does retry use backoff?",
    ranked: units.map((unit, at) => ({ unit, score: 9 - at, reasons: [] })),
    compressor: compressors.knapsack,
    counter: { name: "four characters", count: (text) => Math.ceil(text.length / 4) },
    chat: {
      name: "test",
      wrap: () => ({ beforeSystem: "<s>", between: "</s><u>", after: "</u><a>" }),
      stopStrings: [],
    },
    budgetTokens: 2048,
    answerReserveTokens: 512,
    shares: { openFile: 0.2, history: 0.25 },
    omission: () => "//",
    digest: digestText,
  });
}
