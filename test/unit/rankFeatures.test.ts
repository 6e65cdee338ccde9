import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gatherCandidates } from "../../extension/pipeline/candidates.ts";
import { fileLinks } from "../../extension/pipeline/fileLinks.ts";
import { type Featured, featureNames, featuresOf } from "../../extension/pipeline/rankFeatures.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { makeUnit, memoryUnits } from "../support/memoryUnits.ts";

function features(question: string, units: readonly Unit[]): ReadonlyMap<string, Featured> {
  const source = memoryUnits(units);
  const { signal } = new AbortController();
  const candidates = gatherCandidates(
    { question, purpose: "list", top: 20, root: "" },
    { source, encoder: null, likelihood: null, signal },
  );
  return new Map(featuresOf(candidates, source.graph()).map((found) => [found.unit.id, found]));
}

function valueOf(found: ReadonlyMap<string, Featured>, id: string, name: (typeof featureNames)[number]): number {
  const one = found.get(id);
  assert.ok(one !== undefined, `${id} is no candidate`);
  return one.values[name];
}

describe("the features of candidates", () => {
  test("are finite numbers, and the best text has 1", () => {
    const found = features("retry the request", [
      makeUnit({ path: "a.ts", name: "one", text: "retry request retry" }),
      makeUnit({ path: "b.ts", name: "two", text: "request of something else entirely" }),
    ]);
    assert.equal(found.size, 2);
    for (const { values } of found.values()) {
      for (const name of featureNames) assert.ok(Number.isFinite(values[name]), name);
    }
    assert.equal(valueOf(found, "a.ts#0", "unitText"), 1);
    assert.equal(valueOf(found, "a.ts#0", "fileText"), 1);
    assert.ok(valueOf(found, "b.ts#0", "unitText") < 1);
  });

  test("tell a file whose whole name is asked for from one that shares a word with the question", () => {
    const found = features("how does the module mocker work", [
      makeUnit({ path: "src/moduleMocker.ts", name: "start", text: "start module mocker" }),
      makeUnit({ path: "src/bareModuleMocker.ts", name: "start", text: "start module mocker" }),
    ]);
    assert.equal(valueOf(found, "src/moduleMocker.ts#0", "wholeFileName"), 1);
    assert.equal(valueOf(found, "src/bareModuleMocker.ts#0", "wholeFileName"), 0);
    assert.equal(valueOf(found, "src/bareModuleMocker.ts#0", "fileName"), 1);
  });

  test("prefer the type and the very spelling among definitions of a name", () => {
    const found = features("App::Helpers", [
      makeUnit({ path: "a.rb", name: "Helpers", qualifiedName: "App.Helpers", kind: "module", text: "module Helpers" }),
      makeUnit({ path: "b.rb", name: "helpers", qualifiedName: "App.helpers", kind: "method", text: "def helpers" }),
      makeUnit({ path: "c.rb", name: "other", text: "Helpers.new" }),
    ]);
    const definition = (id: string) => valueOf(found, id, "definition");
    assert.ok(definition("a.rb#0") > definition("b.rb#0"));
    assert.ok(definition("b.rb#0") > 0);
    assert.equal(definition("c.rb#0"), 0);
  });

  test("know older versions by a newer one beside them, and outdated folders, unless they are asked for", () => {
    const units = [
      makeUnit({ path: "pkg/v3/errors.ts", name: "fail", text: "schema error" }),
      makeUnit({ path: "pkg/v4/errors.ts", name: "fail", text: "schema error" }),
      makeUnit({ path: "api/v1/errors.ts", name: "fail", text: "schema error" }),
      makeUnit({ path: "src/legacy/errors.ts", name: "fail", text: "schema error" }),
    ];
    const superseded = (question: string) =>
      units.map(({ id }) => valueOf(features(question, units), id, "superseded"));
    assert.deepEqual(superseded("schema error"), [1, 0, 0, 1]);
    assert.deepEqual(superseded("v3 schema error"), [0, 0, 0, 1]);
    assert.deepEqual(superseded("legacy schema error"), [1, 0, 0, 0]);
  });

  test("know tests, asides, declarations and folders of types", () => {
    const paths = ["test/a.ts", "docs/a.md", "include/a.h", "src/types/a.ts", "src/a.ts"];
    const units = paths.map((path) => makeUnit({ path, name: "fail", text: "socket error" }));
    const column = (question: string, name: (typeof featureNames)[number]) =>
      units.map(({ id }) => valueOf(features(question, units), id, name));
    assert.deepEqual(column("socket error", "tests"), [1, 0, 0, 0, 0]);
    assert.deepEqual(column("unit tests of the socket error", "tests"), [0, 0, 0, 0, 0]);
    assert.deepEqual(column("socket error", "aside"), [0, 1, 0, 0, 0]);
    assert.deepEqual(column("socket error", "declarations"), [0, 0, 1, 0, 0]);
    assert.deepEqual(column("socket error", "types"), [0, 0, 0, 1, 0]);
  });
});

describe("links between files", () => {
  test("count other files that mention something, each once", () => {
    const source = memoryUnits([
      makeUnit({ path: "a.ts", name: "open", text: "open() {}" }),
      makeUnit({ path: "b.ts", name: "first", text: "first() { open(); }", calls: ["open"] }),
      makeUnit({ path: "b.ts", ordinal: 1, name: "second", text: "second() { open(); }", calls: ["open"] }),
      makeUnit({ path: "c.ts", name: "third", text: "third() { open(); first(); }", calls: ["open", "first"] }),
    ]);
    const links = fileLinks(source.graph());
    assert.equal(links.of("a.ts").referringFiles, 2);
    assert.equal(links.of("b.ts").referringFiles, 1);
    assert.equal(links.of("c.ts").referringFiles, 0);
    assert.equal(links.of("a.ts").mentions, 0);
    assert.ok(links.of("c.ts").mentions > 0);
    assert.deepEqual(links.of("unknown.ts"), { referringFiles: 0, mentions: 0 });
    assert.equal(fileLinks(source.graph()), links);
  });
});
