import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dotProducts, plainProducts } from "../../extension/pipeline/dotProducts.ts";
import type { StaticEncoder, StaticVectors } from "../../extension/pipeline/ports.ts";
import { StaticRows } from "../../extension/pipeline/staticRows.ts";
import { scoreStatic } from "../../extension/pipeline/staticScores.ts";

/** Whole numbers from −127 to 127, the same for the same length. */
function numbers(length: number): Int8Array {
  let state = length + 1;
  return Int8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 12) % 128;
  });
}

function directionOf(length: number): Float32Array {
  const values = numbers(length + 7).subarray(7);
  const size = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / size);
}

describe("dot products", () => {
  // 600 rows of 256 and 9,000 of 16 take more than one block; 20 has no vector instructions for its end.
  for (const [count, dimensions] of [
    [1, 16],
    [9000, 16],
    [600, 256],
    [513, 256],
    [33, 4096],
    [10, 20],
    [2, 4112],
  ] as const) {
    test(`of ${count} rows of ${dimensions} numbers are the sums of products`, () => {
      const [rows, direction] = [numbers(count * dimensions), directionOf(dimensions)];
      const sums = new Float64Array(count);
      dotProducts(rows, direction, sums);
      sums.forEach((sum, row) => {
        const own = rows.subarray(row * dimensions, (row + 1) * dimensions);
        const expected = own.reduce((total, value, d) => total + value * (direction[d] ?? 0), 0);
        assert.ok(Math.abs(sum - expected) <= 0.0003 * Math.hypot(...own), `${row}: ${sum} is not ${expected}`);
      });
    });
  }

  test("are the same with and without vector instructions, at the ends of the range, too", () => {
    const rows = Int8Array.from({ length: 32 }, (_, at) => (at < 16 ? -127 : 127));
    const direction = new Float32Array(16).fill(-0.25);
    const [sums, plain] = [new Float64Array(2), new Float64Array(2)];
    dotProducts(rows, direction, sums);
    plainProducts(
      rows,
      Int16Array.from(direction, (value) => Math.round(value * 32767)),
      plain,
    );
    assert.deepEqual(sums, plain);
    assert.ok(Math.abs((sums[0] ?? 0) - 508) < 0.1);
  });
});

/** Encodes questions as the vectors that their words spell, such as "0 1". */
const spelled: StaticEncoder = {
  dimensions: 2,
  encodeQuestion(question) {
    const values = question.split(" ").map(Number);
    return values.length === 2 ? Float32Array.from(values) : null;
  },
  encodeUnit: () => null,
};

function vectorsOf(files: Readonly<Record<string, readonly (readonly [number, number])[]>>): StaticVectors {
  const units = Object.values(files).flat().length;
  const rows = new StaticRows(2, units);
  for (const [path, vectors] of Object.entries(files)) {
    rows.addFile(
      path,
      Int8Array.from(vectors.flat(), (value) => Math.round(value * 127)),
    );
  }
  return rows.vectors();
}

const files = {
  "src/a.ts": [
    [1, 0],
    [0, 0],
    [0, 1],
  ],
  "src/b.ts": [[0, 0]],
  "test/c.ts": [
    [1, 0],
    [1, 0],
    [-1, 0],
    [0.6, 0.8],
  ],
} as const;

describe("static scores", () => {
  const vectors = vectorsOf(files);
  const scores = scoreStatic(spelled, vectors, "1 0", "");
  assert.ok(scores !== null);
  const near = (actual: number | null, expected: number) => {
    assert.ok(actual !== null && Math.abs(actual - expected) < 0.005, `${String(actual)} is not ${expected}`);
  };

  test("are the closeness of units and of their files", () => {
    near(scores.closeness("src/a.ts#0"), 1);
    near(scores.closeness("src/a.ts#2"), 0);
    near(scores.closeness("test/c.ts#2"), -1);
    near(scores.closeness("test/c.ts#3"), 0.6);
    near(scores.fileCloseness("src/a.ts#0"), Math.SQRT1_2);
    near(scores.fileCloseness("src/a.ts#2"), Math.SQRT1_2);
    near(scores.fileCloseness("test/c.ts#3"), 1.6 / Math.hypot(1.6, 0.8));
  });

  test("are null for units without a vector", () => {
    for (const id of ["src/a.ts#1", "src/a.ts#3", "src/b.ts#0", "gone.ts#0", "src/a.ts", "src/a.ts#x", "src/a.ts#-1"]) {
      assert.equal(scores.closeness(id), null, id);
      assert.equal(scores.fileCloseness(id), null, id);
    }
  });

  test("choose the best units, few of a file, below a folder, ties in order", () => {
    assert.deepEqual(scores.best(9, 9), [
      "test/c.ts#0",
      "test/c.ts#1",
      "src/a.ts#0",
      "test/c.ts#3",
      "src/a.ts#2",
      "test/c.ts#2",
    ]);
    assert.deepEqual(scores.best(3, 1), ["test/c.ts#0", "src/a.ts#0"]);
    assert.deepEqual(scores.best(1, 2), ["test/c.ts#0"]);
    assert.deepEqual(scores.best(0, 2), []);
    assert.deepEqual(scoreStatic(spelled, vectors, "1 0", "src")?.best(9, 9), ["src/a.ts#0", "src/a.ts#2"]);
    assert.deepEqual(scoreStatic(spelled, vectors, "1 0", "sr")?.best(9, 9), []);
  });

  test("choose among many files what sorting all of them would", () => {
    const values = numbers(1200);
    const many = vectorsOf(
      Object.fromEntries(
        Array.from({ length: 150 }, (_, file) => [
          `${file}.ts`,
          Array.from({ length: 4 }, (_, unit) => {
            const at = 2 * (4 * file + unit);
            return [(values[at] ?? 0) / 127, (values[at + 1] ?? 0) / 127] as const;
          }),
        ]),
      ),
    );
    const found = scoreStatic(spelled, many, "0.6 -0.8", "");
    assert.ok(found !== null);
    const both = (id: string) => (found.closeness(id) ?? 0) + 0.75 * (found.fileCloseness(id) ?? 0);
    const order = [...many.ids].sort((a, b) => both(b) - both(a));
    const taken = new Map<string, number>();
    const expected = order.filter((id) => {
      const path = id.slice(0, id.indexOf("#"));
      taken.set(path, (taken.get(path) ?? 0) + 1);
      return (taken.get(path) ?? 0) <= 2;
    });
    assert.deepEqual(found.best(20, 2), expected.slice(0, 20));
  });

  test("are missing where there is nothing to compare", () => {
    assert.equal(scoreStatic(null, vectors, "1 0", ""), null);
    assert.equal(scoreStatic(spelled, null, "1 0", ""), null);
    assert.equal(scoreStatic(spelled, vectorsOf({}), "1 0", ""), null);
    assert.equal(scoreStatic(spelled, vectors, "unknown", ""), null);
    assert.equal(scoreStatic({ ...spelled, dimensions: 3 }, vectors, "1 0", ""), null);
  });
});

test("a file's rows can be taken over from older vectors", () => {
  const older = vectorsOf(files);
  const rows = new StaticRows(2, 8);
  rows.addFrom(older, "test/c.ts");
  rows.addFrom(older, "src/b.ts");
  rows.addFile(
    "src/a.ts",
    Int8Array.from(files["src/a.ts"].flat(), (value) => value * 127),
  );
  const { "src/a.ts": a, "src/b.ts": b, "test/c.ts": c } = files;
  assert.deepEqual(rows.vectors(), vectorsOf({ "test/c.ts": c, "src/b.ts": b, "src/a.ts": a }));
});
