/** What the graph of references says about definitions, beyond PageRank. */
import type { ReferenceGraph } from "./ports.ts";
import { pathOfId } from "./staticScores.ts";

export interface GraphLookups {
  readonly nodeById: ReadonlyMap<string, number>;
  /** Ids of the units of each folder. */
  readonly byFolder: ReadonlyMap<string, readonly string[]>;
  /** The same by the folder's last segment. */
  readonly byFolderName: ReadonlyMap<string, readonly string[]>;
  /** Number of other files that mention a unit. */
  readonly referringFiles: ReadonlyMap<string, number>;
  /** Compressed rows: units that mention node i are `sources[offsets[i] … offsets[i + 1]]`. */
  readonly offsets: Uint32Array;
  readonly sources: Uint32Array;
}

/** A graph is built once per index state; what follows from it lives as long as it does. */
const known = new WeakMap<ReferenceGraph, GraphLookups>();

export function graphLookups(graph: ReferenceGraph): GraphLookups {
  const before = known.get(graph);
  if (before !== undefined) return before;
  const made = makeLookups(graph);
  known.set(graph, made);
  return made;
}

/** Units that mention what the seeds are, the most telling ones. */
const neighboursMax = 60;

/**
 * What else is mentioned where the seeds are mentioned: a function that calls two of the same things as the one at the
 * cursor tells what the third may be. Values are shares of the best one's.
 */
export function mentionedTogether(
  graph: ReferenceGraph,
  { nodeById, offsets, sources }: GraphLookups,
  seeds: ReadonlyMap<string, number>,
  limit: number,
  isWanted: (id: string) => boolean,
): Map<string, number> {
  const neighbours = new Map<number, number>();
  for (const [id, weight] of seeds) {
    const node = nodeById.get(id);
    if (node === undefined) continue;
    const first = offsets[node] ?? 0;
    const end = offsets[node + 1] ?? 0;
    // What everything mentions tells little.
    const share = weight / Math.sqrt(1 + end - first);
    for (let at = first; at < end; at += 1) {
      const neighbour = sources[at] ?? 0;
      if (isWanted(graph.nodes[neighbour] ?? "")) neighbours.set(neighbour, (neighbours.get(neighbour) ?? 0) + share);
    }
  }
  const closest = [...neighbours].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, neighboursMax);
  const values = new Map<number, number>();
  for (const [neighbour, weight] of closest) {
    for (let edge = graph.offsets[neighbour] ?? 0; edge < (graph.offsets[neighbour + 1] ?? 0); edge += 1) {
      const target = graph.targets[edge] ?? 0;
      values.set(target, (values.get(target) ?? 0) + weight * (graph.weights[edge] ?? 0));
    }
  }
  const best = [...values]
    .filter(([node]) => isWanted(graph.nodes[node] ?? ""))
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, limit);
  const highest = best[0]?.[1] ?? 1;
  return new Map(best.map(([node, value]) => [graph.nodes[node] ?? "", value / highest]));
}

function makeLookups(graph: ReferenceGraph): GraphLookups {
  const nodeById = new Map(graph.nodes.map((id, node) => [id, node]));
  const byFolder = new Map<string, string[]>();
  const byFolderName = new Map<string, string[]>();
  const fileOf: string[] = graph.nodes.map(pathOfId);
  graph.nodes.forEach((id, node) => {
    const path = fileOf[node] ?? "";
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    add(byFolder, folder, id);
    add(byFolderName, folder.slice(folder.lastIndexOf("/") + 1), id);
  });
  const offsets = new Uint32Array(graph.nodes.length + 2);
  for (const target of graph.targets) offsets[target + 1] = (offsets[target + 1] ?? 0) + 1;
  for (let node = 0; node + 1 < offsets.length; node += 1)
    offsets[node + 1] = (offsets[node + 1] ?? 0) + (offsets[node] ?? 0);
  const next = offsets.slice();
  const sources = new Uint32Array(graph.targets.length);
  const referring = graph.nodes.map(() => new Set<string>());
  graph.nodes.forEach((_, node) => {
    for (let edge = graph.offsets[node] ?? 0; edge < (graph.offsets[node + 1] ?? 0); edge += 1) {
      const target = graph.targets[edge] ?? 0;
      sources[next[target] ?? 0] = node;
      next[target] = (next[target] ?? 0) + 1;
      if (fileOf[target] !== fileOf[node]) referring[target]?.add(fileOf[node] ?? "");
    }
  });
  const referringFiles = new Map(graph.nodes.map((id, node) => [id, referring[node]?.size ?? 0]));
  return { nodeById, byFolder, byFolderName, referringFiles, offsets, sources };
}

function add(lists: Map<string, string[]>, key: string, id: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [id]);
  else list.push(id);
}
