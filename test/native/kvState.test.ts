/** Captured states: taken out of one context, changed, put into another. llama.cpp's own results are the measure. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type {
  NativeAddon,
  NativeContext,
  NativeKvState,
  NativeKvType,
  NativeModel,
  OpenContextOptions,
} from "../../native/addon.ts";
import { writeTestModel } from "../support/testModels.ts";
import { codeOf, openFixture, withContextOf } from "./engine.ts";
import type { ModelFixture } from "./engine.ts";
import { largest, largestDifference, meanDifference } from "./numbers.ts";

const kvTypes: readonly NativeKvType[] = ["f32", "f16", "q8_0", "q4_0"];
/** Where sums are not rounded to 16 bits on the way. */
const exactLayout = { kvType: "f32", flashAttention: "off" } as const;
const tokens = Int32Array.from({ length: 150 }, (_, at) => 300 + ((at * 7919) % 20000));
const ending = Int32Array.from({ length: 8 }, (_, at) => 400 + at * 31);

// NORM rotation with llama, NEOX with qwen2.
for (const architecture of ["llama", "qwen2"] as const) {
  describe(`captured states of ${architecture}`, () => {
    let fixture: ModelFixture;
    let addon: NativeAddon;
    let model: NativeModel;

    before(async () => {
      const shape = { embedding: 256, heads: 4, kvHeads: 2, layers: 3 };
      fixture = await openFixture((file) => writeTestModel({ file, architecture, vocabulary: "llama-spm", ...shape }));
      ({ addon, model } = fixture);
    });

    after(() => fixture.close());

    const withContext = <Result>(
      options: Partial<OpenContextOptions>,
      body: (context: NativeContext) => Promise<Result>,
    ): Promise<Result> => withContextOf(model, { cells: 512, batchTokens: 64, threads: 1, ...options }, body);

    const captured = (options: Partial<OpenContextOptions> = {}, of: Int32Array = tokens): Promise<NativeKvState> =>
      withContext(options, async (context) => {
        await context.read(0, of);
        return context.captureSequence(0);
      });

    /** Log probabilities behind the state's cells. */
    const continued = (state: NativeKvState, options: Partial<OpenContextOptions> = {}): Promise<Float32Array> =>
      withContext(options, async (context) => {
        await context.attachState(0, state);
        return context.distributions(0, ending);
      });

    const read = (of: Int32Array, options: Partial<OpenContextOptions> = {}): Promise<Float32Array> =>
      withContext(options, async (context) => {
        await context.read(0, of);
        return context.distributions(0, ending);
      });

    const layouts = [
      ...kvTypes.map((kvType) => ({ kvType, flashAttention: "on" as const })),
      { kvType: "f16" as const, flashAttention: "off" as const },
      { kvType: "f32" as const, flashAttention: "off" as const },
    ];
    for (const layout of layouts) {
      const name = `${layout.kvType}, flash attention ${layout.flashAttention}`;
      test(`attached as captured it gives identical logits, also in a smaller context (${name})`, async () => {
        const state = await captured(layout);
        assert.deepEqual(
          [state.info.cells, state.info.layers, state.info.kvHeads, state.info.keySize, state.info.valueSize],
          [tokens.length, 3, 2, 64, 64],
        );
        assert.equal(state.info.kvType, layout.kvType);
        assert.deepEqual(
          state.info.positions,
          Int32Array.from(tokens, (_, at) => at),
        );
        const wanted = await read(tokens, layout);
        assert.deepEqual(await continued(state, layout), wanted);
        // The smaller one has room for the cells and no more than llama.cpp's padding.
        assert.deepEqual(await continued(state, { ...layout, cells: 256 }), wanted);
      });
    }

    test("parts of a sequence, captured one by one and attached one behind the other, are the sequence", async () => {
      const wanted = await read(tokens, { kvType: "f32" });
      const states = await withContext({ kvType: "f32" }, async (context) => {
        await context.read(0, tokens);
        const captures: NativeKvState[] = [];
        for (const [from, to] of [
          [0, 40],
          [40, 41],
          [41, 999],
        ] as const) {
          captures.push(await context.captureSequence(0, { from, to }));
        }
        return captures;
      });
      assert.deepEqual(
        states.map(({ info }) => info.cells),
        [40, 1, 109],
      );
      for (const unified of [true, false]) {
        const options = { kvType: "f32", unified, sequences: 2, cells: 1024 } as const;
        const got = await withContext(options, async (context) => {
          await context.read(0, tokens.subarray(0, 20));
          for (const state of states) await context.attachState(1, state);
          assert.equal(context.usedCells(1), tokens.length);
          assert.equal(context.usedCells(0), 20);
          return context.distributions(1, ending);
        });
        assert.ok(largestDifference(got, wanted) < 1e-4);
      }
      const joined = addon.joinKvStates(states);
      assert.deepEqual(
        joined.info.positions,
        Int32Array.from(tokens, (_, at) => at),
      );
      const whole = await captured({ kvType: "f32" });
      for (let layer = 0; layer < 3; layer++) {
        assert.deepEqual(joined.keys(layer), whole.keys(layer));
        assert.deepEqual(joined.values(layer), whole.values(layer));
      }
      assert.deepEqual(whole.slice(40, 41).keys(1), states[1]?.keys(1));
    });

    test("shifted keys are those that llama.cpp computes at the other position", async () => {
      for (const [kvType, tolerance] of [
        ["f32", 2e-4],
        ["f16", 4e-3],
      ] as const) {
        // The first layer's keys depend on nothing but token and position.
        const state = await captured({ kvType });
        const prefix = tokens.subarray(0, 77);
        const moved = await withContext({ kvType }, async (context) => {
          await context.read(0, Int32Array.from([...prefix, ...tokens]));
          return context.captureSequence(0, { from: 77, to: 227 });
        });
        const shifted = state.shift(77);
        assert.deepEqual(shifted.info.positions, moved.info.positions);
        const wanted = moved.keys(0);
        assert.ok(largestDifference(state.keys(0), wanted) > 0.1, "the rotation matters");
        const difference = largestDifference(shifted.keys(0), wanted);
        assert.ok(difference < tolerance * largest(wanted), `${kvType}: ${difference} of ${largest(wanted)}`);
        assert.deepEqual(shifted.values(1), state.values(1));
        const back = shifted.shift(-77);
        assert.ok(largestDifference(back.keys(2), state.keys(2)) < tolerance * largest(state.keys(2)));
      }
    });

    test("only distances matter: a shifted sequence goes on as the one that was not", async () => {
      const wanted = await read(tokens, exactLayout);
      const shifted = (await captured(exactLayout)).shift(1000);
      const got = await continued(shifted, exactLayout);
      assert.ok(meanDifference(got, wanted) < 5e-3, `${meanDifference(got, wanted)}`);
    });

    test("attached where llama.cpp quantises, the cache is the one that llama.cpp makes itself", async () => {
      const exact = await captured({ kvType: "f32" });
      for (const kvType of ["q8_0", "q4_0"] as const) {
        const options = { kvType, flashAttention: "on" } as const;
        const own = await captured(options);
        const converted = exact.convert(kvType);
        assert.equal(converted.info.bytes, own.info.bytes);
        const size = largest(exact.keys(0));
        // One and the same numbers are quantised in the first layer, so they differ by rounding ties at most.
        assert.ok(meanDifference(converted.keys(0), own.keys(0)) < 1e-3 * size, `${kvType} keys`);
        assert.ok(
          meanDifference(converted.values(0), own.values(0)) < 1e-3 * largest(exact.values(0)),
          `${kvType} values`,
        );
        // Quantised anew, its own cache is the same one.
        const wanted = await read(tokens, options);
        const again = meanDifference(await continued(own.convert("f32"), options), wanted);
        assert.ok(again < 2e-3, `${kvType} again: ${again}`);
        // Quantised here, or read into an f16 context, it loses no more than in llama.cpp, which quantises while it reads.
        const unquantised = await read(tokens, { kvType: "f32" });
        const theirs = meanDifference(wanted, unquantised);
        const others = [
          await continued(exact, options),
          await continued(converted, options),
          await continued(own, { kvType: "f16" }),
        ];
        for (const [at, other] of others.entries()) {
          const ours = meanDifference(other, unquantised);
          assert.ok(ours < theirs * 1.2, `${kvType}, ${at}: ${ours} against ${theirs}`);
        }
        assert.equal(own.shift(10).info.kvType, "f16");
      }
    });

    test("converting there and back loses what the type cannot hold, and no more", async () => {
      const state = await captured({ kvType: "f32" });
      const size = largest(state.values(2));
      const tolerances = { f32: 0, f16: 1e-3, q8_0: 2e-2, q4_0: 0.3 };
      for (const kvType of kvTypes) {
        const there = state.convert(kvType);
        assert.equal(there.info.kvType, kvType);
        const back = there.convert("f32");
        assert.ok(largestDifference(back.keys(1), state.keys(1)) <= tolerances[kvType] * largest(state.keys(1)));
        assert.ok(largestDifference(back.values(2), state.values(2)) <= tolerances[kvType] * size);
        assert.deepEqual(back.keys(1), there.keys(1));
      }
      assert.equal(state.convert("q8_0").info.bytes / state.info.bytes, 34 / 128);
      assert.equal(state.convert("q4_0").info.bytes / state.info.bytes, 18 / 128);
    });

    test("selected cells are those that were asked for, in each layer and KV head", async () => {
      const state = await captured({ kvType: "f16" });
      const kept = 60;
      const cells = new Int32Array(3 * 2 * kept);
      for (let row = 0; row < 6; row++) for (let i = 0; i < kept; i++) cells[row * kept + i] = i * 2 + (row % 5);
      const positions = Int32Array.from({ length: kept }, (_, i) => (i === kept - 1 ? 149 : i * 2));
      const selected = state.select(cells, positions);
      assert.deepEqual(selected.info.positions, positions);
      assert.equal(selected.info.bytes / state.info.bytes, kept / 150);
      for (let layer = 0; layer < 3; layer++) {
        for (const part of ["keys", "values"] as const) {
          const from = state[part](layer);
          const to = selected[part](layer);
          for (let head = 0; head < 2; head++) {
            for (let i = 0; i < kept; i++) {
              const cell = cells[(layer * 2 + head) * kept + i] ?? 0;
              const wanted = from.subarray((cell * 2 + head) * 64, (cell * 2 + head + 1) * 64);
              assert.deepEqual(to.subarray((i * 2 + head) * 64, (i * 2 + head + 1) * 64), wanted);
            }
          }
        }
      }
    });

    test("cells that are left out are to the others as if llama.cpp had removed them", async () => {
      const options = exactLayout;
      const keeps = (at: number): boolean => at < 10 || at % 3 === 0 || at > 140;
      const positions = Int32Array.from(tokens, (_, at) => at).filter(keeps);
      const rows = Array.from({ length: 6 }, () => [...positions]);
      const wanted = await withContext(options, async (context) => {
        await context.read(0, tokens);
        for (let at = 0; at < tokens.length; at++) if (!keeps(at)) context.remove(0, at, at + 1);
        return context.distributions(0, ending);
      });
      const state = (await captured(options)).select(Int32Array.from(rows.flat()), positions);
      const got = await continued(state, { ...options, cells: 256 });
      assert.ok(meanDifference(got, wanted) < 1e-3, `${meanDifference(got, wanted)}`);
      assert.ok(largestDifference(await read(tokens, options), wanted) > 0.1, "leaving out matters");
    });

    test("room is counted in cells: positions may go on beyond them", async () => {
      const state = await captured();
      const last = Int32Array.from({ length: 6 * 50 }, (_, i) => 100 + (i % 50));
      const kept = state.select(
        last,
        Int32Array.from({ length: 50 }, (_, i) => 5000 + i),
      );
      await withContext({ cells: 256 }, async (context) => {
        await context.attachState(0, kept);
        assert.deepEqual([context.usedCells(0), context.nextPosition(0)], [50, 5050]);
        await context.read(0, tokens);
        assert.equal(context.nextPosition(0), 5200);
        assert.equal(await codeOf(() => context.read(0, new Int32Array(57))), "NATIVE_CONTEXT_FULL");
        await context.read(0, new Int32Array(56));
        assert.equal(await codeOf(() => context.attachState(0, kept.shift(1000))), "NATIVE_CONTEXT_FULL");
        assert.equal(context.usedCells(0), 256);
      });
    });

    test("a state that does not fit leaves the sequence as it was", async () => {
      const state = await captured();
      for (const unified of [true, false]) {
        await withContext({ unified, sequences: 2, cells: unified ? 256 : 512 }, async (context) => {
          await context.read(0, tokens.subarray(0, 100));
          assert.equal(await codeOf(() => context.attachState(0, state)), "NATIVE_ARGUMENT");
          assert.equal(await codeOf(() => context.attachState(0, state.slice(99, 150))), "NATIVE_ARGUMENT");
          await context.attachState(0, state.slice(100, 150));
          const after = await context.captureSequence(0);
          if (unified) {
            // The pool is shared: the other sequence's room is what this one leaves.
            assert.equal(await codeOf(() => context.attachState(1, state)), "NATIVE_CONTEXT_FULL");
            assert.equal(context.usedCells(1), 0);
          }
          assert.equal(await codeOf(() => context.attachState(0, state.shift(1000))), "NATIVE_CONTEXT_FULL");
          assert.deepEqual((await context.captureSequence(0)).keys(1), after.keys(1));
          await context.read(0, ending);
          assert.equal(context.usedCells(0), 158);
        });
      }
    });

    test("files hold the state, its tokens and segments", async () => {
      const segments = Int32Array.of(0, 40, 7, -1);
      for (const kvType of kvTypes) {
        const state = (await captured({ kvType: "f32" }, tokens.subarray(0, 30))).convert(kvType);
        const bytes = state.encode({ tokens, segments });
        const decoded = addon.decodeKvState(model, bytes);
        assert.deepEqual([decoded.tokens, decoded.segments], [tokens, segments]);
        assert.deepEqual(decoded.state.info, state.info);
        assert.deepEqual(decoded.state.keys(2), state.keys(2));
        assert.deepEqual(decoded.state.values(0), state.values(0));
        assert.deepEqual(decoded.state.encode({ tokens, segments }), bytes);
        assert.ok(bytes.length < state.info.bytes + (tokens.length + 30) * 4 + 200);
      }
    });
  });
}
