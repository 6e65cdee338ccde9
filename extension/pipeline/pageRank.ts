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
  const { nodeById, outWeights, popularity } = lookupsOf(graph);
  const masses = new Map<number, number>();
  let total = 0;
  for (const [id, weight] of seeds) {
    const node = nodeById.get(id);
    if (node === undefined || weight <= 0) continue;
    masses.set(node, weight);
    total += weight;
  }
  if (total === 0) return [];
  for (const [node, weight] of masses) masses.set(node, weight / total);

  const incoming = flow(graph, masses, outWeights);
  for (let node = 0; node < count; node += 1) incoming[node] = (incoming[node] ?? 0) / (popularity[node] ?? 1);
  return best(graph, incoming, masses, limit);
}

/** What each node receives over edges after the last step. */
function flow(graph: ReferenceGraph, seeds: ReadonlyMap<number, number>, outWeights: Float64Array): Float64Array {
  const count = graph.nodes.length;
  const rank = new Float64Array(count);
  for (const [node, mass] of seeds) rank[node] = mass;
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
    for (let node = 0; node < count; node += 1) rank[node] = damping * (incoming[node] ?? 0);
    for (const [node, mass] of seeds) rank[node] = (rank[node] ?? 0) + (1 - damping + damping * lost) * mass;
  }
  return incoming;
}

function best(
  graph: ReferenceGraph,
  incoming: Float64Array,
  seeds: ReadonlyMap<number, number>,
  limit: number,
): Received[] {
  const kept = highestNodes(graph, incoming, limit);
  const highest = incoming[kept[0] ?? 0] ?? 0;
  const strongest = strongestSeeds(graph, seeds, new Set(kept));
  return kept.map((node) => ({
    id: graph.nodes[node] ?? "",
    value: (incoming[node] ?? 0) / highest,
    from: strongest.get(node) ?? "",
  }));
}

/** The list is sorted and cut whenever it is twice as long as it may be. */
function highestNodes({ nodes }: ReferenceGraph, values: Float64Array, limit: number): number[] {
  const byValue = (a: number, b: number): number =>
    (values[b] ?? 0) - (values[a] ?? 0) || compareIds(nodes[a] ?? "", nodes[b] ?? "");
  let highest: number[] = [];
  let least = 0;
  for (let node = 0; node < values.length; node += 1) {
    const value = values[node] ?? 0;
    if (value <= 0 || value < least) continue;
    highest.push(node);
    if (highest.length < 2 * limit) continue;
    highest = highest.sort(byValue).slice(0, limit);
    least = values[highest.at(-1) ?? 0] ?? 0;
  }
  return highest.sort(byValue).slice(0, limit);
}

function strongestSeeds(
  graph: ReferenceGraph,
  seeds: ReadonlyMap<number, number>,
  wanted: ReadonlySet<number>,
): Map<number, string> {
  const strength = new Map<number, number>();
  const names = new Map<number, string>();
  // Of equally strong seeds, the one that comes first in the graph.
  for (const [node, mass] of [...seeds].sort(([a], [b]) => a - b)) {
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

interface Lookups {
  readonly nodeById: ReadonlyMap<string, number>;
  /** Sum of the weights of a node's edges. */
  readonly outWeights: Float64Array;
  /** What a node's rank is divided by. */
  readonly popularity: Float64Array;
}

/** A graph is built once per index state and asked often; what follows from it lives as long as it does. */
const known = new WeakMap<ReferenceGraph, Lookups>();

function lookupsOf(graph: ReferenceGraph): Lookups {
  const before = known.get(graph);
  if (before !== undefined) return before;
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
  const popularity = inWeights.map((weight) => Math.pow(1 + weight, popularityExponent));
  const lookups = { nodeById: new Map(graph.nodes.map((id, node) => [id, node])), outWeights, popularity };
  known.set(graph, lookups);
  return lookups;
}

/** By code units: the same order on every machine. */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
