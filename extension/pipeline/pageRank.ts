import type { ReferenceGraph } from "./ports.ts";

/** Share of a node's rank that flows on along its references; the usual value of the literature. */
const damping = 0.85;
/** Enough for the order of the best nodes to settle: what is left of the first step's error is 0.85^12 = 14 %. */
const steps = 12;
/** Units that everything mentions (loggers, assertions) say little about one question. */
const popularityExponent = 0.5;

export interface Received {
  readonly id: string;
  /** Rank that came in over references, corrected for popularity; 1 for the best node. */
  readonly value: number;
  /** The seed that mentions this unit with the highest weight; empty where none does directly. */
  readonly from: string;
}

/**
 * Personalised PageRank: which units the seeds lead to over the graph of references. A seed's own restart mass is not
 * counted, so a seed is only in the result when other units lead to it.
 *
 * @param seeds weights by unit id; ids that the graph does not know are ignored
 * @returns at most `limit` nodes, best first, ties by id; empty without edges
 */
export function rankReferences(graph: ReferenceGraph, seeds: ReadonlyMap<string, number>, limit: number): Received[] {
  const count = graph.nodes.length;
  const nodeById = nodeIndex(graph);
  const restart = new Float64Array(count);
  let total = 0;
  for (const [id, weight] of seeds) {
    const node = nodeById.get(id);
    if (node === undefined || weight <= 0) continue;
    restart[node] = weight;
    total += weight;
  }
  if (total === 0) return [];
  for (let node = 0; node < count; node += 1) restart[node] = (restart[node] ?? 0) / total;

  const { outWeights, inWeights } = weightSums(graph);
  const incoming = flow(graph, restart, outWeights);
  for (let node = 0; node < count; node += 1) {
    incoming[node] = (incoming[node] ?? 0) / Math.pow(1 + (inWeights[node] ?? 0), popularityExponent);
  }
  return best(graph, incoming, restart, limit);
}

/** What each node receives over edges after the last step. */
function flow(graph: ReferenceGraph, restart: Float64Array, outWeights: Float64Array): Float64Array {
  const count = graph.nodes.length;
  const rank = Float64Array.from(restart);
  const incoming = new Float64Array(count);
  for (let step = 0; step < steps; step += 1) {
    incoming.fill(0);
    let lost = 0;
    for (let node = 0; node < count; node += 1) {
      const mass = rank[node] ?? 0;
      if (mass === 0) continue;
      const out = outWeights[node] ?? 0;
      if (out === 0) {
        lost += mass;
        continue;
      }
      for (let edge = graph.offsets[node] ?? 0; edge < (graph.offsets[node + 1] ?? 0); edge += 1) {
        const target = graph.targets[edge] ?? 0;
        incoming[target] = (incoming[target] ?? 0) + (mass * (graph.weights[edge] ?? 0)) / out;
      }
    }
    // The mass of nodes without references goes back to the seeds, so that the sum stays 1.
    for (let node = 0; node < count; node += 1) {
      rank[node] = (1 - damping + damping * lost) * (restart[node] ?? 0) + damping * (incoming[node] ?? 0);
    }
  }
  return incoming;
}

function best(graph: ReferenceGraph, incoming: Float64Array, restart: Float64Array, limit: number): Received[] {
  const order = [...graph.nodes.keys()].filter((node) => (incoming[node] ?? 0) > 0);
  order.sort(
    (a, b) => (incoming[b] ?? 0) - (incoming[a] ?? 0) || compareIds(graph.nodes[a] ?? "", graph.nodes[b] ?? ""),
  );
  const kept = order.slice(0, limit);
  const highest = incoming[kept[0] ?? 0] ?? 0;
  const strongest = strongestSeeds(graph, restart, new Set(kept));
  return kept.map((node) => ({
    id: graph.nodes[node] ?? "",
    value: (incoming[node] ?? 0) / highest,
    from: strongest.get(node) ?? "",
  }));
}

function strongestSeeds(
  graph: ReferenceGraph,
  restart: Float64Array,
  wanted: ReadonlySet<number>,
): Map<number, string> {
  const strength = new Map<number, number>();
  const names = new Map<number, string>();
  for (let node = 0; node < restart.length; node += 1) {
    const mass = restart[node] ?? 0;
    if (mass === 0) continue;
    for (let edge = graph.offsets[node] ?? 0; edge < (graph.offsets[node + 1] ?? 0); edge += 1) {
      const target = graph.targets[edge] ?? 0;
      const value = mass * (graph.weights[edge] ?? 0);
      if (target === node || !wanted.has(target) || value <= (strength.get(target) ?? 0)) continue;
      strength.set(target, value);
      names.set(target, graph.nodes[node] ?? "");
    }
  }
  return names;
}

function weightSums(graph: ReferenceGraph): { outWeights: Float64Array; inWeights: Float64Array } {
  const outWeights = new Float64Array(graph.nodes.length);
  const inWeights = new Float64Array(graph.nodes.length);
  for (let node = 0; node < graph.nodes.length; node += 1) {
    for (let edge = graph.offsets[node] ?? 0; edge < (graph.offsets[node + 1] ?? 0); edge += 1) {
      const weight = graph.weights[edge] ?? 0;
      const target = graph.targets[edge] ?? 0;
      outWeights[node] = (outWeights[node] ?? 0) + weight;
      inWeights[target] = (inWeights[target] ?? 0) + weight;
    }
  }
  return { outWeights, inWeights };
}

/** A graph is built once per index state and asked often; its index lives as long as it does. */
const nodeIndexes = new WeakMap<ReferenceGraph, Map<string, number>>();

function nodeIndex(graph: ReferenceGraph): Map<string, number> {
  const known = nodeIndexes.get(graph);
  if (known !== undefined) return known;
  const index = new Map(graph.nodes.map((id, node) => [id, node]));
  nodeIndexes.set(graph, index);
  return index;
}

/** By code units: the same order on every machine. */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
