import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { openGrammars } from "../../extension/engine/grammars.ts";
import { readLanguages } from "../../extension/syntax/languages.ts";
import { parseUnits } from "../../extension/pipeline/parse.ts";
import type { LanguageRow } from "../../extension/pipeline/ports.ts";
import type { ParsedFile } from "../../extension/protocol/units.ts";
import { checkMarks, withoutMarks } from "./fixtureMarks.ts";

const root = path.resolve(import.meta.dirname, "../..");
const { buildGrammars } = (await import(new URL("../../tools/buildGrammars.mjs", import.meta.url).href)) as {
  buildGrammars: (options: {
    root: string;
    node24: string;
    log: (line: string) => void;
  }) => Promise<{ runtime: string }>;
};
await buildGrammars({
  root,
  node24: process.execPath,
  log(line) {
    console.log(line);
  },
});
const native = await openGrammars({ root, runtime: "native" });
const wasm = await openGrammars({ root, runtime: "wasm" });
const languages = await readLanguages(root);

/** Languages that no package offers as wasm. Where native tree-sitter does not load, their files become `file` units. */
const nativeOnly = ["swift"];

test("exactly the listed languages have no wasm grammar", () => {
  const without = languages.filter((language) => language.wasm === "").map((language) => language.id);
  assert.deepEqual(without, nativeOnly);
});

for (const language of languages) {
  test(`${language.id}: the fixture's marks hold, natively and by wasm`, async () => {
    const { marked, text, file } = await readFixture(language);
    const parsed = parseUnits({ path: file, text }, await native.grammar(language.id));
    checkMarks(marked, language, parsed);
    assert.deepEqual(parsed.problems, []);
    checkCoverage(text, parsed);
    if (nativeOnly.includes(language.id)) return;
    const grammar = await wasm.grammar(language.id);
    assert.equal(grammar.runtime, "wasm");
    assert.deepEqual(parseUnits({ path: file, text }, grammar), parsed);
  });

  test(`${language.id}: line ends and characters outside the BMP do not move units`, async () => {
    const { text, file } = await readFixture(language);
    const grammar = await native.grammar(language.id);
    const parsed = parseUnits({ path: file, text }, grammar);
    assert.deepEqual(parseUnits({ path: file, text: text.replaceAll("\n", "\r\n") }, grammar), parsed);
    // A comment line of emoji at the end of the file's last line cannot change what stands before it.
    const shifted = parseUnits({ path: file, text: `${language.lineComment} 😀😀 🏳️‍🌈\n\n\n${text}` }, grammar);
    assert.deepEqual(outline(shifted, 3), outline(parsed, 0));
  });

  test(`${language.id}: cut and damaged texts give units for every line`, async () => {
    const { text, file } = await readFixture(language);
    const grammar = await native.grammar(language.id);
    for (const damaged of damages(text)) checkCoverage(damaged, parseUnits({ path: file, text: damaged }, grammar));
  });
}

async function readFixture(language: LanguageRow): Promise<{ marked: string; text: string; file: string }> {
  const folder = path.join(root, "grammars", language.id);
  const name = (await readdir(folder)).find((entry) => entry.startsWith("fixture."));
  assert.ok(name, `${language.id} has no fixture`);
  const marked = await readFile(path.join(folder, name), "utf8");
  return { marked, text: withoutMarks(marked, language), file: `src/${name}` };
}

/** Every line that is not blank is in a unit, and a unit's text is that of its lines. */
function checkCoverage(text: string, parsed: ParsedFile): void {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const covered = new Set<number>();
  for (const unit of parsed.units) {
    const own: string[] = [];
    for (const { startLine, endLine } of unit.ranges) {
      for (let line = startLine; line <= endLine; line += 1) covered.add(line);
      own.push(...lines.slice(startLine - 1, endLine));
    }
    assert.equal(unit.text, own.join("\n"));
  }
  const missed = lines.flatMap((line, row) => (line.trim() !== "" && !covered.has(row + 1) ? [row + 1] : []));
  assert.deepEqual(missed, [], "lines without a unit");
}

/** Definitions by name and place; the header is left out because the added line belongs to it. */
function outline(parsed: ParsedFile, linesAdded: number): string[] {
  return parsed.units
    .filter((unit) => unit.kind !== "header")
    .map((unit) => `${unit.kind} ${unit.qualifiedName} ${unit.startLine - linesAdded} ${unit.endLine - linesAdded}`);
}

/** Truncations, removed and doubled stretches, and bytes that belong nowhere; the same ones on every run. */
function* damages(text: string): Generator<string> {
  let seed = 42;
  const random = (limit: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * limit);
  };
  const junk = ["{", "}", "(", '"', "`", "/*", "'''", "\0", "\uD800", "<<<<<<< HEAD\n", "\u2028", "end", "#", "\\"];
  for (let i = 0; i < 40; i += 1) {
    const at = random(text.length);
    const length = random(60);
    yield text.slice(0, at);
    yield text.slice(0, at) + text.slice(at + length);
    yield text.slice(0, at) + (junk[random(junk.length)] ?? "") + text.slice(at);
  }
  yield "(".repeat(2_000);
  yield "";
}
