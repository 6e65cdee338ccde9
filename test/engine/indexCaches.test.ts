import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { WorkspaceIndex } from "../../extension/engine/index.ts";
import { ReferenceGraphBuilder } from "../../extension/engine/referenceGraph.ts";
import type { GraphFile } from "../../extension/engine/referenceGraph.ts";
import type { ReferenceGraph } from "../../extension/pipeline/ports.ts";
import { failsWith, openIndex, pythonFiles, updateOptions, workspaceOf, writeFiles } from "../support/indexes.ts";
import { seededTable } from "../support/staticTables.ts";

/** Numbers from 0 to 1, the same ones for the same seed. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

/** What is kept in memory, beside the same made from nothing but the file. */
async function assertFresh(
  t: TestContext,
  index: WorkspaceIndex,
  place: { folder: string; storageFolder: string },
): Promise<void> {
  const fresh = await openIndex(t, place);
  assert.deepEqual(index.graph(), fresh.graph());
  assert.deepEqual(index.staticVectors(), fresh.staticVectors());
  assert.deepEqual(index.statistics(""), fresh.statistics(""));
  await fresh.close();
}

test("after any edits, what is kept in memory is what a new reader makes of the index", async (t) => {
  const files = pythonFiles(24);
  const place = await workspaceOf(t, files);
  const index = await openIndex(t, place);
  const encoder = await seededTable(t, 0);
  await index.update(updateOptions({ encoder }));
  await index.prepare();
  const random = numbersFrom(7);
  const paths = Object.keys(files);
  const pick = (): string => paths[Math.floor(random() * paths.length)] ?? "";
  for (let round = 0; round < 12; round += 1) {
    const changed = Array.from({ length: 1 + Math.floor(random() * 3) }, pick);
    for (const path of changed) {
      const kind = random();
      if (kind < 0.2) await rm(join(place.folder, path), { force: true });
      else if (kind < 0.5)
        await writeFiles(place.folder, { [path]: `${files[path] ?? ""}\n\ndef added${round}(a): pass\n` });
      else if (kind < 0.7)
        await writeFiles(place.folder, { [path]: `def before${round}(): pass\n\n${files[path] ?? ""}` });
      else await writeFiles(place.folder, { [path]: files[pick()] ?? "" });
    }
    // Sometimes the preparation is interrupted by the update, sometimes there is none.
    const preparation = random() < 0.5 ? index.prepare() : null;
    await index.update(updateOptions({ encoder, changed }));
    await preparation;
    if (random() < 0.5) await index.prepare();
    await assertFresh(t, index, place);
  }
});

test("preparing goes on until it has the newest state, and only once for all who wait", async (t) => {
  const place = await workspaceOf(t, pythonFiles(40));
  const index = await openIndex(t, place);
  const encoder = await seededTable(t, 0);
  const update = index.update(updateOptions({ encoder }));
  const first = index.prepare();
  assert.equal(index.prepare(), first);
  await Promise.all([first, update]);
  await writeFiles(place.folder, { "pkg1/part1.py": "def renamed(): pass\n" });
  const second = index.prepare();
  await index.update(updateOptions({ encoder, changed: ["pkg1/part1.py"] }));
  await second;
  assert.ok(index.graph().nodes.includes("pkg1/part1.py#0"));
  await assertFresh(t, index, place);
});

test("a preparation that is under way when the index closes is cancelled", async (t) => {
  const index = await openIndex(t, await workspaceOf(t, pythonFiles(10)));
  await index.update(updateOptions());
  const preparation = assert.rejects(index.prepare(), failsWith("cancelled"));
  await index.close();
  await preparation;
});

test("vectors that the workers make are those of the encoder", async (t) => {
  const index = await openIndex(t, await workspaceOf(t, { ...pythonFiles(5), "short.py": "x = 1\n" }));
  const encoder = await seededTable(t, 3);
  await index.update(updateOptions({ encoder }));
  const vectors = index.staticVectors();
  assert.ok(vectors !== null);
  const units = index.units(vectors.ids);
  assert.equal(units.length, vectors.ids.length);
  assert.deepEqual(
    [...vectors.rows],
    units.flatMap((unit) => Array.from(encoder.encodeUnit(unit) ?? [], (value) => Math.round(value * 127))),
  );
});

