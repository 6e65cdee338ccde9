/** Prints the units of a file: `node test/grammars/show.ts [--wasm] [--text] [--marks] <language or "auto"> <file>…`. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { openGrammars } from "../../extension/engine/grammars.ts";
import { parseUnits } from "../../extension/pipeline/parse.ts";
import { english } from "../../extension/protocol/sentence.ts";
import { withoutMarks } from "./fixtureMarks.ts";

const root = path.resolve(import.meta.dirname, "../..");
const flags = new Set(process.argv.slice(2).filter((argument) => argument.startsWith("--")));
const [languageId = "auto", ...files] = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const grammars = await openGrammars({ root, runtime: flags.has("--wasm") ? "wasm" : "auto" });
console.log(english(grammars.why));

for (const file of files) {
  const id = languageId === "auto" ? (grammars.languageOf(file)?.id ?? null) : languageId;
  const grammar = id === null ? null : await grammars.grammar(id);
  const content = await readFile(file, "utf8");
  const text = flags.has("--marks") && grammar !== null ? withoutMarks(content, grammar.language) : content;
  const startMs = performance.now();
  const parsed = parseUnits({ path: file, text }, grammar);
  const tookMs = performance.now() - startMs;
  console.log(`\n${file}: ${parsed.language}, ${parsed.units.length} units, ${tookMs.toFixed(0)} ms`);
  for (const unit of parsed.units) {
    const ranges = unit.ranges.map((range) => `${range.startLine}-${range.endLine}`).join(" ");
    console.log(`${unit.kind} ${unit.qualifiedName} [${ranges}]`);
    if (unit.signature !== "") console.log(`    signature ${JSON.stringify(unit.signature)}`);
    if (unit.doc !== "") console.log(`    doc ${JSON.stringify(unit.doc)}`);
    const names = unit.references.map((reference) => `${reference.role}:${reference.name}@${reference.line}`);
    if (names.length > 0) console.log(`    references ${names.join(" ")}`);
    if (flags.has("--text")) console.log(unit.text.replace(/^/gm, "    | "));
  }
  for (const entry of parsed.imports) {
    console.log(`import ${JSON.stringify(entry.module)} [${entry.names.join(" ")}] line ${entry.line}`);
  }
  for (const problem of parsed.problems) console.log(`problem line ${problem.line}: ${english(problem.message)}`);
}
