import { dotProducts } from "./dotProducts.ts";
import type { StaticEncoder, StaticVectors } from "./ports.ts";
import { rowScale } from "./staticRows.ts";

/** How much the mean vector of a unit's file counts beside its own where candidates are chosen. */
const fileVectorWeight = 0.75;

export interface StaticScores {
  /** Cosine of question and unit, −1…1; null for units without a vector. */
  closeness(id: string): number | null;
  /** Cosine of question and the mean vector of the unit's file, −1…1; null for units without a vector. */
  fileCloseness(id: string): number | null;
  /** Ids of the best `limit` units by both, at most `perFile` of a file; best first, ties by row. */
  best(limit: number, perFile: number): string[];
}

/**
 * Compares a question with all units; null where the encoder knows no word or there are no vectors. `best` looks only
 * below `root`.
 */
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

  const own = new Float64Array(vectors.ids.length);
  dotProducts(vectors.rows, direction, own);
  const ofFile = fileProducts(own, vectors);
  const at = (products: Float64Array, id: string): number | null => {
    const row = rowOfId(vectors, id);
    return row === null ? null : (products[row] ?? 0) / rowScale;
  };
  return {
    closeness: (id) => at(own, id),
    fileCloseness: (id) => at(ofFile, id),
    best(limit, perFile) {
      const total = own.map((product, row) => product + fileVectorWeight * (ofFile[row] ?? 0));
      return bestRows(total, vectors, { root, limit, perFile }).map((row) => vectors.ids[row] ?? "");
    },
  };
}

/** The product of each row's file: the sum of its rows' products over the length of the sum of their vectors. */
function fileProducts(own: Float64Array, { files }: StaticVectors): Float64Array {
  const products = new Float64Array(own.length);
  for (const { first, end, norm } of files.values()) {
    let sum = 0;
    for (let row = first; row < end; row += 1) sum += own[row] ?? 0;
    products.fill(norm === 0 ? 0 : sum / norm, first, end);
  }
  return products;
}

interface Choice {
  readonly root: string;
  readonly limit: number;
  readonly perFile: number;
}

/** The best rows, at most `perFile` of a file. The list is sorted and cut whenever it is twice as long as it may be. */
function bestRows(total: Float64Array, { files }: StaticVectors, { root, limit, perFile }: Choice): number[] {
  const byScore = (a: number, b: number) => (total[b] ?? 0) - (total[a] ?? 0) || a - b;
  let best: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (const [path, { first, end }] of files) {
    if (!isBelow(path, root)) continue;
    let rows: number[] = [];
    for (let row = first; row < end; row += 1) if ((total[row] ?? 0) >= least) rows.push(row);
    if (rows.length > perFile) rows = rows.sort(byScore).slice(0, perFile);
    best.push(...rows);
    if (best.length < 2 * limit) continue;
    best = best.sort(byScore).slice(0, limit);
    least = total[best.at(-1) ?? 0] ?? least;
  }
  return best.sort(byScore).slice(0, limit);
}

/** Ids of a file are in order, but those without a vector have no row. */
function rowOfId({ files, ids }: StaticVectors, id: string): number | null {
  const path = pathOfId(id);
  const file = files.get(path);
  if (file === undefined) return null;
  const unit = Number(id.slice(path.length + 1));
  for (let row = Math.min(file.first + unit, file.end - 1); row >= file.first; row -= 1)
    if (ids[row] === id) return row;
  return null;
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