test("a table that is gone leaves units without vectors until the next update", async (t) => {
  const place = await workspaceOf(t, pythonFiles(3));
  const index = await openIndex(t, place);
  const encoder = await seededTable(t, 0);
  const missing = { ...encoder, encodeUnit: encoder.encodeUnit.bind(encoder), file: `${encoder.file}.gone` };
  assert.equal((await index.update(updateOptions({ encoder: missing }))).files, 3);
  assert.equal(index.staticVectors(), null);
  assert.equal((await index.update(updateOptions({ encoder }))).filesParsed, 0);
  assert.equal(index.staticVectors()?.ids.length, index.counts().units);
});

test("a name of many definitions leads to those that lie close, and nowhere without such", () => {
  const file = (id: number, path: string, units: readonly (readonly [string, string])[], imports = ""): GraphFile => ({
    id,
    path,
    language: "java",
    imports,
    units: units.map(([name, references], ordinal) => ({ ordinal, kind: "method", name, references })),
  });
  const builder = new ReferenceGraphBuilder();
  for (let at = 0; at < 40; at += 1) builder.set(file(at, `d${at}/C${at}.java`, [["close", ""]]));
  const mention = "c1 close";
  builder.set(file(50, "d7/Near.java", [["near", mention]]));
  builder.set(file(51, "x/Far.java", [["far", mention]]));
  builder.set(
    file(
      52,
      "y/Both.java",
      [
        ["both", mention],
        ["close", mention],
        ["twice", mention],
      ],
      "1\ta.b.C3",
    ),
  );
  const graph = graphOf(builder);
  assert.deepEqual(edgesOf(graph, "d7/Near.java#0"), { "d7/C7.java#0": 1 });
  assert.deepEqual(edgesOf(graph, "x/Far.java#0"), {});
  assert.deepEqual(edgesOf(graph, "y/Both.java#0"), { "d3/C3.java#0": 0.5, "y/Both.java#1": 0.5 });
  assert.deepEqual(edgesOf(graph, "y/Both.java#1"), { "d3/C3.java#0": 1 });
  assert.deepEqual(edgesOf(graph, "y/Both.java#2"), edgesOf(graph, "y/Both.java#0"));
  builder.keep(new Set([52, 3]));
  assert.deepEqual(edgesOf(graphOf(builder), "y/Both.java#0"), { "d3/C3.java#0": 0.5, "y/Both.java#1": 0.5 });
});

function graphOf(builder: ReferenceGraphBuilder): ReferenceGraph {
  const steps = builder.build();
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

function edgesOf(graph: ReferenceGraph, id: string): Record<string, number> {
  const node = graph.nodes.indexOf(id);
  const edges: Record<string, number> = {};
  for (let at = graph.offsets[node] ?? 0; at < (graph.offsets[node + 1] ?? 0); at += 1) {
    edges[graph.nodes[graph.targets[at] ?? -1] ?? ""] = graph.weights[at] ?? 0;
  }
  return edges;
}

test("an index made by another parser is made anew, and equals a fresh one", async (t) => {
  const place = await workspaceOf(t, pythonFiles(30));
  const index = await openIndex(t, place);
  await index.update(updateOptions());
  index.graph();
  const before = index.unitsNamed(["Part3"], 5, "");
  const database = new DatabaseSync(index.file);
  database.exec("UPDATE files SET parser = 'another'; DELETE FROM meta WHERE key = 'walkKey'");
  database.close();
  await rm(join(place.folder, "pkg1/part1.py"));
  const { filesParsed } = await index.update(updateOptions());
  assert.equal(filesParsed, 29);
  assert.deepEqual(index.unitsNamed(["Part3"], 5, ""), before);
  const fresh = await openIndex(t, { ...place, storageFolder: join(place.storageFolder, "fresh") });
  await fresh.update(updateOptions());
  assert.deepEqual(index.counts(), fresh.counts());
  assert.deepEqual(index.graph(), fresh.graph());
  assert.deepEqual(index.searchWords(["value"], 100, "").toSorted(), fresh.searchWords(["value"], 100, "").toSorted());
});
