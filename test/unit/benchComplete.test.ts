import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { openGrammars } from "../../extension/engine/grammars.ts";
import { candidateFeatures } from "../../extension/pipeline/completionCandidates.ts";
import { fillInFormat } from "../../extension/pipeline/fillInFormat.ts";
import { namedCases, openCase, randomCases } from "../bench/completeCases.ts";
import { completionContexts, contextNames } from "../bench/completeContexts.ts";
import { fitWeights } from "../bench/completeFit.ts";
import { holds } from "../bench/completeRecall.ts";
import { parseSourceFiles, type SourceText } from "../bench/sourceFiles.ts";
import { DocumentTrees } from "../../extension/syntax/documentTrees.ts";
import { memoryUnits } from "../support/memoryUnits.ts";

const root = path.resolve(import.meta.dirname, "../..");
const grammars = await openGrammars({ root });

const files: readonly SourceText[] = [
  {
    path: "src/use.ts",
    language: "typescript",
    text: 'import { loadTable } from "./table";\n\nexport function use(name: string) {\n  const key = name;\n  const file = key + "x";\n  return loadTable(file, key);\n}\n',
  },
  {
    path: "src/table.ts",
    language: "typescript",
    text: "export function loadTable(file: string, key: string): string {\n  const text = file;\n  const more = text;\n  return more + key;\n}\n",
  },
];

test("a cut is made at the only place that names another file's definition, and the rest of the line is taken out", async () => {
  const [found, ...others] = await namedCases("r", files, grammars, 10);
  assert.equal(others.length, 0);
  assert.equal(found?.definition?.name, "loadTable");
  assert.equal(found.rest, "loadTable(file, key);");
  assert.ok(found.before.endsWith("  return "));
  assert.equal(found.before + found.rest + found.after, files[0]?.text);
  assert.equal(found.isSeen, false);
});

test("cuts anywhere begin at the text of a line of a function", async () => {
  for (const found of await randomCases("r", files, grammars, 10)) {
    assert.match(found.before, /\n *$/);
    assert.equal(found.before + found.rest + found.after, files.find((file) => file.path === found.path)?.text);
  }
});

test("no context takes more than its budget, and only none is empty", async () => {
  const [found] = await namedCases("r", files, grammars, 1);
  assert.ok(found !== undefined);
  const trees = new DocumentTrees(root);
  const opened = await openCase(found, grammars, trees);
  trees.dispose();
  const [, table] = files;
  assert.ok(table !== undefined);
  const tools = {
    source: memoryUnits((await parseSourceFiles([table], grammars)).flatMap((file) => file.units)),
    files: [table],
    counter: { name: "characters", count: (text: string) => text.length },
    format: fillInFormat({
      ...{ tokens: { fimPrefix: -1, fimSuffix: -1, fimMiddle: -1 }, tokenOf: () => -1, declared: null, bos: -1 },
    }),
    textOf: () => "",
  };
  for (const name of contextNames) {
    for (const budget of [90, 400]) {
      const pieces = completionContexts[name](found, opened, budget, tools);
      assert.ok(pieces.reduce((sum, { tokens }) => sum + tokens, 0) <= budget, name);
      if (budget === 400) assert.equal(pieces.length > 0, name !== "none");
      assert.ok(found.definition !== null);
      if (name === "precis") assert.ok(holds(pieces, found.definition), "the definition is in it");
    }
  }
});

test("a definition is held where the line with its name stands, whatever the white space", async () => {
  const [found] = await namedCases("r", files, grammars, 1);
  const definition = found?.definition;
  assert.ok(definition !== undefined && definition !== null);
  const piece = (text: string) => ({ share: "ranked" as const, text, tokens: 1, reasons: [] });
  assert.ok(holds([piece("export function\n  loadTable(file: string, key: string): string {")], definition));
  assert.ok(!holds([piece("loadTable(file, key)")], definition));
});

test("weights lean towards the features of what was named", () => {
  const row = (value: number) => Float64Array.from(candidateFeatures, (name) => (name === "isInFile" ? value : 0.5));
  const cases = Array.from({ length: 20 }, () => ({ features: [row(0), row(1), row(0)], target: 1 }));
  const weights = fitWeights(cases);
  assert.ok(weights.isInFile > 1, String(weights.isInFile));
  assert.equal(weights.nameWords, 0);
});
