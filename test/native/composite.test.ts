/** Caches whose heads hold different tokens, and refitted values, against the reference decoder. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { NativeAddon, NativeContext, NativeKvState, NativeModel, OpenContextOptions } from "../../native/addon.ts";
import { logSoftmax, ReferenceDecoder, writeSinglePrecision } from "../support/referenceDecoder.ts";
import type { ReferenceCache } from "../support/referenceDecoder.ts";
import { writeTestModel } from "../support/testModels.ts";
import { codeOf, openFixture, root, withContextOf } from "./engine.ts";
import type { ModelFixture } from "./engine.ts";

const some = (count: number, from: number): Int32Array =>
  Int32Array.from({ length: count }, (_, at) => 5 + (((at + from) * 7919) % 4000));
const prefix = some(60, 0);
const question = some(12, 200);
const exactLayout = { kvType: "f32", flashAttention: "off" } as const;

/** `kept` of `cells` for each layer and KV head, each another subset. */
function subsets(rows: number, cells: number, kept: number): Int32Array {
  const chosen = new Int32Array(rows * kept);
  let seed = 1;
  for (let row = 0; row < rows; row++) {
    const order = Array.from({ length: cells }, (_, cell) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return { cell, rank: seed };
    }).sort((a, b) => a.rank - b.rank);
    const cellsOfRow = order.slice(0, kept).map(({ cell }) => cell);
    chosen.set(
      cellsOfRow.sort((a, b) => a - b),
      row * kept,
    );
  }
  return chosen;
}

/** Ascending positions inside 0…(cells − 1), the last one cells − 1. */
function spread(cells: number, kept: number): Int32Array {
  return Int32Array.from({ length: kept }, (_, i) => Math.floor(((i + 1) * cells) / kept) - 1);
}

