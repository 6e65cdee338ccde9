import type { StaticVectors } from "../pipeline/ports.ts";
import { StaticRows } from "../pipeline/staticRows.ts";
import type { prepareReads } from "./indexReads.ts";
import { SteppedCache } from "./steppedCache.ts";
import type { Steps } from "./steppedCache.ts";

interface Gathered {
  readonly vectors: StaticVectors;
  /** Path by the id of each file that was read. */
  readonly paths: ReadonlyMap<number, string>;
}

/** The static vectors of an index by path and unit; null where there are none. Only changed files are read again. */
export function vectorCache(reads: ReturnType<typeof prepareReads>, revisionNow: () => number) {
  let known: Gathered = { vectors: new StaticRows(0, 0).vectors(), paths: new Map() };
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
    const rows = new StaticRows(dimensions, units);
    const paths = new Map<number, string>();
    for (const file of files) {
      const id = Number(file["id"]);
      const path = String(file["path"]);
      const isKnown = Number(file["revision"]) <= knownRevision && known.paths.get(id) === path;
      if (isKnown && known.vectors.dimensions === dimensions) rows.addFrom(known.vectors, path);
      else {
        const stored = reads.vectorsOfFile.get(id)?.["rows"];
        // Another length means another table, or that the file was written meanwhile; then it will be read again.
        if (!(stored instanceof Uint8Array) || stored.length !== Number(file["units"]) * dimensions) continue;
        rows.addFile(path, new Int8Array(stored.buffer, stored.byteOffset, stored.length));
      }
      paths.set(id, path);
      yield;
    }
    return { vectors: rows.vectors(), paths };
  }

  return new SteppedCache(revisionNow, steps);
}
