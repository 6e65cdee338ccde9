import type { ReferenceGraph } from "../pipeline/ports.ts";
import type { UnitKind } from "../protocol/units.ts";
import type { prepareReads } from "./indexReads.ts";
import { rowsPerFile } from "./indexSchema.ts";
import { ReferenceGraphBuilder } from "./referenceGraph.ts";
import { SteppedCache } from "./steppedCache.ts";
import type { Steps } from "./steppedCache.ts";

/** The reference graph of an index. A changed file costs reading that file, and linking all of them anew. */
export function graphCache(reads: ReturnType<typeof prepareReads>, revisionNow: () => number) {
  const builder = new ReferenceGraphBuilder();
  let readRevision = 0;

  function* steps(): Steps<ReferenceGraph> {
    let revision: number;
    // What changes while it is read is read again.
    do {
      revision = revisionNow();
      const kept = new Set<number>();
      for (const row of reads.fileStates.all()) {
        const id = Number(row["id"]);
        kept.add(id);
        if (Number(row["revision"]) <= readRevision) continue;
        readFile(id);
        yield;
      }
      builder.keep(kept);
      readRevision = revision;
    } while (revision !== revisionNow());
    return { value: yield* builder.build(), revision };
  }

  function readFile(id: number): void {
    const row = reads.graphFile.get(id);
    if (row === undefined) return;
    const first = id * rowsPerFile;
    const units = reads.graphUnits.all(first, first + rowsPerFile - 1).map((unit) => ({
      ordinal: Number(unit["id"]) - first,
      kind: String(unit["kind"]) as UnitKind,
      name: String(unit["name"]),
      references: String(unit["mentions"]),
    }));
    const { path, language, imports } = row;
    builder.set({ id, path: String(path), language: String(language), imports: String(imports), units });
  }

  return new SteppedCache(revisionNow, steps);
}
