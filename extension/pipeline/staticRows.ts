import type { StaticFile, StaticVectors } from "./ports.ts";

/** Vectors are kept as whole numbers: unit length times this. */
export const rowScale = 127;

/** Gathers the vectors of an index, file by file. */
export class StaticRows {
  readonly #dimensions: number;
  readonly #ids: string[] = [];
  readonly #rows: Int8Array;
  readonly #files = new Map<string, StaticFile>();

  /** Has room for `unitsMax` rows; further ones throw RangeError. */
  constructor(dimensions: number, unitsMax: number) {
    this.#dimensions = dimensions;
    this.#rows = new Int8Array(unitsMax * dimensions);
  }

  /** `stored` has a row for each unit of the file; units without a vector have zeros and are left out. */
  addFile(path: string, stored: Int8Array): void {
    const first = this.#ids.length;
    const dimensions = this.#dimensions;
    for (let unit = 0; unit * dimensions < stored.length; unit += 1) {
      const row = stored.subarray(unit * dimensions, (unit + 1) * dimensions);
      if (row.every((value) => value === 0)) continue;
      this.#rows.set(row, this.#ids.length * dimensions);
      this.#ids.push(`${path}#${unit}`);
    }
    const end = this.#ids.length;
    const rows = this.#rows.subarray(first * dimensions, end * dimensions);
    if (end > first) this.#files.set(path, { first, end, norm: lengthOfSum(rows, dimensions) });
  }

  /** Takes over a file of other vectors, if they have it. */
  addFrom(vectors: StaticVectors, path: string): void {
    const file = vectors.files.get(path);
    if (file === undefined) return;
    const first = this.#ids.length;
    for (let row = file.first; row < file.end; row += 1) this.#ids.push(vectors.ids[row] ?? "");
    const rows = vectors.rows.subarray(file.first * this.#dimensions, file.end * this.#dimensions);
    this.#rows.set(rows, first * this.#dimensions);
    this.#files.set(path, { first, end: this.#ids.length, norm: file.norm });
  }

  vectors(): StaticVectors {
    return {
      dimensions: this.#dimensions,
      ids: this.#ids,
      rows: this.#rows.subarray(0, this.#ids.length * this.#dimensions),
      files: this.#files,
    };
  }
}

function lengthOfSum(rows: Int8Array, dimensions: number): number {
  let squares = 0;
  for (let d = 0; d < dimensions; d += 1) {
    let sum = 0;
    for (let at = d; at < rows.length; at += dimensions) sum += rows[at] ?? 0;
    squares += sum * sum;
  }
  return Math.sqrt(squares) / rowScale;
}
