import assert from "node:assert/strict";
import path from "node:path";
import test, { after, before, describe } from "node:test";
import type { NativeContext, NativeKvState, NativeModel } from "../../native/addon.ts";
import { codeModelFile } from "../../extension/engine/codeModel.ts";
import { KvCompressor } from "../../extension/engine/kvCompression.ts";
import { openLlama } from "../../extension/engine/llama.ts";
import { evictors } from "../../extension/pipeline/evict.ts";
import { keptCellsOf, type EvictSegment } from "../../extension/pipeline/evictSegments.ts";
import { evictorNames } from "../../extension/protocol/settings.ts";

const root = path.resolve(import.meta.dirname, "../..");

describe("compression of what a context has read", () => {
  let model: NativeModel;
  let context: NativeContext;
  let compressor: KvCompressor;
  let state: NativeKvState;
  let tokens: Int32Array;
  let segments: readonly EvictSegment[];
  /** What the full cache says about the tokens behind it. */
  let full: Float32Array;
  const behind = () => model.tokenize("export function first(values) {\n  return values[0];\n}\n", { special: false });

  before(async () => {
    const { addon } = await openLlama({ root, device: "cpu" });
    model = await addon.openModel({ path: codeModelFile(root), gpuLayers: 0 });
    context = await model.openContext({ cells: 1024, threads: 1 });
    compressor = await KvCompressor.open(model, { cells: 512, threads: 1 });
    const parts = [
      "Answers end with a mark.\n",
      "export function first(values) {\n  if (values.length === 0) throw new RangeError();\n  return values[0];\n}\n",
      "export function last(values) {\n  return values[values.length - 1];\n}\n".repeat(3),
    ].map((text) => model.tokenize(text, { special: false }));
    tokens = Int32Array.from(parts.flatMap((part) => [...part]));
    let from = 0;
    segments = parts.map((part, at) => {
      const segment = { kind: at === 0 ? "instructions" : "code", from, to: from + part.length } as const;
      from += part.length;
      return segment;
    });
    await context.read(0, tokens);
    state = await context.captureSequence(0);
    full = await context.distributions(0, behind());
  });

  after(async () => {
    state.close();
    await compressor.close();
    await context.close();
    await model.close();
  });

  const distributions = async (of: NativeKvState): Promise<Float32Array> => {
    context.clear();
    await context.attachState(0, of);
    return context.distributions(0, behind());
  };
  const distance = (a: Float32Array, b: Float32Array): number =>
    a.reduce((sum, value, at) => sum + Math.exp(value) * (value - (b[at] ?? 0)), 0) /
    (a.length / model.info.vocabulary);

  for (const evictor of evictorNames) {
    test(`${evictor}: a ratio of 1 gives identical distributions`, async () => {
      const compressed = await compressor.compress({ state, tokens, segments, evictor, keepRatio: 1 });
      try {
        assert.deepEqual(await distributions(compressed.state), full);
        assert.equal(compressed.observedTokens, 0);
      } finally {
        compressed.state.close();
      }
    });

    test(`${evictor}: half the cells keep the ratio, the instructions' cells and the positions behind`, async () => {
      const keepRatio = evictors[evictor].keeps === "all" ? 1 : 0.5;
      const compressed = await compressor.compress({ state, tokens, segments, evictor, keepRatio: 0.5 });
      try {
        const { info } = compressed.state;
        const total = segments.reduce(
          (sum, { kind, from, to }) => sum + (kind === "code" ? keptCellsOf(to - from, keepRatio) : to - from),
          0,
        );
        assert.equal(info.cells, total);
        assert.equal(
          compressed.segments.reduce((sum, { kept }) => sum + kept, 0),
          total,
        );
        assert.equal(compressed.segments[0]?.kept, segments[0]?.to);
        assert.equal(info.positions.at(-1), tokens.length - 1);
        const [instructions] = segments;
        const row = info.kvHeads * info.keySize * (instructions?.to ?? 0);
        for (let layer = 0; layer < info.layers; layer += 1) {
          assert.deepEqual(compressed.state.keys(layer).subarray(0, row), state.keys(layer).subarray(0, row));
          assert.deepEqual(compressed.state.values(layer).subarray(0, row), state.values(layer).subarray(0, row));
        }
        const nats = distance(full, await distributions(compressed.state));
        assert.ok(Number.isFinite(nats) && nats < 3, `${nats} nats away`);
        assert.equal(context.usedCells(0), info.cells);
        assert.equal(context.nextPosition(0), tokens.length);
      } finally {
        compressed.state.close();
      }
    });

    test(`${evictor}: an abort ends it with cancelled, and the next compression works`, async () => {
      const options = { state, tokens, segments, evictor, keepRatio: 0.5 };
      const controller = new AbortController();
      const work = compressor.compress({ ...options, signal: controller.signal });
      controller.abort();
      if (evictors[evictor].keeps === "all") (await work).state.close();
      else await assert.rejects(work, { code: "cancelled" });
      await assert.rejects(compressor.compress({ ...options, signal: AbortSignal.abort() }), { code: "cancelled" });
      const again = await compressor.compress(options);
      again.state.close();
    });
  }

  test("what was observed of a second reading keeps closer to the full cache than chance does", async () => {
    const words = ["count", "parse", "merge", "write", "close", "match", "shift", "trace", "index", "split"];
    const functions = words.map(
      (word, at) =>
        `def ${word}_${words[(at * 3 + 1) % 10] ?? ""}(${word}, limit=${at * 17}):\n    return ${word}[limit]\n\n`,
    );
    const tokenize = (text: string) => model.tokenize(text, { special: false });
    const read = tokenize(functions.join(""));
    const again = tokenize(functions.slice(2, 8).reverse().join(""));
    const ask = async (of: NativeKvState): Promise<Float32Array> => {
      context.clear();
      await context.attachState(0, of);
      return context.distributions(0, again);
    };
    context.clear();
    await context.read(0, read);
    const whole = await context.captureSequence(0);
    const wanted = await ask(whole);
    const nats = new Map<string, number>();
    for (const evictor of ["random", "kvzip-composite-refit"] as const) {
      const compressed = await compressor.compress({
        ...{ state: whole, tokens: read, evictor, keepRatio: 0.5 },
        segments: [{ kind: "code", from: 0, to: read.length }],
      });
      nats.set(evictor, distance(wanted, await ask(compressed.state)));
      compressed.state.close();
    }
    whole.close();
    const [chance = 0, chosen = 0] = nats.values();
    assert.ok(chosen < chance / 2, `${chosen} nats against ${chance}`);
  });

  test("segments can be compressed one by one; what is done already stays as it is", async () => {
    const only = (at: number) =>
      segments.map((segment, place) => (place === at ? segment : { ...segment, kind: "kept" as const }));
    const evictor = "kvzip-composite-refit";
    const first = await compressor.compress({ state, tokens, segments: only(1), evictor, keepRatio: 0.5 });
    const both = await compressor.compress({ state: first.state, tokens, segments: only(2), evictor, keepRatio: 0.5 });
    try {
      assert.deepEqual(
        both.segments.map(({ kept }) => kept),
        segments.map(({ kind, from, to }) => (kind === "code" ? keptCellsOf(to - from, 0.5) : to - from)),
      );
      const { kvHeads, keySize } = both.state.info;
      const start = segments[2]?.from ?? 0;
      const [before, later] = [first.state, both.state].map((each) => each.slice(0, start));
      assert.ok(before !== undefined && later !== undefined);
      assert.equal(later.info.cells * kvHeads * keySize, later.values(0).length);
      for (let layer = 0; layer < later.info.layers; layer += 1) {
        assert.deepEqual(later.values(layer), before.values(layer));
        assert.deepEqual(later.keys(layer), before.keys(layer));
      }
      before.close();
      later.close();
    } finally {
      first.state.close();
      both.state.close();
    }
  });

  test("refuses tokens that do not belong to the state", async () => {
    const wrong = tokens.subarray(1);
    await assert.rejects(compressor.compress({ state, tokens: wrong, segments, evictor: "kvzip", keepRatio: 0.5 }), {
      code: "nativeArgument",
    });
  });
});
