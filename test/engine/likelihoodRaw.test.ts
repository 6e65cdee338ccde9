import assert from "node:assert/strict";
import path from "node:path";
import { before, test } from "node:test";
import { codeModelFile } from "../../extension/engine/codeModel.ts";
import { openLikelihoodScorer } from "../../extension/engine/likelihood.ts";
import { openLlama } from "../../extension/engine/llama.ts";
import type { Llama } from "../../extension/engine/llama.ts";
import { scoreUnits } from "../../extension/pipeline/likelihoodScores.ts";
import { temporaryFolder } from "../support/folders.ts";
import { scorerUnit } from "../support/scorerUnits.ts";
import { writeNotGguf, writeTestModel } from "../support/testModels.ts";

const root = path.resolve(import.meta.dirname, "../..");
const never = new AbortController().signal;
const units = [
  scorerUnit("src/http/cookies.ts", "parseCookies", "", 'return header.split(";").map((pair) => pair.split("="));'),
  scorerUnit("src/cache/lru.ts", "evict", "", "while (this.size > this.limit) this.remove(this.oldest);"),
];
let llama: Llama;

before(async () => {
  llama = await openLlama({ root, device: "cpu" });
});

for (const vocabulary of ["llama-spm", "qwen2"] as const) {
  test(`any decoder can score: a model with the vocabulary ${vocabulary}`, async (t) => {
    const file = path.join(await temporaryFolder(t), "scorer.gguf");
    await writeTestModel({ file, vocabulary, architecture: vocabulary === "qwen2" ? "qwen2" : "llama" });
    const scorer = await openLikelihoodScorer({ llama, root, file, threads: 1, cachedUnits: 4 });
    try {
      assert.equal(scorer.name, "scorer.gguf");
      const question = "Where is the naïve parseCookies() of a “header”?";
      const { tokens, base, given } = await scorer.gains(question, units, never);
      assert.equal(tokens.join(""), ` ${question}`);
      assert.equal(base.length, tokens.length);
      for (const values of [base, ...given]) {
        assert.equal(values.length, tokens.length);
        assert.ok(values.every((value) => value < 0));
      }
      assert.notDeepEqual(given[0], given[1]);
      assert.notDeepEqual(given[0], base);
      const again = await scorer.gains(question, [...units].reverse(), never);
      for (const [at, values] of again.given.entries()) {
        values.forEach((value, token) => {
          assert.ok(Math.abs(value - (given[1 - at]?.[token] ?? Number.NaN)) < 2e-2);
        });
      }
      assert.deepEqual((await scorer.gains(" \n", units, never)).tokens, []);
    } finally {
      await scorer.close();
    }
  });
}

test("the embedded code model scores, and finds names of the question in the code", async () => {
  const scorer = await openLikelihoodScorer({ llama, root, file: codeModelFile(root), threads: 1, cachedUnits: 4 });
  try {
    const asked = "where is parseCookies called with a header";
    const scores = await scoreUnits("likelihood", asked, units, { likelihood: scorer, signal: never });
    assert.ok((scores[0] ?? 0) > (scores[1] ?? 0), scores.join(" "));
  } finally {
    await scorer.close();
  }
});

test("what cannot score is refused with the reason", async (t) => {
  const folder = await temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  const open = (file: string) => openLikelihoodScorer({ llama, root, file, threads: 1 });
  await assert.rejects(open(at("missing.gguf")), { code: "modelMissing" });
  await writeNotGguf(at("page.gguf"));
  await assert.rejects(open(at("page.gguf")), { code: "modelNotGguf" });
  await writeTestModel({ file: at("short.gguf"), trainedContext: 256 });
  await assert.rejects(open(at("short.gguf")), { code: "modelUnsupported", detail: /256 tokens is too short/ });
  await writeTestModel({ file: at("unknown.gguf"), architectureName: "unheard-of" });
  await assert.rejects(open(at("unknown.gguf")), { code: "modelUnsupported" });
});
