import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rankReferences } from "../../extension/pipeline/pageRank.ts";
import type { ReferenceGraph } from "../../extension/pipeline/ports.ts";

function graphOf(nodes: readonly string[], edges: readonly (readonly [string, string, number])[]): ReferenceGraph {
  const offsets = [0];
  const targets: number[] = [];
  const weights: number[] = [];
  for (const node of nodes) {
    for (const [from, to, weight] of edges) {
      if (from !== node) continue;
      targets.push(nodes.indexOf(to));
      weights.push(weight);
    }
    offsets.push(targets.length);
  }
  return {
    nodes,
    offsets: Uint32Array.from(offsets),
    targets: Uint32Array.from(targets),
    weights: Float32Array.from(weights),
  };
}

describe("PageRank over references", () => {
  test("follows references from the seed, nearer units first", () => {
    const graph = graphOf(
      ["a", "b", "c", "d"],
      [
        ["a", "b", 1],
        ["b", "c", 1],
        ["d", "a", 1],
      ],
    );
    const received = rankReferences(graph, new Map([["a", 1]]), 10);
    assert.deepEqual(
      received.map(({ id, from }) => [id, from]),
      [
        ["b", "a"],
        ["c", ""],
      ],
    );
    assert.equal(received[0]?.value, 1);
  });

  test("gives more along heavier references", () => {
    const graph = graphOf(
      ["a", "light", "heavy"],
      [
        ["a", "light", 1],
        ["a", "heavy", 3],
      ],
    );
    assert.deepEqual(
      rankReferences(graph, new Map([["a", 1]]), 10).map(({ id }) => id),
      ["heavy", "light"],
    );
  });

  test("holds back what everything refers to", () => {
    const others = Array.from({ length: 30 }, (_, number) => `x${number}`);
    const graph = graphOf(
      ["a", "special", "log", ...others],
      [["a", "special", 1], ["a", "log", 1], ...others.map((other) => [other, "log", 1] as const)],
    );
    assert.deepEqual(
      rankReferences(graph, new Map([["a", 1]]), 10).map(({ id }) => id),
      ["special", "log"],
    );
  });

  test("is empty without edges, without seeds and for seeds that the graph does not know", () => {
    assert.deepEqual(rankReferences(graphOf(["a"], []), new Map([["a", 1]]), 10), []);
    assert.deepEqual(rankReferences(graphOf(["a", "b"], [["a", "b", 1]]), new Map(), 10), []);
    assert.deepEqual(rankReferences(graphOf(["a", "b"], [["a", "b", 1]]), new Map([["z", 1]]), 10), []);
  });

  test("keeps to the limit and orders ties by id", () => {
    const graph = graphOf(
      ["a", "c", "b"],
      [
        ["a", "c", 1],
        ["a", "b", 1],
      ],
    );
    assert.deepEqual(
      rankReferences(graph, new Map([["a", 1]]), 10).map(({ id }) => id),
      ["b", "c"],
    );
    assert.equal(rankReferences(graph, new Map([["a", 1]]), 1).length, 1);
  });

  test("survives cycles and units that mention themselves", () => {
    const graph = graphOf(
      ["a", "b"],
      [
        ["a", "a", 1],
        ["a", "b", 1],
        ["b", "a", 1],
      ],
    );
    for (const { value } of rankReferences(graph, new Map([["a", 1]]), 10)) assert.ok(value > 0 && value <= 1);
  });
});
