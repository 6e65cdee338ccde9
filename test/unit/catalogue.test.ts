import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { entriesFor, readCatalogue } from "../../extension/models/catalogue.ts";
import { modelRoles } from "../../extension/protocol/models.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = path.resolve(import.meta.dirname, "../..");
const entries = await readCatalogue(root);

test("every model of the catalogue has a name, an id and an address of its own", () => {
  for (const key of ["id", "name", "uri"] as const) {
    const values = entries.map((entry) => entry[key].toLowerCase());
    assert.deepEqual(
      values.filter((value, index) => values.indexOf(value) !== index),
      [],
      key,
    );
  }
});

test("the catalogue spans 0.5 to 30 billion parameters, smallest first", () => {
  const billions = entries.map(({ parameters }) => parameters / 1e9);
  assert.deepEqual(
    billions,
    billions.toSorted((a, b) => a - b),
  );
  // Names round: what is called 0.5B and 30B may be a little beyond.
  assert.ok((billions.at(0) ?? 0) >= 0.45 && (billions.at(0) ?? 0) <= 0.6);
  assert.ok((billions.at(-1) ?? 0) >= 27 && (billions.at(-1) ?? 0) <= 31);
});

test("each role has small and large models to choose from", () => {
  for (const role of modelRoles) {
    const sizes = entriesFor(role, entries).map(({ parameters }) => parameters);
    assert.ok(sizes.length >= 4, `${role}: ${sizes.length}`);
    assert.ok(Math.max(...sizes) > 3 * Math.min(...sizes), role);
  }
});

for (const entry of entries) {
  test(`${entry.name}: size, shape and licence go together`, () => {
    // From 4 to 9.5 bits per parameter, and what a vocabulary of its own adds to small models.
    const bits = (8 * entry.bytes) / entry.parameters;
    assert.ok(bits > 4 && bits < 10, `${bits.toFixed(1)} bits per parameter`);
    assert.ok(entry.embedding % 64 === 0 && [64, 128, 192, 256].includes(entry.headSize));
    assert.ok(entry.contextTokens >= 16_384);
    const isSpdx = ["Apache-2.0", "MIT"].includes(entry.licence);
    assert.ok(isSpdx || entry.licence.startsWith("LicenseRef-"), entry.licence);
  });
}

test("a damaged catalogue is refused", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(path.join(folder, "models"));
  const [first] = entries;
  const spoilt = [
    { ...first, uri: "http://example.org/x.gguf" },
    { ...first, roles: [] },
    { ...first, bytes: -1 },
  ];
  for (const model of spoilt) {
    await writeFile(path.join(folder, "models", "catalogue.json"), JSON.stringify({ models: [model] }));
    await assert.rejects(readCatalogue(folder));
  }
});
