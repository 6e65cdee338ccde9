import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { fitModel, modelNeeds, total } from "../../extension/pipeline/modelFit.ts";
import type { ModelShape } from "../../extension/protocol/models.ts";

const gib = 1024 ** 3;
/** Qwen2.5-Coder 7B at 4 bits. */
const shape: ModelShape = {
  bytes: 4.68e9,
  layers: 28,
  embedding: 3584,
  kvHeads: 4,
  headSize: 128,
  vocabulary: 152_064,
  contextTokens: 32_768,
};
const request = { contextTokens: 16_384, kvType: "auto" } as const;

test("the cache has two vectors per layer and cell, 16 bits on a CPU and a good 8 on a GPU", () => {
  const values = 2 * 16_384 * 28 * 4 * 128;
  assert.equal(modelNeeds(shape, request, "cpu").kvBytes, 2 * values);
  assert.equal(modelNeeds(shape, request, "gpu").kvBytes, (34 / 32) * values);
  assert.equal(modelNeeds({ ...shape, valueHeadSize: 64 }, request, "cpu").kvBytes, 1.5 * values);
});

test("no model needs more cells than its window has", () => {
  const long = modelNeeds(shape, { ...request, contextTokens: 1_000_000 }, "cpu");
  assert.deepEqual(long, modelNeeds(shape, { ...request, contextTokens: 32_768 }, "cpu"));
});

test("a model fits the GPU, or with some layers, or the processor, or not at all", () => {
  const kinds = [24, 4, 0].map((gpu) => fitModel(shape, request, { ramBytes: 32 * gib, gpuBytes: gpu * gib }));
  assert.deepEqual(kinds[0], { kind: "fits", on: "gpu", needs: modelNeeds(shape, request, "gpu") });
  assert.ok(
    kinds[1]?.kind === "partly" && kinds[1].gpuLayers > 10 && kinds[1].gpuLayers < 28,
    JSON.stringify(kinds[1]),
  );
  assert.ok(kinds[2]?.kind === "fits" && kinds[2].on === "cpu");
  const small = fitModel(shape, request, { ramBytes: 4 * gib, gpuBytes: 0 });
  assert.ok(small.kind === "tooLarge" && small.availableBytes === 3 * gib);
});

test("more memory never makes a model fit worse", () => {
  const rank = { tooLarge: 0, partly: 1, fits: 2 } as const;
  const memory = fc.integer({ min: 0, max: 64 }).map((gibs) => gibs * gib);
  fc.assert(
    fc.property(memory, memory, memory, (ramBytes, gpuBytes, more) => {
      const before = fitModel(shape, request, { ramBytes, gpuBytes });
      const after = fitModel(shape, request, { ramBytes: ramBytes + more, gpuBytes });
      assert.ok(rank[after.kind] >= rank[before.kind]);
      if (before.kind === "fits") assert.ok(total(before.needs) <= Math.max(ramBytes, gpuBytes));
    }),
  );
});
