/** Captured states: models that have none, and what is not a state. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { NativeAddon, NativeContext, NativeKvState, NativeModel } from "../../native/addon.ts";
import type { GgufScalar, GgufScalarType, GgufValue } from "../support/gguf.ts";
import { writeTestModel } from "../support/testModels.ts";
import type { TestModelOptions } from "../support/testModels.ts";
import { codeOf, libraryFolder, loadAddon, scorerModel } from "./engine.ts";
import { largest, largestDifference } from "./numbers.ts";

const tokens = Int32Array.from({ length: 150 }, (_, at) => 300 + ((at * 7919) % 20000));
const ending = Int32Array.from({ length: 8 }, (_, at) => 400 + at * 31);

describe("models whose caches cannot be taken apart, or whose keys cannot be moved", () => {
  let addon: NativeAddon;
  let folder: string;

  before(async () => {
    addon = await loadAddon();
    addon.loadLibrary({ directory: libraryFolder() });
    folder = await mkdtemp(path.join(os.tmpdir(), "precis-"));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const withModel = async (
    options: Omit<TestModelOptions, "file">,
    body: (model: NativeModel, context: NativeContext) => Promise<void>,
  ): Promise<void> => {
    const file = path.join(folder, "model.gguf");
    await writeTestModel({ vocabulary: "llama-spm", ...options, file });
    const model = await addon.openModel({ path: file, gpuLayers: 0 });
    const context = await model.openContext({ cells: 256, threads: 1, kvType: "f32" });
    try {
      await context.read(0, tokens);
      await body(model, context);
    } finally {
      await context.close();
      await model.close();
    }
  };

  const array = (itemType: GgufScalarType, value: readonly GgufScalar[]): GgufValue => ({
    type: "array",
    itemType,
    value,
  });
  const refused: readonly { readonly name: RegExp; readonly options: Omit<TestModelOptions, "file"> }[] = [
    { name: /MLA/, options: { extraMetadata: { "attention.kv_lora_rank": { type: "uint32", value: 16 } } } },
    {
      name: /M-RoPE/,
      options: {
        architecture: "qwen2",
        architectureName: "qwen2vl",
        extraMetadata: { "rope.dimension_sections": array("int32", [4, 6, 6, 0]) },
      },
    },
    {
      name: /sliding window/,
      options: {
        architectureName: "granite_swa",
        extraMetadata: {
          logit_scale: { type: "float32", value: 1 },
          "attention.sliding_window": { type: "uint32", value: 64 },
          "attention.sliding_window_pattern": array("bool", [true, false]),
        },
        extraTensors: { "blk.0.attn_sinks.weight": [0, 0], "blk.1.attn_sinks.weight": [0, 0] },
      },
    },
  ];
  for (const { name, options } of refused) {
    test(`${name.source}: refused by name, and the sequence goes on`, async () => {
      await withModel(options, async (model, context) => {
        const refusal = { code: "NATIVE_MODEL_UNSUPPORTED", message: name };
        await assert.rejects(context.captureSequence(0), refusal);
        await assert.rejects(context.saveSequence(0), refusal);
        await assert.rejects(context.restoreSequence(0, new Uint8Array(64)), refusal);
        assert.throws(() => addon.decodeKvState(model, new Uint8Array(64)), refusal);
        assert.equal(context.usedCells(0), tokens.length);
        await context.read(0, ending);
      });
    });
  }

  test("a rotation by YaRN is refused by name; taking apart is not", async () => {
    const extraMetadata = {
      "rope.scaling.type": { type: "string", value: "yarn" },
      "rope.scaling.factor": { type: "float32", value: 4 },
    } as const;
    await withModel({ extraMetadata }, async (_, context) => {
      const state = await context.captureSequence(0);
      assert.throws(() => state.shift(1), { code: "NATIVE_MODEL_UNSUPPORTED", message: /yarn/ });
      assert.equal(state.slice(5, 10).info.cells, 5);
    });
  });

  test("linear scaling, another base and frequency factors turn keys as llama.cpp does", async () => {
    const extraMetadata = {
      "rope.scaling.type": { type: "string", value: "linear" },
      "rope.scaling.factor": { type: "float32", value: 4 },
      "rope.freq_base": { type: "float32", value: 500_000 },
    } as const;
    const factors = Array.from({ length: 16 }, (_, pair) => (pair < 8 ? 1 : pair));
    await withModel({ extraMetadata, extraTensors: { "rope_freqs.weight": factors } }, async (_, context) => {
      const state = await context.captureSequence(0);
      context.clear();
      await context.read(0, Int32Array.from([...tokens.subarray(0, 90), ...tokens]));
      const wanted = (await context.captureSequence(0, { from: 90, to: 240 })).keys(0);
      const got = state.shift(90).keys(0);
      assert.ok(largestDifference(state.keys(0), wanted) > 0.1, "the rotation matters");
      assert.ok(largestDifference(got, wanted) < 2e-4 * largest(wanted), `${largestDifference(got, wanted)}`);
    });
  });
});

test("impostors, foreign and closed states are refused, also when closed while they are being attached", async (t) => {
  const addon = await loadAddon();
  addon.loadLibrary({ directory: libraryFolder() });
  const model = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
  const context = await model.openContext({ cells: 256, sequences: 3, threads: 1 });
  t.after(async () => {
    await context.close();
    await model.close();
  });
  await context.read(
    0,
    Int32Array.from({ length: 12 }, (_, at) => at),
  );
  const state = await context.captureSequence(0);
  const disguised = new Date();
  Object.setPrototypeOf(disguised, Object.getPrototypeOf(state) as object);
  for (const impostor of [Object.create(state) as object, disguised, model, context]) {
    const taken = impostor as NativeKvState;
    assert.equal(await codeOf(() => context.attachState(2, taken)), "NATIVE_ARGUMENT");
    assert.equal(await codeOf(() => addon.joinKvStates([state, taken])), "NATIVE_ARGUMENT");
  }
  for (const impostor of [Object.create(model) as object, context, state]) {
    assert.equal(
      await codeOf(() => addon.decodeKvState(impostor as NativeModel, new Uint8Array(64))),
      "NATIVE_ARGUMENT",
    );
  }
  context.clear();
  const victim = state.slice(0, 5);
  const attaching = context.attachState(2, victim);
  victim.close();
  await attaching;
  assert.equal(context.usedCells(2), 5);
  victim.close();
  const empty = { tokens: new Int32Array(0), segments: new Int32Array(0) };
  for (const use of [
    () => victim.keys(0),
    () => victim.slice(0, 1),
    () => victim.encode(empty),
    () => context.attachState(2, victim),
    () => addon.joinKvStates([victim]),
  ]) {
    assert.equal(await codeOf(use), "NATIVE_STATE");
  }
  assert.equal(victim.info.cells, 5, "what it was can still be told");
  for (const layer of [-1, model.info.layers, 0.5]) {
    assert.equal(await codeOf(() => state.keys(layer)), "NATIVE_ARGUMENT");
  }
  const other = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
  const decoded = addon.decodeKvState(other, state.encode(empty)).state;
  await other.close();
  assert.equal(await codeOf(() => addon.decodeKvState(other, state.encode(empty))), "NATIVE_STATE");
  assert.deepEqual(decoded.keys(0), state.keys(0), "a state outlives its model");
  context.clear();
});
