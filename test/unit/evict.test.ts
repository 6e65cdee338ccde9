import assert from "node:assert/strict";
import test, { describe } from "node:test";
import fc from "fast-check";
import { evict, evictors, type EvictOptions, type Kept } from "../../extension/pipeline/evict.ts";
import type { LayerSeen } from "../../extension/pipeline/evictScores.ts";
import {
  generatedTailTokens,
  keptCellsOf,
  segmentCellsMin,
  segmentKinds,
  sinkTokens,
  type EvictSegment,
} from "../../extension/pipeline/evictSegments.ts";
import { evictorNames } from "../../extension/protocol/settings.ts";

const layers = 3;
const kvHeads = 2;
const keySize = 4;
const rows = layers * kvHeads;

/** Random keys and attention; the same numbers give the same layers. */
function seenOf(cells: number, values: readonly number[], window = 0): (layer: number) => LayerSeen {
  const value = (at: number): number => values[at % values.length] ?? 0;
  return (layer) => ({
    kvHeads,
    cells,
    keySize,
    keys: Float32Array.from({ length: cells * kvHeads * keySize }, (_, at) => value(at * 7 + layer) - 0.5),
    attention: Float32Array.from({ length: kvHeads * cells }, (_, at) =>
      at % cells >= cells - window ? Infinity : value(at * 13 + layer * 5),
    ),
  });
}

/** Segments one after another, of these kinds and lengths. */
function segmentsOf(parts: readonly { kind: EvictSegment["kind"]; tokens: number; link?: number; pin?: number }[]) {
  let from = 0;
  return parts.map(({ kind, tokens, link = 0, pin = 0 }): EvictSegment => {
    const segment = { kind, from, to: from + tokens, link: Math.min(link, tokens) };
    from += tokens;
    if (pin === 0) return segment;
    return { ...segment, pins: Uint8Array.from({ length: tokens }, (_, at) => (at % pin === 0 ? 1 + (at % 4) : 0)) };
  });
}

function optionsOf(
  name: (typeof evictorNames)[number],
  keepRatio: number,
  segments: readonly EvictSegment[],
  values: readonly number[] = [0.3, 0.9, 0.1, 0.7, 0.2, 0.6, 0.05],
): EvictOptions {
  const cells = segments.at(-1)?.to ?? 0;
  return {
    evictor: evictors[name],
    keepRatio,
    segments,
    positions: Int32Array.from({ length: cells }, (_, at) => at),
    layers,
    kvHeads,
    seen: seenOf(cells, values, name === "snapkv" ? Math.min(3, cells) : 0),
    chunkStarts: Int32Array.from({ length: Math.ceil(cells / 5) }, (_, at) => at * 5),
  };
}

const noPause = (): Promise<void> => Promise.resolve();

function rowsOf({ cells, positions }: Kept): Int32Array[] {
  return Array.from({ length: rows }, (_, row) => cells.subarray(row * positions.length, (row + 1) * positions.length));
}

const anySegments = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...segmentKinds),
      tokens: fc.integer({ min: 1, max: 90 }),
      link: fc.integer({ min: 0, max: 20 }),
      pin: fc.integer({ min: 0, max: 4 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map(segmentsOf);
const anyValues = fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 40 });
const anyRatio = fc.double({ min: 0.05, max: 1, noNaN: true });

