import assert from "node:assert/strict";
import { test } from "node:test";
import { digestText } from "../../extension/pipeline/digest.ts";
import type { ReferenceGraph, TokenCounter, UnitSource } from "../../extension/pipeline/ports.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { makeUnit } from "../support/memoryUnits.ts";

const counter: TokenCounter = { name: "four characters", count: (text) => Math.ceil(text.length / 4) };

test("signatures of what most code refers to, in the order of their paths, within the budget", () => {
  const units = [
    unit("src/z.ts", "core", "function core(a: string,\n  b: number): void {"),
    unit("src/b.ts", "helper", "function helper(): string {"),
    unit("src/a.ts", "shared", "class Shared {"),
    unit("test/fixture.ts", "fixture", "function fixture() {"),
    ...Array.from({ length: 9 }, (_, at) => unit(`src/leaf${at}.ts`, `leaf${at}`, `function leaf${at}() {`)),
  ];
  const edges = units
    .filter(({ name }) => name.startsWith("leaf"))
    .flatMap(({ id }) => ["core", "helper", "shared", "fixture"].map((name) => [id, name] as const));
  const source = sourceOf(units, edges);
  const text = digestText(source, { counter, budgetTokens: 200 });
  assert.equal(
    text,
    [
      "# Central declarations of the repository",
      "",
      "src/a.ts",
      "    class Shared",
      "src/b.ts",
      "    function helper(): string",
      "src/z.ts",
      "    function core(a: string, b: number): void",
      "",
      "",
    ].join("\n"),
  );
  for (const budgetTokens of [0, 10, 20, 30, 40, 60]) {
    const short = digestText(source, { counter, budgetTokens });
    assert.ok(counter.count(short) <= budgetTokens);
  }
  assert.equal(digestText(source, { counter, budgetTokens: 20 }), "", "two lines are not worth a heading");
});

test("it changes with the signatures in it, and with nothing else", () => {
  const names = ["one", "two", "three"];
  const build = (change: (unit: Unit) => Unit): string => {
    const central = names.map((name) => change(unit(`src/${name}.ts`, name, `function ${name}() {`)));
    const caller = change(unit("src/caller.ts", "caller", "function caller() {"));
    const edges = names.map((name) => [caller.id, name] as const);
    return digestText(sourceOf([...central, caller], edges), { counter, budgetTokens: 200 });
  };
  const before = build((same) => same);
  assert.match(before, /function two\(\)/);
  assert.equal(
    build((same) => ({ ...same, text: `${same.text} // edited`, startLine: 5, endLine: 9 })),
    before,
  );
  const renamed = build((one) => (one.name === "two" ? { ...one, signature: "function two(a) {" } : one));
  assert.equal(renamed, before.replace("function two()", "function two(a)"));
});

test("a repository without references has no digest", () => {
  const source = sourceOf([unit("src/a.ts", "a", "function a() {")], []);
  assert.equal(digestText(source, { counter, budgetTokens: 1000 }), "");
});

function unit(path: string, name: string, signature: string): Unit {
  return makeUnit({ path, name, signature, text: `${signature}\n}` });
}

/** `edges`: from a unit's id to a unit's name. */
function sourceOf(
  units: readonly Unit[],
  edges: readonly (readonly [string, string])[],
): Pick<UnitSource, "graph" | "units"> {
  const offsets = [0];
  const targets: number[] = [];
  for (const { id } of units) {
    for (const [from, to] of edges) if (from === id) targets.push(units.findIndex(({ name }) => name === to));
    offsets.push(targets.length);
  }
  const graph: ReferenceGraph = {
    nodes: units.map(({ id }) => id),
    offsets: Uint32Array.from(offsets),
    targets: Uint32Array.from(targets),
    weights: new Float32Array(targets.length).fill(1),
  };
  return {
    graph: () => graph,
    units: (ids) => ids.flatMap((id) => units.filter((candidate) => candidate.id === id)),
  };
}
