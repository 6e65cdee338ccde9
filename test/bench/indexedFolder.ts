/** A folder with an index of its own that is thrown away afterwards. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { WorkspaceIndex } from "../../extension/engine/index.ts";
import type { TableEncoder } from "../../extension/engine/staticTable.ts";
import type { IndexSummary } from "../../extension/protocol/engine.ts";

export interface IndexedFolder {
  readonly index: WorkspaceIndex;
  /** Of the first update. */
  readonly summary: IndexSummary;
  /** Brings the index up to date with the folder, ready for ranking. */
  readonly update: () => Promise<IndexSummary>;
}

const fileBytesMax = 1 << 20;

/** Indexes `folder`, ready for ranking, runs `use`, and removes the index. */
export async function withIndex<T>(
  { folder, root, encoder }: { readonly folder: string; readonly root: string; readonly encoder: TableEncoder | null },
  use: (indexed: IndexedFolder) => Promise<T>,
): Promise<T> {
  const storageFolder = await mkdtemp(path.join(os.tmpdir(), "precis-bench-"));
  try {
    const index = await WorkspaceIndex.open({ storageFolder, folder, root });
    try {
      const { signal } = new AbortController();
      const options = { signal, excludeGlobs: [], ignoreGlobs: [], maxFileBytes: fileBytesMax, encoder };
      const update = async (): Promise<IndexSummary> => {
        const summary = await index.update(options);
        await index.prepare();
        return summary;
      };
      return await use({ index, summary: await update(), update });
    } finally {
      await index.close();
    }
  } finally {
    await rm(storageFolder, { recursive: true, force: true });
  }
}
