import type { StaticVectors } from "../pipeline/ports.ts";
import type { prepareReads } from "./indexReads.ts";
import { SteppedCache } from "./steppedCache.ts";
import type { Steps } from "./steppedCache.ts";

/** Rows of one file within the vectors. */
interface Part {
  readonly first: number;
  readonly end: number;
}

interface Gathered {
  readonly vectors: StaticVectors;
  readonly parts: ReadonlyMap<number, Part>;
}

/** The static vectors of an index by path and unit; null where there are none. Only changed files are read again. */
export function vectorCache(reads: ReturnType<typeof prepareReads>, revisionNow: () => number) {
  let known: Gathered = { vectors: { dimensions: 0, ids: [], rows: new Int8Array(0) }, parts: new Map() };
  let knownRevision = 0;

  function* steps(): Steps<StaticVectors | null> {
    let revision: number;
    let gathered: Gathered;
    // What changes while it is read is read again.
    do {
      revision = revisionNow();
      gathered = yield* gather();
    } while (revision !== revisionNow());
    known = gathered;
    knownRevision = revision;
    return { value: gathered.vectors.ids.length === 0 ? null : gathered.vectors, revision };
  }

  function* gather(): Generator<undefined, Gathered, undefined> {
    const dimensions = Number(reads.vectorDimensions.get()?.["dimensions"] ?? 0);
    const files = reads.filesByPath.all();
    const units = files.reduce((sum, file) => sum + Number(file["units"]), 0);
    const rows = new VectorRows(dimensions, units);
    const parts = new Map<number, Part>();
    for (const file of files) {
      const id = Number(file["id"]);
      const first = rows.length;
      const part = Number(file["revision"]) <= knownRevision ? known.parts.get(id) : undefined;
      if (part !== undefined && known.vectors.dimensions === dimensions) rows.addPart(known.vectors, part);
      else {
        const stored = reads.vectorsOfFile.get(id)?.["rows"];
        // Another length means another table, or that the file was written meanwhile; then it will be read again.
        if (!(stored instanceof Uint8Array) || stored.length !== Number(file["units"]) * dimensions) continue;
        rows.addFile(String(file["path"]), stored);
      }
      parts.set(id, { first, end: rows.length });
      yield;
    }
    return { vectors: rows.vectors(), parts };
  }

  return new SteppedCache(revisionNow, steps);
}

/** Not a part of the generator, in which the loops would be several times slower. */
class VectorRows {
  readonly #dimensions: number;
  #ids: string[] = [];
  readonly #rows: Int8Array;

  constructor(dimensions: number, units: number) {
    this.#dimensions = dimensions;
    this.#rows = new Int8Array(units * dimensions);
  }

  get length(): number {
    return this.#ids.length;
  }

  addPart(from: StaticVectors, { first, end }: Part): void {
    const start = this.length * this.#dimensions;
    for (let row = first; row < end; row += 1) this.#ids.push(from.ids[row] ?? "");
    this.#rows.set(from.rows.subarray(first * this.#dimensions, end * this.#dimensions), start);
  }

  /** `stored` has a row per unit; units without a vector have zeros and are left out. */
  addFile(path: string, stored: Uint8Array): void {
    for (let unit = 0; unit * this.#dimensions < stored.length; unit += 1) {
      const row = stored.subarray(unit * this.#dimensions, (unit + 1) * this.#dimensions);
      if (row.every((value) => value === 0)) continue;
      this.#rows.set(row, this.length * this.#dimensions);
      this.#ids.push(`${path}#${unit}`);
    }
  }

  vectors(): StaticVectors {
    const end = this.length * this.#dimensions;
    return { dimensions: this.#dimensions, ids: this.#ids, rows: this.#rows.subarray(0, end) };
  }
}
