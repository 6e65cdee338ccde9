import assert from "node:assert/strict";
import { rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { WorkspaceIndex } from "../../extension/engine/index.ts";
import { WordBagger } from "../../extension/pipeline/wordBags.ts";
import { splitWords } from "../../extension/pipeline/words.ts";
import { english, sentence } from "../../extension/protocol/sentence.ts";
import {
  contentOf,
  failsWith,
  openIndex,
  pythonFiles,
  updateOptions,
  workspaceOf,
  writeFiles,
} from "../support/indexes.ts";
import { seededTable } from "../support/staticTables.ts";

const router = `import { parseUrl } from "./url";

/** Finds the handler of a request. */
export class Router {
  readonly #routes = new Map<string, () => string>();

  /** Runs the handler for a URL. */
  handleRequest(rawUrl: string): string {
    const { path } = parseUrl(rawUrl);
    return this.#routes.get(path)?.() ?? notFound(path);
  }
}

function notFound(path: string): string {
  return \`no page at \${path}\`;
}
`;
const url = `/** Splits a URL. */
export function parseUrl(raw: string): { path: string } {
  return { path: raw.replace(/[?#].*/, "") };
}
`;
const files = {
  "src/router.ts": router,
  "src/url.ts": url,
  "lib/notfound.py": "def parseUrl(raw):\n    return raw\n",
  "README.md": "# Routes\n\nHandles requests.\n",
};

const namesOf = (index: WorkspaceIndex, ids: readonly string[]) => index.units(ids).map((unit) => unit.qualifiedName);

test("an index holds each file's units as the parser gives them, with the text of their lines", async (t) => {
  const place = await workspaceOf(t, files);
  const index = await openIndex(t, place);
  const summary = await index.update(updateOptions());
  assert.equal(summary.files, 4);
  assert.equal(summary.filesParsed, 4);
  assert.equal(summary.lines, Object.values(files).join("").split("\n").length - 1);
  assert.equal(
    summary.bytes,
    Object.values(files).reduce((bytes, text) => bytes + text.length, 0),
  );
  assert.ok(summary.indexBytes > 0);
  assert.match(english(summary.parser), /native|wasm/);
  assert.deepEqual(Object.keys(summary.unitsPerLanguage), ["python", "text", "typescript"]);

  const handle = index.units(index.unitsNamed(["HANDLEREQUEST"], 10, ""))[0];
  assert.ok(handle !== undefined);
  assert.equal(handle.qualifiedName, "Router.handleRequest");
  assert.equal(handle.kind, "method");
  assert.match(handle.doc, /Runs the handler/);
  const lines = router.split("\n");
  assert.equal(handle.text, lines.slice(handle.startLine - 1, handle.endLine).join("\n"));
  assert.ok(handle.references.some(({ name, role }) => name === "parseUrl" && role === "call"));
  for (const unit of index.unitsOfFile("src/router.ts")) {
    assert.deepEqual(index.units([unit.id]), [unit]);
    assert.equal(unit.text, unit.ranges.map((r) => lines.slice(r.startLine - 1, r.endLine).join("\n")).join("\n"));
  }
  assert.deepEqual(index.fileText("src/url.ts")?.lines, url.trimEnd().split("\n"));
  assert.equal(index.fileText("src/nope.ts"), null);
  assert.deepEqual(index.unitsOfFile("src/nope.ts"), []);
  assert.deepEqual(index.units(["src/nope.ts#0", "no number", "src/url.ts#99", ""]), []);
});

test("words are found by any part of an identifier, in every field, best first", async (t) => {
  const index = await openIndex(t, await workspaceOf(t, files));
  await index.update(updateOptions());
  const search = (words: string[], root = "") => namesOf(index, index.searchWords(words, 10, root));
  assert.equal(search(["handle", "request"])[0], "Router.handleRequest");
  assert.ok(search(["splits"]).includes("parseUrl"), "documentation is searched");
  assert.ok(search(["notfound"]).length > 1, "joined identifiers and paths are searched");
  assert.deepEqual(search(["zebra"]), []);
  assert.deepEqual(search([]), []);
  assert.deepEqual(search(['"', "NEAR(", "*", "path:"]), [], "a question's characters are no search syntax");
  assert.deepEqual(search(["raw"], "lib"), ["parseUrl"]);
  assert.equal(index.searchWords(["path"], 1, "").length, 1);
  const frequencies = index.documentFrequency(["raw", "zebra"]);
  assert.equal(frequencies.get("raw"), search(["raw"]).length);
  assert.equal(frequencies.has("zebra"), false);
});

test("names and paths are found without case, whole segments only, below a root", async (t) => {
  const index = await openIndex(t, await workspaceOf(t, files));
  await index.update(updateOptions());
  const paths = (ids: readonly string[]) => [...new Set(index.units(ids).map(({ path }) => path))];
  assert.deepEqual(paths(index.unitsNamed(["parseurl"], 10, "")), ["lib/notfound.py", "src/url.ts"]);
  assert.deepEqual(paths(index.unitsNamed(["parseurl"], 10, "src")), ["src/url.ts"]);
  assert.deepEqual(paths(index.unitsInPaths(["src/router"], 10, "")), ["src/router.ts"]);
  assert.deepEqual(paths(index.unitsInPaths(["router.ts", "URL"], 10, "")), ["src/router.ts", "src/url.ts"]);
  assert.deepEqual(paths(index.unitsInPaths(["outer"], 10, "")), []);
  assert.deepEqual(paths(index.unitsInPaths(["router"], 10, "lib")), []);
  assert.equal(index.unitsInPaths(["router"], 2, "").length, 2);
  assert.deepEqual(paths(index.unitsAtLines([{ path: "srv/app/src/router.ts", line: 1 }], "")), ["src/router.ts"]);
  assert.deepEqual(index.unitsAtLines([{ path: "router.ts", line: 1 }], "lib"), []);
  assert.deepEqual(index.unitsAtLines([{ path: "router.ts", line: 9999 }], ""), []);
});

test("statistics are the means of the words that are indexed, for the whole or a folder", async (t) => {
  const index = await openIndex(t, await workspaceOf(t, files));
  await index.update(updateOptions());
  for (const root of ["", "src"]) {
    const units = Object.keys(files)
      .filter((path) => path.startsWith(root))
      .flatMap((path) => index.unitsOfFile(path));
    const { units: count, meanLength } = index.statistics(root);
    assert.equal(count, units.length);
    const mean = (field: (unit: (typeof units)[number]) => string) =>
      units.reduce((sum, unit) => sum + splitWords(field(unit)).length, 0) / units.length;
    assert.ok(Math.abs(meanLength.body - mean((unit) => unit.text)) < 1e-9);
    assert.ok(Math.abs(meanLength.name - mean((unit) => unit.qualifiedName)) < 1e-9);
    assert.ok(Math.abs(meanLength.path - mean((unit) => unit.path)) < 1e-9);
    assert.ok(Math.abs(meanLength.doc - mean((unit) => unit.doc)) < 1e-9);
  }
  assert.deepEqual(index.statistics("nowhere").units, 0);
});

test("the words of a unit are counted as its text has them, also after a change", async (t) => {
  const places = await workspaceOf(t, files);
  const index = await openIndex(t, places);
  await index.update(updateOptions());
  const check = () => {
    const units = Object.keys(files).flatMap((path) => index.unitsOfFile(path));
    const bagger = new WordBagger();
    assert.deepEqual(
      index.wordBags(units),
      units.map((unit) => bagger.bagOf(unit)),
    );
    return units.length;
  };
  const before = check();
  await writeFile(
    join(places.folder, "src/url.ts"),
    `${url}\nexport function joinUrl(base: string): string {\n  return base;\n}\n`,
  );
  await index.update(updateOptions());
  assert.equal(check(), before + 1);
});

test("the graph leads from a mention to its definitions, to the imported one of its language most", async (t) => {
  const index = await openIndex(t, await workspaceOf(t, files));
  await index.update(updateOptions());
  const graph = index.graph();
  assert.equal(graph, index.graph(), "kept until the index changes");
  const node = (name: string, path: string) => {
    const unit = index.unitsOfFile(path).find((candidate) => candidate.qualifiedName === name);
    return graph.nodes.indexOf(unit?.id ?? "");
  };
  const from = node("Router.handleRequest", "src/router.ts");
  const edges = new Map<number, number>();
  for (let at = graph.offsets[from] ?? 0; at < (graph.offsets[from + 1] ?? 0); at += 1) {
    edges.set(graph.targets[at] ?? -1, graph.weights[at] ?? 0);
  }
  const imported = edges.get(node("parseUrl", "src/url.ts")) ?? 0;
  const foreign = edges.get(node("parseUrl", "lib/notfound.py")) ?? 0;
  assert.ok(imported > 10 * foreign, `${imported} against ${foreign}`);
  assert.ok(Math.abs(imported + foreign - 1) < 1e-6, "the definitions of a name share one call's weight");
  assert.equal(edges.get(node("notFound", "src/router.ts")), 1);
  assert.equal(graph.offsets.at(-1), graph.targets.length);
});

test("an update parses what changed, removes what is gone, and ends up like an index made from scratch", async (t) => {
  const before = pythonFiles(30);
  const place = await workspaceOf(t, before);
  const index = await openIndex(t, place);
  const encoder = await seededTable(t, 0);
  await index.update(updateOptions({ encoder }));
  index.graph();
  const { revision } = index;

  await writeFile(join(place.folder, "pkg1/part1.py"), "def renamed(number):\n    return Part2().run2(number)\n");
  await writeFiles(place.folder, { "new/fresh.py": "def fresh(part):\n    return renamed(part)\n" });
  await rm(join(place.folder, "pkg2/part2.py"));
  await rename(join(place.folder, "pkg3/part3.py"), join(place.folder, "pkg3/moved.py"));
  const summary = await index.update(updateOptions({ encoder }));
  assert.equal(summary.filesParsed, 3);
  assert.equal(summary.filesRemoved, 2);
  assert.equal(summary.files, 30);
  assert.ok(index.revision > revision);

  const other = await openIndex(t, { ...place, storageFolder: `${place.storageFolder}2` });
  await other.update(updateOptions({ encoder }));
  const paths = [...Object.keys(before), "new/fresh.py", "pkg3/moved.py"];
  assert.deepEqual(contentOf(index, paths), contentOf(other, paths));
});

test("an update without changes parses nothing and leaves the state as it is", async (t) => {
  const place = await workspaceOf(t, pythonFiles(5));
  const index = await openIndex(t, place);
  await index.update(updateOptions());
  const { revision } = index;
  await utimes(join(place.folder, "pkg1/part1.py"), 1_600_000_000, 1_600_000_000);
  const summary = await index.update(updateOptions());
  assert.equal(summary.filesParsed, 0);
  assert.equal(index.revision, revision);
  assert.equal(summary.files, 5);
});

test("a file saved twice within the clock's resolution, of the same size, is still noticed", async (t) => {
  const place = await workspaceOf(t, { "a.py": "def one():\n    pass\n" });
  const index = await openIndex(t, place);
  const now = new Date();
  await utimes(join(place.folder, "a.py"), now, now);
  await index.update(updateOptions());
  await writeFile(join(place.folder, "a.py"), "def two():\n    pass\n");
  await utimes(join(place.folder, "a.py"), now, now);
  await index.update(updateOptions());
  assert.equal(index.unitsNamed(["two"], 1, "").length, 1);
});

test("changed paths alone are looked at; folders stand for all below; a .gitignore for everything", async (t) => {
  const place = await workspaceOf(t, pythonFiles(14));
  const index = await openIndex(t, place);
  const change = (changed: string[]) => index.update(updateOptions({ changed }));
  assert.equal((await change(["pkg1/part1.py"])).files, 14, "the first update looks at everything");

  await writeFiles(place.folder, {
    "pkg1/part1.py": "def changed(): pass\n",
    "pkg1/part8.py": "def changed(): pass\n",
  });
  assert.equal((await change(["pkg1/part1.py", "./pkg1/part1.py", "../outside.py", "/etc/passwd"])).filesParsed, 1);
  assert.equal(index.unitsNamed(["changed"], 9, "").length, 1, "the other file was not looked at");
  assert.equal((await change(["pkg1"])).filesParsed, 1);
  await rm(join(place.folder, "pkg2"), { recursive: true });
  const gone = await change(["pkg2"]);
  assert.equal(gone.filesRemoved, 2);
  assert.equal(gone.files, 12);
  await writeFiles(place.folder, { ".gitignore": "pkg3/\n" });
  const ignored = await change([".gitignore"]);
  assert.equal(ignored.filesRemoved, 2);
  assert.equal(ignored.skippedCounts.ignored, 1);
  await writeFiles(place.folder, { "pkg4/part4.py": "x = 1\n\0" });
  assert.equal((await change(["pkg4/part4.py"])).files, 9, "a file that became binary is removed");
  await writeFiles(place.folder, { "pkg4/part4.py": "x = 1\n" });
  assert.equal((await change(["pkg4/part4.py"])).files, 10);
});

test("other globs or limits lead to a whole walk", async (t) => {
  const place = await workspaceOf(t, { ...pythonFiles(14), "long.py": "x = 1\n".repeat(1000) });
  const index = await openIndex(t, place);
  assert.equal((await index.update(updateOptions())).files, 15);
  assert.equal((await index.update(updateOptions({ ignoreGlobs: ["pkg1/"], changed: [] }))).files, 13);
  const smaller = await index.update(updateOptions({ maxFileBytes: 3000, changed: [] }));
  assert.equal(smaller.files, 14);
  assert.deepEqual(
    smaller.skipped.map(({ path, reason }) => ({ path, reason })),
    [{ path: "long.py", reason: "tooLarge" }],
  );
});

test("skips that need a look into the file are remembered until it changes", async (t) => {
  const place = await workspaceOf(t, { "a.py": "x = 1\n", "made.py": "# @generated\nx = 1\n" });
  const old = new Date(1_600_000_000_000);
  await utimes(join(place.folder, "made.py"), old, old);
  const index = await openIndex(t, place);
  const first = await index.update(updateOptions());
  assert.deepEqual(first.skippedCounts, { generated: 1 });
  const second = await index.update(updateOptions());
  assert.deepEqual(second.skipped, first.skipped);
  assert.deepEqual(second.skippedCounts, { generated: 1 });
  await writeFile(join(place.folder, "made.py"), "# by hand\nx = 1\n");
  const third = await index.update(updateOptions());
  assert.deepEqual(third.skippedCounts, {});
  assert.equal(third.files, 2);
});

test("vectors are made with the encoder at hand, and made anew for another one without parsing", async (t) => {
  const place = await workspaceOf(t, files);
  const index = await openIndex(t, place);
  await index.update(updateOptions());
  assert.equal(index.staticVectors(), null);
  for (const encoder of [await seededTable(t, 0), await seededTable(t, 1)]) {
    const { filesParsed } = await index.update(updateOptions({ encoder }));
    assert.equal(filesParsed, 0);
    const vectors = index.staticVectors();
    assert.ok(vectors !== null);
    assert.equal(vectors.dimensions, 3);
    assert.equal(vectors.ids.length, index.counts().units);
    const units = index.units(vectors.ids);
    const expected = units.flatMap((unit) =>
      [...(encoder.encodeUnit(unit) ?? [])].map((value) => Math.round(value * 127)),
    );
    assert.deepEqual([...vectors.rows], expected);
    assert.equal(vectors, index.staticVectors());
  }
});

test("progress is told, and a cancelled update keeps what it wrote and can be continued", async (t) => {
  const place = await workspaceOf(t, pythonFiles(60));
  const index = await openIndex(t, place);
  const controller = new AbortController();
  const phases = new Set<string>();
  const stopped = index.update(
    updateOptions({
      signal: controller.signal,
      onProgress: ({ phase }) => {
        phases.add(phase);
        if (phase === "parse") controller.abort();
      },
    }),
  );
  await assert.rejects(stopped, failsWith("cancelled"));
  const { files: kept } = index.counts();
  assert.ok(kept < 60);
  assert.equal(index.searchWords(["number"], 1000, "").length > 0, kept > 0);
  const summary = await index.update(updateOptions({ onProgress: ({ phase }) => phases.add(phase) }));
  assert.equal(summary.filesParsed, 60 - kept);
  assert.equal(summary.files, 60);
  assert.deepEqual([...phases].sort(), ["parse", "walk", "write"]);
});

test("closing stops an update that runs, and the workers", async (t) => {
  const place = await workspaceOf(t, pythonFiles(60));
  const index = await openIndex(t, place);
  const running = assert.rejects(index.update(updateOptions()), failsWith("cancelled"));
  await index.close();
  await running;
  const again = await openIndex(t, place);
  assert.equal((await again.update(updateOptions())).files, 60);
});

test("problems of files are listed; their units are there nevertheless", async (t) => {
  const index = await openIndex(t, await workspaceOf(t, { "a.py": "def good():\n    return 1\n\n\ndef bad(:\n" }));
  const { problems } = await index.update(updateOptions());
  assert.deepEqual(problems[0], { path: "a.py", line: 5, message: sentence("Syntax error.") });
  assert.equal(index.unitsNamed(["good"], 1, "").length, 1);
});

test("files that are not indexed are listed with the reason, its values apart from its text", async (t) => {
  const index = await openIndex(t, await workspaceOf(t, { ...files, "old.log": "x", ".gitignore": "*.log\n" }));
  const { skipped } = await index.update(updateOptions());
  const detail = sentence("excluded by `{0}` in {1}", "*.log", ".gitignore");
  assert.deepEqual(
    skipped.find(({ path }) => path === "old.log"),
    { path: "old.log", reason: "ignored", detail },
  );
  assert.deepEqual(index.skippedAt("old.log")?.detail, detail);
  assert.equal(index.skippedAt("src/url.ts"), null);
});

test("two paths to one workspace share an index; two workspaces do not", async (t) => {
  const place = await workspaceOf(t, files);
  const index = await openIndex(t, place);
  await symlink(place.folder, `${place.folder}-link`);
  assert.equal((await openIndex(t, { ...place, folder: `${place.folder}-link` })).file, index.file);
  const other = await workspaceOf(t, files);
  assert.notEqual((await openIndex(t, { ...other, storageFolder: place.storageFolder })).file, index.file);
});
