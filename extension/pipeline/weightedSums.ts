/** Vectors in numbered slots, and weighted sums of them. */
import { advance, assemble, f32, f32x4, get, i32, isBelow, repeat, set, v128 } from "./vectorCode.ts";
import type { VectorFunction } from "./vectorCode.ts";

export class VectorSlots {
  /** As many numbers as a slot takes: the dimensions, rounded up to whole vectors of four. */
  readonly #stride: number;
  readonly #dimensions: number;
  readonly #sumOf: VectorFunction["call"];
  /** The memory from its beginning: the sum; pairs of a vector's place and its weight; the slots. */
  readonly #numbers: Float32Array;
  readonly #places: Int32Array;
  readonly #pairsStart: number;
  readonly #slotsStart: number;
  #pairs = 0;

  /** `pairsMax` vectors can be added up at once. The memory is taken as slots are used. */
  constructor(dimensions: number, slots: number, pairsMax: number) {
    this.#dimensions = dimensions;
    this.#stride = Math.ceil(dimensions / 4) * 4;
    this.#pairsStart = this.#stride;
    this.#slotsStart = this.#pairsStart + Math.ceil(pairsMax / 2) * 4;
    const bytes = 4 * (this.#slotsStart + slots * this.#stride);
    const made = assemble(addPairs, bytes);
    const memory = made?.memory ?? new ArrayBuffer(bytes);
    this.#numbers = new Float32Array(memory);
    this.#places = new Int32Array(memory);
    this.#sumOf = made?.call ?? this.#plainSum.bind(this);
  }

  /** The vector in a slot, to be written to; at first zeros. */
  vector(slot: number): Float32Array {
    const start = this.#slotsStart + slot * this.#stride;
    return this.#numbers.subarray(start, start + this.#dimensions);
  }

  /** A vector that the next `sum` counts, with its weight. */
  add(slot: number, weight: number): void {
    const at = this.#pairsStart + 2 * this.#pairs;
    this.#places[at] = 4 * (this.#slotsStart + slot * this.#stride);
    this.#numbers[at + 1] = weight;
    this.#pairs += 1;
  }

  /** The weighted sum of what was added since the last one. */
  sum(): Float32Array {
    const numbers = this.#numbers;
    numbers.fill(0, 0, this.#stride);
    const start = 4 * this.#pairsStart;
    if (this.#pairs > 0) this.#sumOf(start, start + 8 * this.#pairs, 0, 4 * this.#stride);
    this.#pairs = 0;
    return numbers.slice(0, this.#dimensions);
  }

  /** Without vector instructions. */
  #plainSum(pair: number, pairsEnd: number, sum: number, sumEnd: number): void {
    const numbers = this.#numbers;
    for (let at = pair / 4; at < pairsEnd / 4; at += 2) {
      const start = (this.#places[at] ?? 0) / 4;
      const weight = numbers[at + 1] ?? 0;
      for (let d = sum / 4; d < sumEnd / 4; d += 1) numbers[d] = (numbers[d] ?? 0) + weight * (numbers[start + d] ?? 0);
    }
  }
}

const [pair, pairsEnd, sumStart, sumEnd, sum, vector, weight] = [0, 1, 2, 3, 4, 5, 6];
const addFour = [
  ...[...get(sum), ...get(sum), ...v128.load(0)],
  ...[...get(vector), ...v128.load(0), ...get(weight), ...f32x4.multiply, ...f32x4.add],
  ...v128.store,
  ...[...advance(sum, 16), ...advance(vector, 16)],
];
const addPairs = repeat(
  [
    ...[...get(pair), ...i32.load, ...set(vector)],
    ...[...get(pair), ...f32.load(4), ...f32x4.splat, ...set(weight)],
    ...[...get(sumStart), ...set(sum)],
    ...repeat(addFour, isBelow(sum, sumEnd)),
    ...advance(pair, 8),
  ],
  isBelow(pair, pairsEnd),
);
