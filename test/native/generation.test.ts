// Reading, generating, scoring and keeping sequences, with real models.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { NativeAddon, NativeContext, NativeKvType, NativeModel, OpenContextOptions } from "../../native/addon.ts";
import { writeTestModel } from "../support/testModels.ts";
import { codeOf, openFixture, scorerModel, withContextOf } from "./engine.ts";
import type { ModelFixture } from "./engine.ts";

const text =
  "export function parseConfig(path: string): Config {\n  const text = readFileSync(path, 'utf8');\n  return JSON.parse(text);\n}\n";

describe("generation", () => {
  let fixture: ModelFixture;
  let addon: NativeAddon;
  let model: NativeModel;

  before(async () => {
    fixture = await openFixture((file) => writeTestModel({ file, embedding: 128, heads: 2, kvHeads: 1 }));
    ({ addon, model } = fixture);
  });

  after(() => fixture.close());

  const withContext = (
    options: Partial<OpenContextOptions>,
    body: (context: NativeContext) => Promise<void>,
  ): Promise<void> =>
    withContextOf(model, { cells: 1024, batchTokens: 128, sequences: 4, threads: 1, ...options }, body);

  const generate = async (
    context: NativeContext,
    sequence: number,
    count: number,
    seed?: number,
  ): Promise<number[]> => {
    const sampler = model.createSampler(
      seed === undefined
        ? { temperature: 0 }
        : { temperature: 0.9, topK: 50, topP: 0.95, minP: 0.02, repeatPenalty: 1.1, seed },
    );
    const tokens: number[] = [];
    for (let i = 0; i < count; i++) tokens.push(await context.next(sequence, sampler));
    sampler.close();
    return tokens;
  };

  const longTokens = (): Int32Array => model.tokenize(text.repeat(12), { special: false });

  test("text survives tokenizing and detokenizing, and control tokens are read only when asked", () => {
    const tokens = model.tokenize(`${text}漢字 😀`, { special: false });
    assert.equal(new TextDecoder().decode(model.detokenize(tokens, { special: true })).trimStart(), `${text}漢字 😀`);
    const plain = model.tokenize("</s>", { special: false });
    const special = model.tokenize("</s>", { special: true });
    assert.deepEqual([...special].slice(-1), [model.info.tokens.eos]);
    assert.ok(plain.length > special.length);
    assert.ok(model.isEndOfGeneration(model.info.tokens.eos));
  });

  test("the model's description is that of the file", () => {
    const { info } = model;
    assert.deepEqual(
      [info.architecture, info.layers, info.embedding, info.heads, info.kvHeads, info.vocabulary, info.trainedContext],
      ["llama", 2, 128, 2, 1, 32000, 4096],
    );
    assert.equal(info.chatTemplate, null);
    assert.equal(info.gpuLayers, 0);
  });

  test("the cache has the size that its shape says", async () => {
    for (const [kvType, rowBytes] of [
      ["f32", 64 * 4],
      ["f16", 64 * 2],
      ["q8_0", 2 * 34],
      ["q4_0", 2 * 18],
    ] as const) {
      await withContext({ kvType, cells: 2048 }, (context) => {
        const wanted = 2048 * 2 * 2 * rowBytes;
        assert.ok(Math.abs(context.info.kvBytes - wanted) <= 0.01 * 2 ** 20, `${kvType}: ${context.info.kvBytes}`);
        assert.equal(context.info.kvType, kvType);
        return Promise.resolve();
      });
    }
  });

  test("the greedy answer does not depend on how the prompt is split into batches", async () => {
    const tokens = longTokens();
    const answers: number[][] = [];
    for (const batchTokens of [32, 100, 1024]) {
      await withContext({ batchTokens }, async (context) => {
        const progress: number[] = [];
        await context.read(0, tokens, { onProgress: (done) => progress.push(done) });
        assert.equal(progress.length, Math.ceil(tokens.length / context.info.batchTokens));
        assert.equal(progress.at(-1), tokens.length);
        assert.equal(context.usedCells(0), tokens.length);
        answers.push(await generate(context, 0, 12));
      });
    }
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);
  });

  test("a seed repeats its tokens and another one gives others", async () => {
    await withContext({}, async (context) => {
      const run = async (seed: number): Promise<number[]> => {
        context.clear();
        await context.read(0, longTokens());
        return generate(context, 0, 16, seed);
      };
      const first = await run(1);
      assert.deepEqual(await run(1), first);
      assert.notDeepEqual(await run(2), first);
    });
  });

  test("after removing a tail, another ending gives what a fresh reading gives", async () => {
    const tokens = longTokens();
    const prefix = tokens.subarray(0, 200);
    const ending = model.tokenize("class Other { }", { special: false });
    await withContext({}, async (context) => {
      await context.read(0, tokens);
      context.remove(0, prefix.length, -1);
      assert.equal(context.nextPosition(0), prefix.length);
      await context.read(0, ending);
      const reused = await generate(context, 0, 12);
      await context.read(1, Int32Array.from([...prefix, ...ending]));
      assert.deepEqual(reused, await generate(context, 1, 12));
    });
  });

  const kvTypes: readonly NativeKvType[] = ["f32", "f16", "q8_0", "q4_0"];
  for (const kvType of kvTypes) {
    test(`a sequence saved and restored goes on with equal tokens (${kvType})`, async () => {
      const tokens = longTokens();
      const last = tokens.slice(-1);
      const options = { kvType, flashAttention: "on" } as const;
      let blob = new Uint8Array();
      let wanted: number[] = [];
      await withContext(options, async (context) => {
        await context.read(2, tokens.subarray(0, -1));
        blob = new Uint8Array(await context.saveSequence(2));
        await context.read(2, last);
        wanted = await generate(context, 2, 12);
      });
      for (const unified of [true, false]) {
        await withContext({ ...options, unified, cells: 2048 }, async (context) => {
          await context.restoreSequence(1, blob);
          assert.equal(context.usedCells(1), tokens.length - 1);
          assert.deepEqual(await context.saveSequence(1), blob);
          await context.read(1, last);
          assert.deepEqual(await generate(context, 1, 12), wanted);
        });
      }
    });
  }

  test("scores agree with the whole text at once, with a cached prefix, and with many sequences", async () => {
    const tokens = longTokens().subarray(0, 300);
    const split = 220;
    const options = { unified: false, flashAttention: "off", kvType: "f32", cells: 2048, threads: 1 } as const;
    await withContext({ ...options, batchTokens: 512, sequences: 4 }, async (context) => {
      const [whole] = await context.score([{ sequence: 0, tokens }]);
      assert.ok(whole);
      assert.equal(whole.length, tokens.length - 1);
      assert.ok(whole.every((value) => value < 0 && Number.isFinite(value)));
      const tail = tokens.subarray(split);
      for (const sequence of [1, 3]) await context.read(sequence, tokens.subarray(0, split));
      const several = await context.score([1, 3].map((sequence) => ({ sequence, tokens: tail })));
      for (const scores of several) {
        scores.forEach((value, i) => {
          const difference = Math.abs(value - (whole[split + i] ?? NaN));
          assert.ok(difference < 1e-3, `target ${i} differs by ${difference}`);
        });
      }
      assert.deepEqual(
        [0, 1, 2, 3].map((sequence) => context.usedCells(sequence)),
        [0, split, 0, split],
      );
    });
  });

  test("scores are log probabilities: over the vocabulary they add up to one, and the best one is the greedy token", async () => {
    const scorer = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
    const sequences = 256;
    const context = await scorer.openContext({ cells: 2048, sequences, threads: 1 });
    const greedy = scorer.createSampler({ temperature: 0 });
    try {
      const text = scorer.tokenize(" parse the config", { special: false });
      await context.read(0, text.subarray(0, -1));
      for (let sequence = 1; sequence < sequences; sequence++) context.copySequence(0, sequence);
      const last = text.at(-1) ?? 0;
      const scores: number[] = [];
      while (scores.length < scorer.info.vocabulary) {
        const items = Array.from({ length: Math.min(sequences, scorer.info.vocabulary - scores.length) }, (_, i) => ({
          sequence: i,
          tokens: Int32Array.of(last, scores.length + i),
        }));
        scores.push(...(await context.score(items)).map((list) => list[0] ?? NaN));
      }
      const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
      assert.ok(Math.abs(sum - 1) < 1e-3, `the probabilities add up to ${sum}`);
      await context.read(0, Int32Array.of(last));
      const token = await context.next(0, greedy);
      assert.equal(token, scores.indexOf(Math.max(...scores)));
    } finally {
      await context.close();
      await scorer.close();
    }
  });

  test("distributions hold the scores of all tokens, over several batches, and leave the sequence as it was", async () => {
    const scorer = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
    const context = await scorer.openContext({ cells: 512, batchTokens: 16, threads: 1 });
    try {
      const { vocabulary } = scorer.info;
      const tokens = Int32Array.from({ length: 60 }, (_, at) => (at * 37) % 1000);
      await context.read(0, tokens.subarray(0, 10));
      const [scores = new Float32Array(0)] = await context.score([{ sequence: 0, tokens: tokens.subarray(10) }]);
      const rows = await context.distributions(0, tokens.subarray(10));
      assert.equal(rows.length, 50 * vocabulary);
      for (const [at, score] of scores.entries()) {
        const found = rows[at * vocabulary + (tokens[11 + at] ?? 0)] ?? NaN;
        assert.ok(Math.abs(found - score) < 1e-4, `token ${at}: ${found} against ${score}`);
      }
      const last = rows.subarray(49 * vocabulary);
      const total = last.reduce((sum, value) => sum + Math.exp(value), 0);
      assert.ok(Math.abs(total - 1) < 1e-4, `the probabilities add up to ${total}`);
      assert.equal(context.usedCells(0), 10);
      assert.equal(await codeOf(() => context.distributions(0, new Int32Array(0))), "NATIVE_ARGUMENT");
      assert.equal(await codeOf(() => context.distributions(0, new Int32Array(600))), "NATIVE_CONTEXT_FULL");
    } finally {
      await context.close();
      await scorer.close();
    }
  });

  test("an operation can be cancelled, and the sequence is as it was before", async () => {
    await withContext({ cells: 8192, batchTokens: 512 }, async (context) => {
      const start = longTokens().subarray(0, 50);
      await context.read(0, start);
      const long = Int32Array.from({ length: 8000 }, (_, i) => (i * 31) % 30000);
      const reading = context.read(0, long, {
        onProgress: () => {
          context.cancel();
        },
      });
      assert.equal(await codeOf(() => reading), "NATIVE_CANCELLED");
      assert.equal(context.usedCells(0), start.length);
      context.remove(0, start.length - 1, -1);
      await context.read(0, start.slice(-1));
      const answer = await generate(context, 0, 8);
      context.clear();
      await context.read(0, start);
      assert.deepEqual(answer, await generate(context, 0, 8));
    });
  });

  test("one operation at a time; closing ends the running one, and everything settles", async () => {
    const context = await model.openContext({ cells: 8192, batchTokens: 512, threads: 1 });
    const long = Int32Array.from({ length: 8000 }, (_, i) => (i * 31) % 30000);
    const started = new Promise<void>((resolve) => {
      void codeOf(() =>
        context.read(0, long, {
          onProgress: () => {
            resolve();
          },
        }),
      ).then((code) => ended.push(code));
    });
    const ended: string[] = [];
    assert.equal(await codeOf(() => context.read(0, long)), "NATIVE_STATE");
    assert.equal(await codeOf(() => context.saveSequence(0)), "NATIVE_STATE");
    assert.equal(await codeOf(() => context.usedCells(0)), "NATIVE_STATE");
    assert.equal(
      await codeOf(() => {
        context.clear();
      }),
      "NATIVE_STATE",
    );
    assert.equal(await codeOf(() => model.close()), "NATIVE_STATE");
    await started;
    await context.close();
    assert.deepEqual(ended, ["NATIVE_CANCELLED"]);
    await context.close();
  });

  test("opening and closing 50 times does not grow the process", async () => {
    const { file } = fixture;
    const tokens = longTokens().subarray(0, 64);
    const round = async (): Promise<void> => {
      const opened = await addon.openModel({ path: file, gpuLayers: 0 });
      const context = await opened.openContext({ cells: 4096, sequences: 2, threads: 1 });
      const sampler = opened.createSampler({ temperature: 0 });
      await context.read(0, tokens);
      await context.next(0, sampler);
      const blob = await context.saveSequence(0);
      await context.restoreSequence(1, blob);
      sampler.close();
      await context.close();
      await opened.close();
    };
    for (let i = 0; i < 5; i++) await round();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 50; i++) await round();
    const grownMiB = (process.memoryUsage().rss - before) / 2 ** 20;
    // One round holds about 25 MiB of model, cache and buffers: a leak of any of them would show fifty times.
    assert.ok(grownMiB < 150, `the process grew by ${grownMiB.toFixed(0)} MiB`);
  });
});