for (const name of evictorNames) {
  describe(`evictor ${name}`, () => {
    test("keeps exactly the share of each segment, instructions whole, positions ascending to each segment's end", async () => {
      await fc.assert(
        fc.asyncProperty(anySegments, anyRatio, anyValues, async (segments, keepRatio, values) => {
          const kept = await evict(optionsOf(name, keepRatio, segments, values), noPause);
          const ratio = evictors[name].keeps === "all" ? 1 : keepRatio;
          let before = 0;
          const isCut = (kind: string): boolean => kind === "code" || kind === "generated";
          const evenOf = ({ kind, from, to, link }: EvictSegment): number =>
            isCut(kind) ? keptCellsOf(to - from, ratio, link) : to - from;
          assert.equal(
            kept.positions.length,
            segments.reduce((sum, segment) => sum + evenOf(segment), 0),
          );
          for (const [at, { from, to, kind, link = 0 }] of segments.entries()) {
            const cut = isCut(kind);
            const wanted = kept.segments[at]?.kept ?? 0;
            if (kind !== "code") assert.equal(wanted, evenOf({ kind, from, to, link }));
            assert.ok(wanted >= (cut ? Math.min(to - from, Math.max(segmentCellsMin, link + 1)) : to - from));
            for (const row of rowsOf(kept)) {
              const own = row.subarray(before, before + wanted);
              assert.ok(own.every((cell, i) => cell >= from && cell < to && cell > (own[i - 1] ?? -1)));
              if (!cut)
                assert.deepEqual(
                  [...own],
                  [...Array(to - from).keys()].map((i) => from + i),
                );
              for (let cell = from; cell < from + link; cell += 1) assert.ok(own.includes(cell), "the link stays");
              for (let cell = from; cell < Math.min(to, sinkTokens, from + wanted); cell += 1)
                assert.ok(own.includes(cell));
              const tail = kind === "generated" ? Math.min(generatedTailTokens, wanted - link - sinkTokens - 1) : 0;
              for (let cell = to - tail; cell < to; cell += 1) assert.ok(own.includes(cell), "the tail stays");
            }
            const positions = kept.positions.subarray(before, before + wanted);
            assert.equal(positions.at(-1), to - 1);
            assert.ok(positions.every((position, i) => position > (positions[i - 1] ?? from - 1)));
            for (let i = 0; i < Math.min(link, wanted); i += 1) assert.equal(positions[i], from + i);
            before += wanted;
          }
          assert.equal(kept.positions.length, before);
          assert.equal(kept.cells.length, rows * before);
          assert.equal(kept.fixed.length, before);
        }),
        { numRuns: 60 },
      );
    });

    test("keeps every cell in its place at a ratio of 1", async () => {
      const kept = await evict(optionsOf(name, 1, segmentsOf([{ kind: "code", tokens: 50 }])), noPause);
      for (const row of rowsOf(kept)) assert.deepEqual([...row], [...Array(50).keys()]);
      assert.deepEqual([...kept.positions], [...Array(50).keys()]);
    });

    test("gives the same for the same", async () => {
      const segments = segmentsOf([
        { kind: "instructions", tokens: 9 },
        { kind: "code", tokens: 70, pin: 3 },
      ]);
      const [first, second] = await Promise.all([1, 2].map(() => evict(optionsOf(name, 0.3, segments), noPause)));
      assert.deepEqual(first, second);
    });

    test("keeps the same tokens in all heads, unless it composes cells", async () => {
      const values = Array.from({ length: 997 }, (_, at) => (at * 7919) % 997);
      const kept = await evict(optionsOf(name, 0.4, segmentsOf([{ kind: "code", tokens: 80 }]), values), noPause);
      const distinct = new Set(rowsOf(kept).map((row) => row.join())).size;
      assert.equal(distinct > 1, evictors[name].keeps === "heads");
    });

    test("stops between layers when the pause throws", async () => {
      const controller = new AbortController();
      let pauses = 0;
      const pause = (): Promise<void> => {
        pauses += 1;
        if (pauses === 2) controller.abort();
        controller.signal.throwIfAborted();
        return Promise.resolve();
      };
      const work = evict(optionsOf(name, 0.5, segmentsOf([{ kind: "code", tokens: 50 }])), pause);
      if (evictors[name].keeps === "all") assert.equal((await work).positions.length, 50);
      else await assert.rejects(work, { name: "AbortError" });
    });
  });
}

describe("kept cells", () => {
  test("are the rounded share, but never below the floor, the link or above the tokens", () => {
    assert.equal(keptCellsOf(100, 0.25), 25);
    assert.equal(keptCellsOf(101, 0.5), 51);
    assert.equal(keptCellsOf(20, 0.1), segmentCellsMin);
    assert.equal(keptCellsOf(5, 0.1), 5);
    assert.equal(keptCellsOf(100, 0.1, 32), 33);
    assert.equal(keptCellsOf(20, 0.1, 32), 20);
  });

  test("go where the scores are, as far as each segment keeps its least", async () => {
    const segments = segmentsOf([17, 61, 40].map((tokens) => ({ kind: "code" as const, tokens })));
    const { segments: kept } = await evict(optionsOf("recency", 0.4, segments), noPause);
    assert.deepEqual(
      kept.map((segment) => segment.kept),
      [8, 8, 32],
    );
  });

  test("of segments that were compressed before stay as they are", async () => {
    const segments: EvictSegment[] = [
      { kind: "kept", from: 0, to: 40 },
      { kind: "code", from: 40, to: 80 },
    ];
    const positions = Int32Array.from([...[3, 9, 39], ...Array.from({ length: 40 }, (_, at) => 40 + at)]);
    const kept = await evict(
      { ...optionsOf("kvzip-composite", 0.5, segments), positions, seen: seenOf(43, [0.1, 0.5, 0.2]) },
      noPause,
    );
    assert.deepEqual([...kept.positions.subarray(0, 3)], [3, 9, 39]);
    for (const row of rowsOf(kept)) assert.deepEqual([...row.subarray(0, 3)], [0, 1, 2]);
    assert.equal(kept.positions.length, 3 + 20);
    assert.deepEqual([...kept.fixed], [1, 1, 1, ...Array<number>(20).fill(0)]);
    await assert.rejects(
      evict({ ...optionsOf("random", 0.5, [{ kind: "code", from: 0, to: 80 }]), positions }, noPause),
      RangeError,
    );
  });

  test("are refused for ratios out of range and segments with gaps", async () => {
    for (const ratio of [0, -1, 1.01, Number.NaN]) {
      await assert.rejects(
        evict(optionsOf("random", ratio, segmentsOf([{ kind: "code", tokens: 20 }])), noPause),
        RangeError,
      );
    }
    const gap: EvictSegment[] = [
      { kind: "code", from: 0, to: 10 },
      { kind: "code", from: 12, to: 30 },
    ];
    await assert.rejects(evict(optionsOf("random", 0.5, gap), noPause), RangeError);
  });
});

