/** What happens to a context when memory is short: a real model whose `openContext` refuses when it is told to. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import type { NativeModel } from "../../native/addon.ts";
import { openLlama } from "../../extension/engine/llama.ts";
import { ServingContext } from "../../extension/engine/servingContext.ts";
import { SessionCache } from "../../extension/engine/sessionCache.ts";
import { writeTestModel } from "../support/testModels.ts";

const root = path.resolve(import.meta.dirname, "../..");
let folder = "";
let model: NativeModel;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "precis-serving-"));
  const file = path.join(folder, "small.gguf");
  await writeTestModel({ file });
  const { addon } = await openLlama({ root, device: "cpu" });
  model = await addon.openModel({ path: file, gpuLayers: 0 });
});
after(async () => {
  await model.close();
  await rm(folder, { recursive: true, force: true });
});

test("memory that is too short for two contexts costs what was read, and the prompt is read again", async (t) => {
  const { cache, refuse } = await shrunkCache(t);
  refuse(1);
  const held = await hold(cache, 900);
  assert.deepEqual([held.tokensRead, held.tokensKept], [900, 0]);
  assert.equal(cache.serving.info.cellsPerSequence, 2048);
});

test("memory that is too short for any context fails once and not for ever", async (t) => {
  const { cache, refuse } = await shrunkCache(t);
  refuse(2);
  await assert.rejects(hold(cache, 900), { code: "outOfMemory" });
  assert.equal(cache.cached.length, 0);
  refuse(1);
  await assert.rejects(hold(cache, 900), { code: "outOfMemory" });
  assert.equal((await hold(cache, 300)).tokensRead, 300);
  assert.equal((await hold(cache, 310)).tokensKept, 300);
});

/** 200 tokens are held, in a context that has no room for many more. */
async function shrunkCache(t: TestContext): Promise<{ cache: SessionCache; refuse: (times: number) => void }> {
  let refusals = 0;
  const short: NativeModel = Object.create(model, {
    openContext: {
      value: (...options: Parameters<NativeModel["openContext"]>) => {
        if (refusals === 0) return model.openContext(...options);
        refusals--;
        return Promise.reject(Object.assign(new Error("no memory"), { code: "NATIVE_OUT_OF_MEMORY" }));
      },
    },
  }) as NativeModel;
  const serving = await ServingContext.open(short, { cells: 2048, kvType: "f16", threads: 1, isOnGpu: false });
  t.after(() => serving.close());
  const cache = new SessionCache(serving);
  await serving.replace(256, null);
  await hold(cache, 200);
  return {
    cache,
    refuse: (times) => {
      refusals = times;
    },
  };
}

function hold(cache: SessionCache, length: number): ReturnType<SessionCache["hold"]> {
  const tokens = Int32Array.from({ length }, (_, at) => 5 + (at % 100));
  return cache.hold(
    { tokens, segments: [{ kind: "loose", from: 0, to: length, label: "" }] },
    { recipe: { evictor: "none", keepRatio: 1 }, store: null, log: () => undefined, reserveTokens: 0 },
  );
}
