/** Observed attention against the reference decoder, in caches whose cells lie in any order. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { NativeContext, NativeModel, Observation, OpenContextOptions } from "../../native/addon.ts";
import { ReferenceDecoder, writeSinglePrecision } from "../support/referenceDecoder.ts";
import type { ReferenceCache, ReferenceStep } from "../support/referenceDecoder.ts";
import { writeTestModel } from "../support/testModels.ts";
import { codeOf, openFixture, withContextOf } from "./engine.ts";
import type { ModelFixture } from "./engine.ts";

const some = (count: number, from: number): Int32Array =>
  Int32Array.from({ length: count }, (_, at) => 5 + (((at + from) * 7919) % 4000));
const prefix = some(30, 0);
const behind = some(25, 100);
const question = some(40, 200);
/** Positions of the prefix that are removed before the rest is read. */
const hole = { from: 4, to: 13 };

interface Expected {
  readonly steps: readonly ReferenceStep[];
  readonly cells: number;
}

describe("observed attention", () => {
  let fixture: ModelFixture;
  let model: NativeModel;
  let reference: ReferenceDecoder;
  let expected: Expected;

  before(async () => {
    fixture = await openFixture(async (file) => {
      const halves = `${file}.halves`;
      await writeTestModel({ file: halves, layers: 3, heads: 4, kvHeads: 2 });
      await writeSinglePrecision(halves, file);
    });
    ({ model } = fixture);
    reference = await ReferenceDecoder.open(fixture.file);
    expected = referenceAttention();
  });

  after(() => fixture.close());

  const withContext = (
    options: Partial<OpenContextOptions>,
    body: (context: NativeContext) => Promise<void>,
  ): Promise<void> =>
    withContextOf(
      model,
      { cells: 512, batchTokens: 16, threads: 1, kvType: "f32", flashAttention: "off", ...options },
      body,
    );

  const read = (cache: ReferenceCache, tokens: Int32Array, position: number): ReferenceStep[] =>
    Array.from(tokens, (token, at) => reference.step(cache, token, position + at));

  /** What observing `question` must give behind the prefix with its hole and the tokens that were read after it. */
  const referenceAttention = (): Expected => {
    const cache = reference.emptyCache();
    read(cache, prefix, 0);
    for (const { keys, values } of cache.flat()) {
      keys.splice(hole.from, hole.to - hole.from);
      values.splice(hole.from, hole.to - hole.from);
    }
    read(cache, behind, prefix.length);
    const cells = prefix.length + behind.length - (hole.to - hole.from);
    return { steps: read(cache, question, prefix.length + behind.length), cells };
  };

  const compare = (seen: Observation, { steps, cells }: Expected, firstQuery: number, reduce: "max" | "mean"): void => {
    const group = reference.heads / reference.kvHeads;
    const observed = steps.slice(firstQuery);
    assert.equal(seen.cells, cells);
    assert.equal(seen.attention.length, reference.layers * reference.kvHeads * cells);
    let largest = 0;
    for (let layer = 0; layer < reference.layers; layer++) {
      for (let head = 0; head < reference.kvHeads; head++) {
        for (let cell = 0; cell < cells; cell++) {
          const shares = observed.flatMap(({ attention }) =>
            Array.from({ length: group }, (_, member) => attention[layer]?.[head * group + member]?.[cell] ?? NaN),
          );
          const wanted = reduce === "max" ? Math.max(...shares) : shares.reduce((a, b) => a + b, 0) / shares.length;
          const found = seen.attention[(layer * reference.kvHeads + head) * cells + cell] ?? NaN;
          assert.ok(Math.abs(found - wanted) < 2e-5, `layer ${layer}, head ${head}, cell ${cell}: ${found}, ${wanted}`);
          largest = Math.max(largest, found);
        }
      }
    }
    assert.ok(largest > 0.05, "hardly anything was attended to");
  };

  /** Cells of sequence 1 lie before, between and behind sequence 0's, whose later tokens fill its own hole. */
  const scramble = async (context: NativeContext): Promise<void> => {
    await context.read(1, some(7, 500));
    await context.read(0, prefix.subarray(0, 20));
    await context.read(1, some(9, 600));
    await context.read(0, prefix.subarray(20));
    context.remove(0, hole.from, hole.to);
    context.remove(1, 2, 5);
    await context.read(0, behind);
    await context.read(1, some(5, 700));
  };

  for (const unified of [true, false]) {
    for (const batchTokens of [7, 16, 64]) {
      test(`equals the reference: ${unified ? "one pool" : "a stream per sequence"}, ${batchTokens} tokens at once`, async () => {
        await withContext({ sequences: 3, unified, batchTokens }, async (context) => {
          await scramble(context);
          for (const reduce of ["max", "mean"] as const) {
            for (const firstQuery of [0, 1, 18, question.length - 1]) {
              compare(await context.observe(0, question, { reduce, firstQuery }), expected, firstQuery, reduce);
            }
          }
        });
      });
    }
  }

  test("query vectors are those of the reference, spread over the observed tokens", async () => {
    const { steps } = expected;
    await withContext({ sequences: 2 }, async (context) => {
      await scramble(context);
      for (const [queries, firstQuery] of [
        [1, 0],
        [3, 10],
        [40, 0],
        [1000, 33],
      ] as const) {
        const seen = await context.observe(0, question, { reduce: "max", queries, firstQuery });
        const observed = question.length - firstQuery;
        const count = Math.min(queries, observed);
        assert.equal(seen.queryCount, count);
        const { layers, heads, headSize } = reference;
        assert.equal(seen.queryVectors.length, layers * heads * count * headSize);
        for (let layer = 0; layer < layers; layer++) {
          for (let head = 0; head < heads; head++) {
            for (let query = 0; query < count; query++) {
              const step = steps[firstQuery + Math.floor(((2 * query + 1) * observed) / (2 * count))];
              const begin = ((layer * heads + head) * count + query) * headSize;
              for (const [i, value] of (step?.queries[layer]?.[head] ?? [NaN]).entries()) {
                assert.ok(Math.abs((seen.queryVectors[begin + i] ?? NaN) - value) < 1e-4);
              }
            }
          }
        }
      }
    });
  });

  test("leaves the sequence as it was, also after a cancellation", async () => {
    await withContext({ sequences: 2 }, async (context) => {
      await scramble(context);
      const kept = [context.usedCells(0), context.nextPosition(0), context.usedCells(1)];
      const saved = await context.saveSequence(0);
      const scores = await context.score([{ sequence: 0, tokens: question }]);
      const seen = await context.observe(0, question, { reduce: "mean" });
      assert.deepEqual(await context.observe(0, question, { reduce: "mean" }), seen);
      const running = context.observe(0, some(300, 0), { reduce: "max", queries: 300 });
      context.cancel();
      assert.equal(await codeOf(() => running), "NATIVE_CANCELLED");
      assert.deepEqual([context.usedCells(0), context.nextPosition(0), context.usedCells(1)], kept);
      assert.deepEqual(await context.saveSequence(0), saved);
      assert.deepEqual(await context.score([{ sequence: 0, tokens: question }]), scores);
      assert.deepEqual(await context.observe(0, question, { reduce: "mean" }), seen);
    });
  });

  test("a cancellation in the middle stops within a batch", async () => {
    await withContext({ cells: 2048, batchTokens: 256 }, async (context) => {
      const long = some(2000, 0);
      const running = context.observe(0, long, { reduce: "max" });
      setImmediate(() => {
        context.cancel();
      });
      assert.equal(await codeOf(() => running), "NATIVE_CANCELLED");
      assert.equal(context.usedCells(0), 0);
    });
  });

  test("an empty sequence has no cells, but queries", async () => {
    await withContext({}, async (context) => {
      const seen = await context.observe(0, question, { reduce: "max", queries: 2 });
      assert.deepEqual([seen.cells, seen.attention.length, seen.queryCount], [0, 0, 2]);
      assert.ok(seen.queryVectors.every((value) => Number.isFinite(value)));
      assert.ok(seen.queryVectors.some((value) => Math.abs(value) > 0.1));
    });
  });

  test("bad arguments and contexts with flash attention are codes", async () => {
    await withContext({ cells: 256, sequences: 2 }, async (context) => {
      await context.read(0, prefix);
      const code = (sequence: number, tokens: Int32Array, firstQuery = 0): Promise<string> =>
        codeOf(() => context.observe(sequence, tokens, { reduce: "max", firstQuery }));
      assert.equal(await code(2, question), "NATIVE_ARGUMENT");
      assert.equal(await code(-1, question), "NATIVE_ARGUMENT");
      assert.equal(await code(0, new Int32Array(0)), "NATIVE_ARGUMENT");
      assert.equal(await code(0, Int32Array.of(1, -1)), "NATIVE_ARGUMENT");
      assert.equal(await code(0, Int32Array.of(1, 2 ** 30)), "NATIVE_ARGUMENT");
      assert.equal(await code(0, question, question.length), "NATIVE_ARGUMENT");
      assert.equal(await code(0, question, 2 ** 31 - 1), "NATIVE_ARGUMENT");
      assert.equal(await code(0, some(256 - prefix.length + 1, 0)), "NATIVE_CONTEXT_FULL");
      assert.equal(await code(0, some(256 - prefix.length, 0)), "none");
      // The other sequence holds cells of the common pool.
      await context.read(1, some(200, 0));
      assert.equal(await code(0, question), "NATIVE_CONTEXT_FULL");
      assert.equal(context.usedCells(0), prefix.length);
      const running = context.observe(0, question.subarray(0, 8), { reduce: "max" });
      assert.equal(await code(0, question), "NATIVE_STATE");
      await running;
    });
    for (const flashAttention of ["on", "auto"] as const) {
      await withContext({ flashAttention, kvType: "f16" }, async (context) => {
        assert.equal(await codeOf(() => context.observe(0, question, { reduce: "max" })), "NATIVE_STATE");
      });
    }
  });
});
