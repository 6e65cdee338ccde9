import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { readGgufFileInfo } from "node-llama-cpp";
import { openLlama } from "../../extension/engine/llama.ts";
import { writeNotGguf, writeTestModel, writeTruncatedModel } from "../support/testModels.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "precis-test-models-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("a llama test model has the shape that was asked for and stays small", async () => {
  const file = path.join(folder, "llama.gguf");
  await writeTestModel({
    file,
    layers: 3,
    embedding: 128,
    heads: 4,
    kvHeads: 2,
    feedForward: 192,
    trainedContext: 777,
  });
  const info = await readGgufFileInfo(file, { logWarnings: false });
  assert.equal(info.metadata.general.architecture, "llama");
  assert.partialDeepStrictEqual(info.metadata.llama, {
    block_count: 3,
    embedding_length: 128,
    attention: { head_count: 4, head_count_kv: 2 },
    feed_forward_length: 192,
    context_length: 777,
  });
  assert.equal(info.metadata.tokenizer.ggml.tokens.length, 32000);
  const shapes = new Map(info.fullTensorInfo?.map((tensor) => [tensor.name, tensor.dimensions.map(Number)]));
  assert.deepEqual(shapes.get("token_embd.weight"), [128, 32000]);
  assert.deepEqual(shapes.get("blk.2.attn_k.weight"), [128, 64]);
  assert.deepEqual(shapes.get("blk.2.ffn_down.weight"), [192, 128]);
  assert.ok((await stat(file)).size < 40e6);
});

test("a qwen2 test model has biases, a ChatML template and fill-in-the-middle tokens", async () => {
  const file = path.join(folder, "qwen2.gguf");
  await writeTestModel({ file, architecture: "qwen2" });
  const info = await readGgufFileInfo(file, { logWarnings: false });
  assert.equal(info.metadata.general.architecture, "qwen2");
  assert.ok(info.fullTensorInfo?.some((tensor) => tensor.name === "blk.0.attn_q.bias"));
  assert.match(String(info.metadata.tokenizer.chat_template), /<\|im_start\|>assistant/);
  assert.equal(info.metadata.tokenizer.ggml.tokens[151659], "<|fim_prefix|>");
  assert.ok((await stat(file)).size < 40e6);
});

test("the same seed gives the same bytes and another seed gives others", async () => {
  const [one, same, other] = [
    path.join(folder, "one.gguf"),
    path.join(folder, "same.gguf"),
    path.join(folder, "other.gguf"),
  ];
  await writeTestModel({ file: one, seed: 5 });
  await writeTestModel({ file: same, seed: 5 });
  await writeTestModel({ file: other, seed: 6 });
  const bytes = await readFile(one);
  assert.ok(bytes.equals(await readFile(same)));
  assert.ok(!bytes.equals(await readFile(other)));
});

test("logits have a standard deviation near 2.5 and depend on what was read before", async () => {
  const { addon } = await openLlama({ root: path.resolve(import.meta.dirname, "../.."), device: "cpu" });
  for (const architecture of ["llama", "qwen2"] as const) {
    const file = path.join(folder, `logits-${architecture}.gguf`);
    await writeTestModel({ file, architecture });
    const model = await addon.openModel({ path: file, gpuLayers: 0 });
    const context = await model.openContext({ cells: 512, threads: 1 });
    try {
      const tokens = Int32Array.from({ length: 200 }, (_, index) => 300 + ((index * 7919) % 30000));
      const [read] = await context.score([{ sequence: 0, tokens }]);
      // Of normal logits with deviation s, a token drawn at random has log probability −log(vocabulary) − s²/2 on average.
      const mean = Array.from(read ?? []).reduce((sum, value) => sum + value, 0) / 199;
      const deviation = Math.sqrt(2 * Math.max(0, -mean - Math.log(model.info.vocabulary)));
      assert.ok(deviation > 2 && deviation < 3.2, `${architecture}: ${deviation}`);

      const last = tokens.slice(-2);
      const [alone] = await context.score([{ sequence: 0, tokens: last }]);
      assert.ok(Math.abs((alone?.[0] ?? 0) - (read?.at(-1) ?? 0)) > 0.1, architecture);
    } finally {
      await context.close();
      await model.close();
    }
  }
});

test("broken files are broken in the way they say", async () => {
  const whole = path.join(folder, "whole.gguf");
  await writeTestModel({ file: whole });
  const truncated = path.join(folder, "truncated.gguf");
  await writeTruncatedModel(whole, truncated);
  assert.equal((await stat(truncated)).size, Math.floor((await stat(whole)).size * 0.75));
  assert.ok((await readFile(whole)).subarray(0, 1000).equals((await readFile(truncated)).subarray(0, 1000)));

  const notGguf = path.join(folder, "page.gguf");
  await writeNotGguf(notGguf);
  await assert.rejects(readGgufFileInfo(notGguf, { logWarnings: false }));

  const unknown = path.join(folder, "unknown.gguf");
  await writeTestModel({ file: unknown, architectureName: "precis-unheard-of" });
  const info = await readGgufFileInfo(unknown, { logWarnings: false });
  assert.partialDeepStrictEqual(info.metadata.general, { architecture: "precis-unheard-of" });
});
