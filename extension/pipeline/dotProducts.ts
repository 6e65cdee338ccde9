/** Dot products of many rows of bytes with one direction. */
import { advance, assemble, constant, get, i32, i32x4, isBelow, repeat, set, v128 } from "./vectorCode.ts";
import type { Code } from "./vectorCode.ts";

/** A direction's numbers are rounded to whole ones of this size; a sum of 127 times as much fits into 32 bits. */
const directionScale = 32767;

/**
 * Writes the products of each row with `direction` to `sums`, one per row. `rows` holds rows of whole numbers, one after
 * the other, each as long as `direction`, whose length is at most 1. Products are exact to 0.0003 of a row's length.
 */
export function dotProducts(rows: Int8Array, direction: Float32Array, sums: Float64Array): void {
  const whole = Int16Array.from(direction, (value) => Math.round(value * directionScale));
  const dimensions = direction.length;
  const fits = dimensions > 0 && dimensions % dimensionsPerTurn === 0 && dimensions <= dimensionsMax;
  if (vectorProducts !== null && fits) vectorProducts(rows, whole, sums);
  else plainProducts(rows, whole, sums);
}

/** The same without vector instructions, for any length and for processors without them. */
export function plainProducts(rows: Int8Array, direction: Int16Array, sums: Float64Array): void {
  const dimensions = direction.length;
  for (let row = 0; row < sums.length; row += 1) {
    const start = row * dimensions;
    let sum = 0;
    for (let d = 0; d < dimensions; d += 1) sum += (rows[start + d] ?? 0) * (direction[d] ?? 0);
    sums[row] = sum / directionScale;
  }
}

/** The function's memory: the direction, then sums, then rows; larger matrices pass through it block by block. */
const dimensionsMax = 4096;
const sumsStart = 2 * dimensionsMax;
const rowsStart = 0x10000;
const rowsBytes = 0x20000;
const dimensionsPerTurn = 16;

const [row, rowsEnd, sums, directionEnd, place, products] = [0, 1, 2, 3, 4, 6];
const addEight = (at: number): Code => [
  ...get(products),
  ...[...get(row), ...v128.loadEightBytes(at)],
  ...[...get(place), ...v128.load(2 * at)],
  ...[...i32x4.multiplyPairs, ...i32x4.add, ...set(products)],
];
const lane = (at: number): Code => [...get(products), ...i32x4.lane(at)];
const oneRow = [
  ...[...constant(0), ...i32x4.splat, ...set(products)],
  ...[...constant(0), ...set(place)],
  ...repeat(
    [
      ...[...addEight(0), ...addEight(8)],
      ...[...advance(row, dimensionsPerTurn), ...advance(place, 2 * dimensionsPerTurn)],
    ],
    isBelow(place, directionEnd),
  ),
  ...[...get(sums), ...lane(0), ...lane(1), ...i32.add, ...lane(2), ...i32.add, ...lane(3), ...i32.add, ...i32.store],
  ...advance(sums, 4),
];

const vectorProducts = makeVectorProducts();

function makeVectorProducts(): typeof plainProducts | null {
  const made = assemble(repeat(oneRow, isBelow(row, rowsEnd)), rowsStart + rowsBytes);
  if (made === null) return null;
  const { memory, call } = made;
  const bytes = new Int8Array(memory);
  return (rows, direction, sums) => {
    const dimensions = direction.length;
    const rowsPerBlock = Math.floor(rowsBytes / dimensions);
    new Int16Array(memory).set(direction);
    for (let first = 0; first < sums.length; first += rowsPerBlock) {
      const count = Math.min(rowsPerBlock, sums.length - first);
      bytes.set(rows.subarray(first * dimensions, (first + count) * dimensions), rowsStart);
      call(rowsStart, rowsStart + count * dimensions, sumsStart, 2 * dimensions);
      const found = new Int32Array(memory, sumsStart, count);
      for (let at = 0; at < count; at += 1) sums[first + at] = (found[at] ?? 0) / directionScale;
    }
  };
}