describe("selection", () => {
  const one = (tokens: number): EvictSegment[] => [{ kind: "code", from: 0, to: tokens }];
  const rowFor = async (options: EvictOptions): Promise<number[]> => [
    ...(rowsOf(await evict(options, noPause))[0] ?? []),
  ];

  test("recency keeps sinks and a window", async () => {
    assert.deepEqual(await rowFor(optionsOf("recency", 0.25, one(40))), [0, 1, 2, 3, 34, 35, 36, 37, 38, 39]);
  });

  test("keydiff keeps keys that are unlike the others", async () => {
    const options = optionsOf("keydiff", 0.25, one(40));
    const odd = new Set([11, 23, 31, 35, 37, 39]);
    const seen = (layer: number): LayerSeen => ({
      ...options.seen(layer),
      keys: Float32Array.from({ length: 40 * kvHeads * keySize }, (_, at) => {
        const cell = Math.floor(at / (kvHeads * keySize));
        return at % keySize === (odd.has(cell) ? 1 : 0) ? 2 : 0.1;
      }),
    });
    assert.deepEqual(await rowFor({ ...options, seen }), [0, 1, 2, 3, ...odd]);
  });

  test("snapkv keeps its window and the neighbours of what is looked at", async () => {
    const options = optionsOf("snapkv", 0.5, one(28));
    const attention = Float32Array.from({ length: kvHeads * 28 }, (_, at) =>
      at % 28 >= 25 ? Infinity : at % 28 === 15 ? 1 : (at % 28) * 1e-4,
    );
    const kept = await rowFor({ ...options, seen: (layer) => ({ ...options.seen(layer), attention }) });
    assert.equal(kept.length, 14);
    for (const cell of [0, 1, 2, 3, 13, 14, 15, 16, 17, 25, 26, 27]) assert.ok(kept.includes(cell), `${cell} stays`);
  });

  test("chunkkv keeps whole chunks, and of one the beginning", async () => {
    const options = optionsOf("chunkkv", 0.5, one(36));
    const best = [4, 6, 2];
    const attention = Float32Array.from({ length: kvHeads * 36 }, (_, at) =>
      best.includes(Math.floor((at % 36) / 5)) ? 1 - best.indexOf(Math.floor((at % 36) / 5)) / 10 : 0,
    );
    const kept = await rowFor({ ...options, seen: (layer) => ({ ...options.seen(layer), attention }) });
    assert.deepEqual(kept, [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 24, 30, 31, 32, 33, 34]);
  });

  test("composites give each head the tokens that it looks at", async () => {
    const options = optionsOf("kvzip-composite", 0.25, one(40));
    const looksAt = (layer: number, head: number, cell: number): boolean => cell % 6 === layer * kvHeads + head;
    const seen = (layer: number): LayerSeen => ({
      ...options.seen(layer),
      attention: Float32Array.from({ length: kvHeads * 40 }, (_, at) =>
        looksAt(layer, Math.floor(at / 40), at % 40) ? 1 : 0,
      ),
    });
    const kept = rowsOf(await evict({ ...options, seen }, noPause));
    for (const [row, cells] of kept.entries()) {
      const looked = [...cells].filter((cell) => cell % 6 === row && cell >= sinkTokens);
      assert.deepEqual(
        looked,
        [...Array(40).keys()].filter((cell) => cell % 6 === row && cell >= sinkTokens).slice(0, 6),
      );
    }
  });

  test("pins stay, the highest first, and leave the scores half of the room", async () => {
    const pins = Uint8Array.from({ length: 80 }, (_, at) => (at >= 60 ? 1 : at >= 50 && at < 58 ? 4 : 0));
    const segments: EvictSegment[] = [{ kind: "code", from: 0, to: 80, pins }];
    const kept = await rowFor(optionsOf("kvzip", 0.35, segments));
    assert.equal(kept.length, 28);
    for (let cell = 50; cell < 58; cell += 1) assert.ok(kept.includes(cell), `${cell} is pinned`);
    const pinnedOnly = [...pins.keys()].filter((cell) => (pins[cell] ?? 0) > 0 && kept.includes(cell));
    assert.ok(pinnedOnly.length >= 12 && kept.length - pinnedOnly.length >= 4, `${pinnedOnly.length} pinned`);
  });
});
