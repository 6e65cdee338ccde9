import assert from "node:assert/strict";
import { test } from "node:test";
import type { SuggestionRecord } from "../../extension/host/completer.ts";
import { explainSuggestion } from "../../extension/host/explainSuggestion.ts";
import { nothingReasons } from "../../extension/protocol/complete.ts";
import type { NothingReason } from "../../extension/protocol/complete.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { sentence } from "../../extension/protocol/sentence.ts";
import { completionOf, noCompletion } from "../support/completions.ts";

const place = { name: "src/a.ts", line: 3, column: 9 };

test("before the first suggestion it says that there was none", () => {
  assert.match(explainSuggestion(null, null), /Nothing was suggested yet/);
});

test("a suggestion is explained by its place, text, times, model and every piece that the model read", () => {
  const completion = completionOf("sum(beds);\nreturn;", {
    pieces: [
      { share: "template", text: "<fim>", tokens: 3, reasons: [] },
      {
        share: "imports",
        text: "sum(values)",
        tokens: 12,
        unit: { path: "src/sum.ts", name: "sum", startLine: 7 },
        reasons: [sentence("imported"), sentence("its file is imported"), sentence("in the same folder")],
      },
    ],
  });
  const text = explainSuggestion(suggested(completion), null);
  assert.match(text, /^At `src\/a\.ts:3:9`:$/m);
  assert.match(text, /^ {4}sum\(beds\);\n {4}return;$/m);
  assert.match(text, /^- asked and answered: 84 ms$/m);
  assert.match(text, /^- pause after the last key: 75 ms$/m);
  assert.match(text, /read 100 tokens 20 ms \(800 were read before\)/);
  assert.match(text, /^- test: comes with Precis$/m);
  assert.match(text, /^- 900 of 1,024 tokens$/m);
  assert.match(text, /^- imported, `src\/sum\.ts:7` sum 12 tokens: its file is imported; in the same folder$/m);
  assert.match(text, /^- format, 3 tokens$/m);
});

test("one from the cache says so, and how it was made", () => {
  const text = explainSuggestion({ ...suggested(completionOf("x")), isCached: true, typed: 4, ms: 0.31 }, null);
  assert.match(text, /found among earlier suggestions in 0\.3 ms after 4 of its characters had been typed/);
  assert.match(text, /made in 52 ms/);
  assert.doesNotMatch(text, /asked and answered/);
});

test("a model without a format to fill in is said to read only what stands before the cursor", () => {
  const model = { name: "m", role: "completer", fillIn: "prefix-only" } as const;
  assert.match(
    explainSuggestion(suggested(completionOf("x", { model })), null),
    /reads only what stands before the cursor/,
  );
});

for (const reason of Object.keys(nothingReasons) as NothingReason[]) {
  test(`where there was nothing for the reason ${reason}, it says so, and explains the suggestion before it`, () => {
    const last = { ...suggested(completionOf("")), outcome: nothing(reason) };
    const text = explainSuggestion(last, suggested(completionOf("before")));
    assert.ok(text.includes(`nothing. ${nothingReasons[reason]}`));
    assert.match(text, /# The last one before that\n\nAt `src\/a\.ts:3:9`:\n\n {4}before/);
  });
}

test("a failure is told by its sentence, and a language that is off by its setting", () => {
  const failed = { kind: "failed", failure: new Failure("modelMissing", "m.gguf") } as const;
  assert.match(explainSuggestion({ ...suggested(completionOf("")), outcome: failed }, null), /does not exist.*m\.gguf/);
  const off = { kind: "off", language: "markdown" } as const;
  assert.match(
    explainSuggestion({ ...suggested(completionOf("")), outcome: off }, null),
    /completing is off for markdown \(`precis\.complete\.enabled`\)/,
  );
});

function suggested(completion: ReturnType<typeof completionOf>): SuggestionRecord {
  const outcome = { kind: "suggested", text: completion.text, completion } as const;
  return { place, outcome, isCached: false, typed: 0, waitedMs: 75, ms: 84 };
}

function nothing(reason: NothingReason): SuggestionRecord["outcome"] {
  return { kind: "nothing", completion: noCompletion(reason) };
}
