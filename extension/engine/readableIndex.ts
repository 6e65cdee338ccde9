import { untilAborted } from "../base/abortable.ts";
import type { WorkspaceIndex } from "./index.ts";
import type { IndexedWorkspace } from "./indexedWorkspace.ts";

/**
 * The index of a workspace where it can be read without waiting: not while it is being updated, and not before its graph
 * is made. With `mayWait` the graph is made first. Null otherwise, and without a workspace.
 */
export async function readableIndex(
  workspace: IndexedWorkspace | null,
  mayWait: boolean,
  signal: AbortSignal,
): Promise<WorkspaceIndex | null> {
  if (workspace === null || workspace.isIndexing) return null;
  const prepared = workspace.index.prepare().then(() => true);
  if (mayWait) return (await untilAborted(prepared, signal)) ? workspace.index : null;
  // What is made already answers within this turn of the event loop; else it goes on behind this request.
  const isPrepared = await Promise.race([prepared, nextTurn()]);
  return isPrepared ? workspace.index : null;
}

function nextTurn(): Promise<false> {
  return new Promise((resolve) => {
    setImmediate(resolve, false as const);
  });
}
