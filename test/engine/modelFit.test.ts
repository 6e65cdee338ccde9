import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { getLlama, GgufInsights, readGgufFileInfo } from "node-llama-cpp";
import { readModelShape } from "../../extension/engine/modelHeader.ts";
import { modelNeeds } from "../../extension/pipeline/modelFit.ts";
import { temporaryFolder } from "../support/folders.ts";
import { writeNotGguf, writeTestModel } from "../support/testModels.ts";
import type { TestModelOptions } from "../support/testModels.ts";

/** How far the formula may be from what llama.cpp plans: figures of a fit are rounded to tenths of a GiB anyway. */
const tolerance = 0.1;

const models: readonly Omit<TestModelOptions, "file">[] = [
  { layers: 12, embedding: 1024, heads: 8, kvHeads: 2, feedForward: 2816, trainedContext: 32_768 },
  { layers: 3, embedding: 2048, heads: 16, kvHeads: 8, feedForward: 5632, trainedContext: 32_768 },
];

test("the formula agrees with what llama.cpp plans for a model, at each context", async (t) => {
  const folder = await temporaryFolder(t);
  const llama = await getLlama({ build: "never", skipDownload: true, gpu: false });
  t.after(() => llama.dispose());
  for (const [index, options] of models.entries()) {
    const file = path.join(folder, `${index}.gguf`);
    await writeTestModel({ file, ...options });
    const insights = await GgufInsights.from(await readGgufFileInfo(file, { logWarnings: false }), llama);
    const shape = await readModelShape(file);
    assert.ok(shape !== null);
    const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers: 0 });
    assertNear(shape.bytes, weights.cpuRam, "weights");
    for (const contextTokens of [4_096, 16_384, 32_768]) {
      const needs = modelNeeds(shape, { contextTokens, kvType: "f16" }, "cpu");
      const planned = await insights.estimateContextResourceRequirementsV2({
        contextSize: contextTokens,
        modelGpuLayers: 0,
        batchSize: 512,
        sequences: 1,
        flashAttention: true,
      });
      assertNear(needs.kvBytes + needs.computeBytes, planned.cpuRam, `${contextTokens} tokens`);
    }
  }
});

test("a model's shape is read from its file", async (t) => {
  const file = path.join(await temporaryFolder(t), "model.gguf");
  await writeTestModel({ file, layers: 4, embedding: 256, heads: 8, kvHeads: 2, trainedContext: 2_048 });
  assert.deepEqual(await readModelShape(file), {
    bytes: (await stat(file)).size,
    layers: 4,
    embedding: 256,
    kvHeads: 2,
    headSize: 32,
    valueHeadSize: 32,
    vocabulary: 32_000,
    contextTokens: 2_048,
  });
});

test("what is no model has no shape", async (t) => {
  const file = path.join(await temporaryFolder(t), "page.gguf");
  await writeNotGguf(file);
  assert.equal(await readModelShape(file), null);
  assert.equal(await readModelShape(`${file}.missing`), null);
});

function assertNear(actual: number, expected: number, what: string): void {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const message = `${what}: ${megabytes(actual)} MB, llama.cpp plans ${megabytes(expected)} MB`;
  assert.ok(Math.abs(actual / expected - 1) <= tolerance, message);
}
