import type { StaticEncoder, StaticVectors } from "./ports.ts";

/**
 * How much the mean vector of a unit's file counts beside its own. Measured optimum 0.5–1 on the question sets of 17
 * repositories (see models/scorer/README.md).
 */
const fileVectorWeight = 0.75;
/** Rows are unit vectors times this. */
const rowScale = 127;

export interface StaticScores {
  /** Cosine of question and unit, −1…1; null for units without a vector. */
  closeness(id: string): number | null;
  /** Closeness of the unit plus that of its file, weighted; null for units without a vector. */
  score(id: string): number | null;
  /** Ids of the best `limit` units, at most `perFile` of a file; best first, ties by row. */
  best(limit: number, perFile: number): string[];
}

/** Compares a question with all units below `root`; null where the encoder knows no word or there are no vectors. */
export function scoreStatic(
  encoder: StaticEncoder | null,
  vectors: StaticVectors | null,
  question: string,
  root: string,
): StaticScores | null {
  if (encoder === null || vectors === null || vectors.ids.length === 0) return null;
  if (encoder.dimensions !== vectors.dimensions) return null;
  const direction = encoder.encodeQuestion(question);
  if (direction === null) return null;

  const layout = layoutOf(vectors);
  const rows = vectors.ids.length;
  const own = new Float64Array(rows);
  const ofFile = new Float64Array(layout.norms.length);
  for (let row = 0; row < rows; row += 1) {
    const product = dot(vectors.rows, row * vectors.dimensions, direction) / rowScale;
    const file = layout.fileOfRow[row] ?? 0;
    own[row] = product;
    ofFile[file] = (ofFile[file] ?? 0) + product;
  }
  const total = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const file = layout.fileOfRow[row] ?? 0;
    const norm = layout.norms[file] ?? 0;
    total[row] = (own[row] ?? 0) + (norm === 0 ? 0 : (fileVectorWeight * (ofFile[file] ?? 0)) / norm);
  }
  const at = (values: Float64Array, id: string): number | null => {
    const row = layout.rowOfId.get(id);
    return row === undefined ? null : (values[row] ?? null);
  };
  return {
    closeness: (id) => at(own, id),
    score: (id) => at(total, id),
    best(limit, perFile) {
      const order = [...total.keys()].filter((row) => isBelow(pathOfId(vectors.ids[row] ?? ""), root));
      order.sort((a, b) => (total[b] ?? 0) - (total[a] ?? 0) || a - b);
      const taken = new Map<number, number>();
      const ids: string[] = [];
      for (const row of order) {
        if (ids.length === limit) break;
        const file = layout.fileOfRow[row] ?? 0;
        const count = taken.get(file) ?? 0;
        if (count >= perFile) continue;
        taken.set(file, count + 1);
        ids.push(vectors.ids[row] ?? "");
      }
      return ids;
    },
  };
}

/** A unit's id is its path, `#` and a number. */
export function pathOfId(id: string): string {
  const end = id.lastIndexOf("#");
  return end < 0 ? id : id.slice(0, end);
}

/** Whether a path lies below a folder; everything lies below the empty one. */
export function isBelow(path: string, root: string): boolean {
  return root === "" || path.startsWith(`${root}/`);
}

function dot(rows: Int8Array, start: number, direction: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < direction.length; d += 1) sum += (rows[start + d] ?? 0) * (direction[d] ?? 0);
  return sum;
}

interface Layout {
  readonly rowOfId: ReadonlyMap<string, number>;
  readonly fileOfRow: Uint32Array;
  /** Length of the sum of each file's vectors. */
  readonly norms: Float64Array;
}

/** The vectors are the same object until the index changes; what depends on them alone is computed once. */
const layouts = new WeakMap<StaticVectors, Layout>();

function layoutOf(vectors: StaticVectors): Layout {
  const known = layouts.get(vectors);
  if (known !== undefined) return known;
  const rowOfId = new Map(vectors.ids.map((id, row) => [id, row]));
  const files = new Map<string, number>();
  const fileOfRow = Uint32Array.from(vectors.ids, (id) => {
    const path = pathOfId(id);
    const file = files.get(path) ?? files.size;
    files.set(path, file);
    return file;
  });
  const rowsOfFile = Array.from({ length: files.size }, (): number[] => []);
  fileOfRow.forEach((file, row) => rowsOfFile[file]?.push(row));
  const norms = Float64Array.from(rowsOfFile, (rows) => sumLength(vectors, rows));
  const layout = { rowOfId, fileOfRow, norms };
  layouts.set(vectors, layout);
  return layout;
}

function sumLength(vectors: StaticVectors, rows: readonly number[]): number {
  const sum = new Float64Array(vectors.dimensions);
  for (const row of rows) {
    const start = row * vectors.dimensions;
    for (let d = 0; d < sum.length; d += 1) sum[d] = (sum[d] ?? 0) + (vectors.rows[start + d] ?? 0);
  }
  return Math.sqrt(sum.reduce((squares, value) => squares + value * value, 0)) / rowScale;
}
