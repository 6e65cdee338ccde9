import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CachedTokens } from "../../extension/engine/cachedTokens.ts";

const tokens = (...values: number[]): Int32Array => Int32Array.from(values);

test("the longest beginning stays: whole tokens one by one, a compressed segment only as a whole", () => {
  const cached = new CachedTokens();
  cached.append(tokens(1, 2, 3));
  cached.appendSealed(tokens(4, 5, 6, 7), 2, "kvzip 0.5");
  cached.append(tokens(8, 9));
  assert.deepEqual([cached.length, cached.cells()], [9, 7]);
  const recipe = "kvzip 0.5";
  assert.equal(cached.reusable(tokens(1, 2, 9), recipe), 2);
  assert.equal(cached.reusable(tokens(1, 2, 3, 4, 5, 9), recipe), 3);
  assert.equal(cached.reusable(tokens(1, 2, 3, 4, 5, 6, 7, 8), recipe), 8);
  assert.equal(cached.reusable(tokens(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), recipe), 9);
  assert.equal(cached.reusable(tokens(1, 2, 3, 4, 5, 6, 7), recipe, 6), 3);
  assert.equal(cached.reusable(tokens(1, 2, 3, 4, 5, 6, 7, 8), "kvzip 0.3"), 3, "compressed in another way");
});

test("what is cut off is forgotten, but never within a compressed segment", () => {
  const cached = new CachedTokens();
  cached.append(tokens(1, 2));
  cached.appendSealed(tokens(3, 4, 5), 1, "r");
  cached.append(tokens(6));
  assert.throws(() => {
    cached.cut(4);
  }, RangeError);
  assert.deepEqual([cached.canCutAt(2), cached.canCutAt(3), cached.canCutAt(5)], [true, false, true]);
  cached.cut(5);
  assert.deepEqual([cached.length, cached.cells(), [...cached.slice(1, 4)]], [5, 3, [2, 3, 4]]);
  cached.cut(2);
  assert.deepEqual([cached.length, cached.cells(), cached.sealed], [2, 2, []]);
  cached.cut(7);
  assert.equal(cached.length, 2);
  cached.appendSealed(tokens(7, 8), 2, "r");
  assert.ok(cached.canCutAt(3), "as many cells as tokens: as good as read");
  assert.equal(cached.isSealed(0, 4), true);
  assert.equal(cached.reusable(tokens(1, 2, 7, 9), "another recipe"), 3);
  cached.cut(3);
  assert.equal(cached.isSealed(0, 3), false, "what is cut partly can be compressed like anything that was read");
});

test("what stays can be cut at, is a common beginning, and cells add up", () => {
  const run = fc.record({
    tokens: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 5 }),
    cells: fc.nat({ max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 6 }), fc.array(fc.nat({ max: 2 }), { maxLength: 20 }), (runs, wanted) => {
      const cached = new CachedTokens();
      let cells = 0;
      for (const { tokens: own, cells: asked } of runs) {
        const kept = Math.min(own.length, Math.max(1, asked));
        cached.appendSealed(Int32Array.from(own), kept, "r");
        cells += kept;
      }
      assert.equal(cached.cells(), cells);
      const all = runs.flatMap((one) => one.tokens);
      const length = cached.reusable(Int32Array.from(wanted), "r");
      assert.deepEqual(all.slice(0, length), wanted.slice(0, length));
      assert.ok(cached.canCutAt(length));
      for (let longer = length + 1; longer <= Math.min(all.length, wanted.length); longer += 1) {
        assert.ok(
          !cached.canCutAt(longer) || all[longer - 1] !== wanted[longer - 1] || !startsWith(all, wanted, longer),
        );
      }
      cached.cut(length);
      assert.deepEqual([...cached.slice(0, length)], all.slice(0, length));
    }),
  );
});

function startsWith(all: readonly number[], wanted: readonly number[], length: number): boolean {
  return all.slice(0, length).every((token, at) => token === wanted[at]);
}