for (const source of ["random weights", "the embedded code model"] as const) {
  describe(`composite caches, ${source}`, () => {
    let fixture: ModelFixture;
    let addon: NativeAddon;
    let model: NativeModel;
    let reference: ReferenceDecoder;
    let full: ReferenceCache;
    let state: NativeKvState;
    let rows: number;

    before(async () => {
      fixture = await openFixture(async (file) => {
        const random = `${file}.halves`;
        if (source === "random weights") await writeTestModel({ file: random, layers: 3, heads: 4, kvHeads: 2 });
        const original = source === "random weights" ? random : path.join(root, "models", "code", "code.gguf");
        await writeSinglePrecision(original, file);
      });
      ({ addon, model } = fixture);
      reference = await ReferenceDecoder.open(fixture.file);
      full = reference.emptyCache();
      for (const [position, token] of prefix.entries()) reference.step(full, token, position);
      rows = reference.layers * reference.kvHeads;
      await withContext({}, async (context) => {
        await context.read(0, prefix);
        state = await context.captureSequence(0);
      });
    });

    after(async () => {
      state.close();
      await fixture.close();
    });

    const withContext = (
      options: Partial<OpenContextOptions>,
      body: (context: NativeContext) => Promise<void>,
    ): Promise<void> =>
      withContextOf(model, { cells: 256, batchTokens: 32, sequences: 2, threads: 1, ...exactLayout, ...options }, body);

    /** The reference's cache with the chosen cells of each head. */
    const chosen = (cells: Int32Array, kept: number): ReferenceCache =>
      full.map((heads, layer) =>
        heads.map(({ keys, values }, head) => {
          const row = layer * reference.kvHeads + head;
          const indices = cells.subarray(row * kept, (row + 1) * kept);
          const pick = (vectors: Float64Array[]): Float64Array[] =>
            Array.from(indices, (index) => Float64Array.from(vectors[index] ?? []));
          return { keys: pick(keys), values: pick(values) };
        }),
      );

    /** The largest difference of log probabilities over all tokens of the question and the whole vocabulary. */
    const difference = (found: Float32Array, cache: ReferenceCache, position: number): number => {
      let largest = 0;
      for (const [at, token] of question.entries()) {
        const expected = logSoftmax(reference.step(cache, token, position + at).logits);
        for (const [word, value] of expected.entries()) {
          largest = Math.max(largest, Math.abs((found[at * expected.length + word] ?? NaN) - value));
        }
      }
      return largest;
    };

    for (const kept of [60, 30, 7, 1]) {
      test(`${kept} of 60 cells, others for each head, give the reference's probabilities`, async () => {
        const cells = subsets(rows, prefix.length, kept);
        const composite = state.select(cells, spread(prefix.length, kept));
        await withContext({}, async (context) => {
          // Cells of another sequence lie in front of it.
          await context.read(1, question);
          await context.attachState(0, composite);
          assert.equal(context.usedCells(0), kept);
          assert.equal(context.nextPosition(0), prefix.length);
          const found = await context.distributions(0, question);
          const worst = difference(found, chosen(cells, kept), prefix.length);
          assert.ok(worst < 1e-3, `differs by ${worst}`);
          // The other way round: it is this selection that gives them.
          const other = chosen(cells, kept);
          other[0]?.[0]?.values.forEach((value, cell) => {
            if (cell % 2 === 0) value.fill(0);
          });
          assert.ok(difference(found, other, prefix.length) > 1e-2, "the cells hardly matter");
        });
        composite.close();
      });
    }

    test("a composite in front of, and behind, whole cells", async () => {
      const kept = 15;
      const half = 30;
      const cells = subsets(rows, half, kept);
      const composite = state.slice(0, half).select(cells, spread(half, kept));
      const joined = addon.joinKvStates([composite, state.slice(half, prefix.length)]);
      await withContext({}, async (context) => {
        await context.attachState(0, joined);
        const cache = chosen(cells, kept);
        for (const [layer, heads] of cache.entries()) {
          for (const [head, { keys, values }] of heads.entries()) {
            keys.push(...(full[layer]?.[head]?.keys.slice(half) ?? []));
            values.push(...(full[layer]?.[head]?.values.slice(half) ?? []));
          }
        }
        const worst = difference(await context.distributions(0, question), cache, prefix.length);
        assert.ok(worst < 1e-3, `differs by ${worst}`);
      });
      composite.close();
      joined.close();
    });

    describe("refitted", () => {
      const kept = 20;
      let cells: Int32Array;
      let positions: Int32Array;
      let queryVectors: Float32Array;
      let queryCount: number;

      before(async () => {
        cells = subsets(rows, prefix.length, kept);
        positions = spread(prefix.length, kept);
        await withContext({}, async (context) => {
          await context.attachState(0, state);
          ({ queryVectors, queryCount } = await context.observe(0, some(100, 300), { reduce: "max", queries: 100 }));
        });
      });

      const refit = (changes: Record<string, unknown> = {}): Promise<NativeKvState> =>
        state.refit({ cells, positions, queryVectors, queryCount, ridge: 1e-2, ...changes });

      /** Squared error of the attention's outputs for query vectors, relative to outputs over all cells. */
      const loss = (candidate: NativeKvState, count: number, vectors: Float32Array): number => {
        const { heads, kvHeads, headSize } = reference;
        let [error, size] = [0, 0];
        for (let layer = 0; layer < reference.layers; layer++) {
          const all = { keys: state.keys(layer), values: state.values(layer) };
          const few = { keys: candidate.keys(layer), values: candidate.values(layer) };
          for (let row = 0; row < heads * count; row++) {
            const head = Math.floor((Math.floor(row / count) * kvHeads) / heads);
            const begin = (layer * heads * count + row) * headSize;
            const query = vectors.subarray(begin, begin + headSize);
            const wanted = output(query, all.keys, all.values, head, kvHeads);
            for (const [i, value] of output(query, few.keys, few.values, head, kvHeads).entries()) {
              error += (value - (wanted[i] ?? NaN)) ** 2;
              size += (wanted[i] ?? NaN) ** 2;
            }
          }
        }
        return error / size;
      };

      test("is nearer to the full output, keeps keys and positions, and obeys its own formula", async () => {
        const selected = state.select(cells, positions);
        const before = loss(selected, queryCount, queryVectors);
        const losses: number[] = [];
        for (const ridge of [1e-3, 1e-1, 10, 1e6]) {
          const refitted = await refit({ ridge });
          assert.deepEqual(refitted.info, selected.info);
          for (let layer = 0; layer < reference.layers; layer++) {
            assert.deepEqual(refitted.keys(layer), selected.keys(layer));
          }
          losses.push(loss(refitted, queryCount, queryVectors));
          refitted.close();
        }
        assert.ok((losses[0] ?? NaN) < 0.7 * before, `${losses.join(" ")} against ${before}`);
        assert.deepEqual(
          losses,
          [...losses].sort((a, b) => a - b),
        );
        assert.ok(Math.abs((losses.at(-1) ?? NaN) - before) < 1e-4 * before);
        selected.close();
      });

      test("helps queries that it has not seen", async () => {
        const selected = state.select(cells, positions);
        const refitted = await refit({ ridge: 0.1 });
        await withContext({}, async (context) => {
          await context.attachState(0, state);
          const held = await context.observe(0, some(50, 1000), { reduce: "max", queries: 50 });
          const [before, after] = [selected, refitted].map((s) => loss(s, held.queryCount, held.queryVectors));
          assert.ok((after ?? NaN) < (before ?? NaN), `${after} against ${before}`);
        });
        selected.close();
        refitted.close();
      });

      test("fixed cells keep their values, also in other types", async () => {
        const fixed = Uint8Array.from({ length: kept }, (_, i) => (i % 3 === 0 ? 1 : 0));
        for (const kvType of ["f32", "f16", "q8_0"] as const) {
          if (kvType === "q8_0" && reference.headSize % 32 !== 0) continue;
          const typed = state.convert(kvType);
          const selected = typed.select(cells, positions);
          const refitted = await typed.refit({ cells, positions, queryVectors, queryCount, ridge: 1e-2, fixed });
          assert.equal(refitted.info.kvType, kvType);
          const width = reference.kvHeads * reference.headSize;
          let changed = 0;
          for (let layer = 0; layer < reference.layers; layer++) {
            const [old, now] = [selected.values(layer), refitted.values(layer)];
            for (const [i, value] of now.entries()) {
              if (fixed[Math.floor(i / width)] === 1) assert.equal(value, old[i]);
              else if (value !== old[i]) changed++;
            }
          }
          assert.ok(changed > 1000, `${changed} values changed`);
          for (const made of [typed, selected, refitted]) made.close();
        }
        const all = await refit({ fixed: new Uint8Array(kept).fill(1) });
        assert.deepEqual(all.values(1), state.select(cells, positions).values(1));
        all.close();
      });

      test("bad arguments are codes", async () => {
        const bad: Record<string, unknown>[] = [
          { cells: cells.subarray(1) },
          { cells: cells.map((cell) => cell + 60) },
          { cells: Int32Array.from(cells).reverse() },
          { positions: positions.subarray(1) },
          { positions: Int32Array.from(positions).reverse() },
          { queryVectors: queryVectors.subarray(1) },
          { queryVectors: new Float32Array(0) },
          { queryVectors: queryVectors.map(() => NaN) },
          { queryCount: 0 },
          { queryCount: 99 },
          { queryCount: 2 ** 31 - 1 },
          { queryCount: 2 ** 31 },
          { fixed: new Uint8Array(kept - 1) },
          { fixed: new Int8Array(kept) },
          ...[0, -1, NaN, Infinity, 1e-7, 1e7, "1", undefined].map((ridge) => ({ ridge })),
        ];
        for (const changes of bad) {
          assert.equal(await codeOf(() => refit(changes)), "NATIVE_ARGUMENT", Object.keys(changes).join());
        }
        assert.equal(await codeOf(() => Reflect.apply(state.refit.bind(state), undefined, [])), "NATIVE_ARGUMENT");
      });

      test("cancel ends running refits of the state, close does not", async () => {
        const other = state.slice(0, prefix.length);
        // So many queries that a refit cannot end before it is cancelled.
        const times = 200;
        const rowLength = queryCount * reference.headSize;
        const many = new Float32Array(queryVectors.length * times);
        for (let at = 0; at < many.length; at += rowLength) {
          const row = Math.floor(at / (rowLength * times));
          many.set(queryVectors.subarray(row * rowLength, (row + 1) * rowLength), at);
        }
        const begin = (vectors = queryVectors, count = queryCount): Promise<NativeKvState> =>
          other.refit({ cells, positions, queryVectors: vectors, queryCount: count, ridge: 1e-2 });
        other.cancel();
        const codes = [begin(many, queryCount * times), begin(many, queryCount * times)].map((running) =>
          codeOf(() => running),
        );
        other.cancel();
        assert.deepEqual(await Promise.all(codes), ["NATIVE_CANCELLED", "NATIVE_CANCELLED"]);
        const third = begin();
        other.close();
        (await third).close();
        assert.equal(await codeOf(() => begin()), "NATIVE_STATE");
        other.cancel();
      });
    });
  });
}

/** softmax(q · k / sqrt(size)) · v over the cells of one KV head; rows are [cell][KV head][size]. */
function output(
  query: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  head: number,
  heads: number,
): Float64Array {
  const size = query.length;
  const cells = keys.length / (heads * size);
  const weights = Array.from({ length: cells }, (_, cell) => {
    let score = 0;
    for (const [i, value] of query.entries()) score += value * (keys[(cell * heads + head) * size + i] ?? NaN);
    return score / Math.sqrt(size);
  });
  const highest = Math.max(...weights);
  const shares = weights.map((weight) => Math.exp(weight - highest));
  const total = shares.reduce((a, b) => a + b, 0);
  return Float64Array.from({ length: size }, (_, i) =>
    shares.reduce((sum, share, cell) => sum + (share / total) * (values[(cell * heads + head) * size + i] ?? NaN), 0),
  );
}
