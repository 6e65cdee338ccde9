import type { ReferenceGraph } from "./ports.ts";
import { pathOfId } from "./staticScores.ts";

/** How a file hangs together with the others of its workspace. */
export interface FileLink {
  /** Other files that mention something that this one defines. */
  readonly referringFiles: number;
  /** Weight of the mentions of other files' definitions in this one. */
  readonly mentions: number;
}

export interface FileLinks {
  /** Zeros for files without references. */
  of(path: string): FileLink;
}

const none: FileLink = { referringFiles: 0, mentions: 0 };
/** A graph is built once per index state and asked often; what follows from it lives as long as it does. */
const known = new WeakMap<ReferenceGraph, FileLinks>();

/** References between units, summed up by file; computed once per graph. */
export function fileLinks(graph: ReferenceGraph): FileLinks {
  const before = known.get(graph);
  if (before !== undefined) return before;
  const { numbers, fileOfNode } = filesOf(graph);
  const mentions = new Float64Array(numbers.size);
  const referring = Array.from(numbers, () => new Set<number>());
  graph.nodes.forEach((_, node) => {
    const from = fileOfNode[node] ?? 0;
    for (let edge = graph.offsets[node] ?? 0; edge < (graph.offsets[node + 1] ?? 0); edge += 1) {
      const to = fileOfNode[graph.targets[edge] ?? 0] ?? 0;
      if (to === from) continue;
      referring[to]?.add(from);
      mentions[from] = (mentions[from] ?? 0) + (graph.weights[edge] ?? 0);
    }
  });
  const links: FileLinks = {
    of(path) {
      const file = numbers.get(path);
      if (file === undefined) return none;
      return { referringFiles: referring[file]?.size ?? 0, mentions: mentions[file] ?? 0 };
    },
  };
  known.set(graph, links);
  return links;
}

function filesOf(graph: ReferenceGraph): { numbers: Map<string, number>; fileOfNode: Uint32Array } {
  const numbers = new Map<string, number>();
  const fileOfNode = Uint32Array.from(graph.nodes, (id) => {
    const path = pathOfId(id);
    const number = numbers.get(path) ?? numbers.size;
    numbers.set(path, number);
    return number;
  });
  return { numbers, fileOfNode };
}
