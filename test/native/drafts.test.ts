// Writing by drafts: the same tokens as one by one, whatever is guessed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { NativeAddon, NativeContext, NativeModel, NativeSampler, SamplerOptions } from "../../native/addon.ts";
import { codeOf, libraryFolder, loadAddon, scorerModel } from "./engine.ts";

const text =
  "export function parseConfig(path: string): Config {\n  const text = readFileSync(path, 'utf8');\n  return JSON.parse(text);\n}\n";
const samplers: readonly SamplerOptions[] = [
  { temperature: 0 },
  { temperature: 0.7, topK: 50, topP: 0.95, minP: 0.02, repeatPenalty: 1.1, repeatLastTokens: 64, seed: 7 },
  { temperature: 0.9, topK: 40, seed: 11 },
];
const none = new Int32Array(0);

describe("drafts", () => {
  let addon: NativeAddon;
  let model: NativeModel;
  let context: NativeContext;

  before(async () => {
    addon = await loadAddon();
    addon.loadLibrary({ directory: libraryFolder() });
    model = await addon.openModel({ path: scorerModel, gpuLayers: 0 });
    context = await model.openContext({ cells: 1024, batchTokens: 64, threads: 1 });
  });

  after(async () => {
    await context.close();
    await model.close();
  });

  async function withSampler<T>(options: SamplerOptions, use: (sampler: NativeSampler) => Promise<T>): Promise<T> {
    const sampler = model.createSampler(options);
    try {
      return await use(sampler);
    } finally {
      sampler.close();
    }
  }

  const prompt = (): Int32Array => model.tokenize(text.repeat(3), { special: false });

  async function readPrompt(): Promise<void> {
    context.clear();
    await context.read(0, prompt());
  }

  /** One token after another, as `next` gives them, up to one that ends the generation: that one is not decoded. */
  async function oneByOne(options: SamplerOptions, count: number): Promise<number[]> {
    await readPrompt();
    return withSampler(options, async (sampler) => {
      const tokens: number[] = [];
      while (tokens.length < count && !model.isEndOfGeneration(tokens.at(-1) ?? 0)) {
        tokens.push(await context.next(0, sampler));
      }
      return tokens;
    });
  }

  /** The same by drafts, which `guess` makes of what was written. */
  async function byDrafts(options: SamplerOptions, count: number, guess: (written: readonly number[]) => number[]) {
    await readPrompt();
    return withSampler(options, async (sampler) => {
      const tokens: number[] = [];
      const logs: number[] = [];
      let step = none;
      let steps = 0;
      while (tokens.length < count) {
        const drawn = await context.extend(0, sampler, step);
        tokens.push(...drawn.tokens);
        logs.push(...drawn.logProbabilities);
        steps += 1;
        assert.equal(context.nextPosition(0), prompt().length + tokens.length - 1);
        assert.equal(context.usedCells(0), context.nextPosition(0));
        step = Int32Array.of(tokens.at(-1) ?? 0, ...guess(tokens));
      }
      return { tokens: tokens.slice(0, count), logs: logs.slice(0, count), steps };
    });
  }

  for (const options of samplers) {
    test(`whatever is guessed, the same is written, at temperature ${options.temperature}`, async () => {
      const expected = await oneByOne(options, 24);
      const { length } = expected;
      assert.ok(length >= 8, "enough to guess at");
      const guesses: readonly [name: string, guess: (written: readonly number[]) => number[], stepsMax: number][] = [
        ["nothing", () => [], length],
        ["what comes", (written) => expected.slice(written.length, written.length + 5), Math.ceil(length / 6) + 1],
        [
          "half of what comes",
          (written) => [...expected.slice(written.length, written.length + 2), 1, 2],
          Math.ceil(length / 3) + 1,
        ],
        ["always wrong", () => [1, 2, 3], length],
      ];
      for (const [name, guess, stepsMax] of guesses) {
        const { tokens, steps } = await byDrafts(options, length, guess);
        assert.deepEqual(tokens, expected, name);
        assert.ok(steps <= stepsMax, `${name}: ${steps} steps`);
      }
    });
  }

  test("the log probabilities are those that score gives", async () => {
    const { tokens, logs } = await byDrafts({ temperature: 0 }, 12, () => [1, 2]);
    context.clear();
    const all = prompt();
    await context.read(0, all.slice(0, -1));
    const [scored] = await context.score([{ sequence: 0, tokens: Int32Array.of(all.at(-1) ?? 0, ...tokens) }]);
    assert.equal(scored?.length, 12);
    for (const [at, log] of logs.entries()) assert.ok(Math.abs(log - (scored[at] ?? 0)) < 1e-3, `${at}: ${log}`);
  });

  test("what cannot be is refused, and the sequence stays as it was", async () => {
    await readPrompt();
    await withSampler({ temperature: 0 }, async (sampler) => {
      const [first = 0] = (await context.extend(0, sampler, none)).tokens;
      const before = context.nextPosition(0);
      for (const tokens of [Int32Array.of(-1), Int32Array.of(first, 1 << 30), new Int32Array(65)])
        assert.equal(await codeOf(() => context.extend(0, sampler, tokens)), "NATIVE_ARGUMENT");
      assert.equal(await codeOf(() => context.extend(1, sampler, none)), "NATIVE_ARGUMENT");
      assert.equal(await codeOf(() => context.extend(0, {} as NativeSampler, none)), "NATIVE_ARGUMENT");
      assert.equal(context.nextPosition(0), before);
      await context.extend(0, sampler, Int32Array.of(first));
      // What was drawn is not decoded, so nothing can be drawn after it without naming it.
      assert.equal(await codeOf(() => context.extend(0, sampler, none)), "NATIVE_STATE");
      assert.equal(await codeOf(() => context.next(0, sampler)), "NATIVE_STATE");
    });
  });

  test("a full context is refused, and so is a closed sampler", async () => {
    context.clear();
    await context.read(
      0,
      Int32Array.from({ length: 1022 }, () => 100),
    );
    await withSampler({ temperature: 0 }, async (sampler) => {
      const [first = 0] = (await context.extend(0, sampler, none)).tokens;
      assert.equal(await codeOf(() => context.extend(0, sampler, Int32Array.of(first, 1, 2))), "NATIVE_CONTEXT_FULL");
      sampler.close();
      assert.equal(await codeOf(() => context.extend(0, sampler, Int32Array.of(first))), "NATIVE_STATE");
    });
  });
});
