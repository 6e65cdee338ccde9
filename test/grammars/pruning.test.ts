import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { openGrammars } from "../../extension/engine/grammars.ts";
import { compressors } from "../../extension/pipeline/compress.ts";
import { parseUnits } from "../../extension/pipeline/parse.ts";
import type { Grammar, TokenCounter } from "../../extension/pipeline/ports.ts";
import { pruneLines } from "../../extension/pipeline/prune.ts";
import { UnitSyntax } from "../../extension/pipeline/pruneSyntax.ts";
import { keptLines } from "../../extension/pipeline/rendering.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";
import { readRendered } from "../support/randomUnits.ts";
import { withoutMarks } from "./fixtureMarks.ts";

const root = path.resolve(import.meta.dirname, "../..");
const grammars = await openGrammars({ root });
const counter: TokenCounter = { name: "three characters", count: (text) => Math.ceil(text.length / 3) };
/** What the structure alone gets wrong, of everything it is made to cut below: the compressors check each unit. */
const wrongShareMax = 0.05;
const tally = { cut: 0, wrong: 0, prunedUnits: 0 };

for (const language of grammars.languages) {
  test(`${language.id}: what is left of a unit parses, and its lines are those of the file`, async () => {
    const grammar = await grammars.grammar(language.id);
    const { units, lines } = await fixtureUnits(grammar);
    const omission = () => language.lineComment;
    const syntax = new UnitSyntax((id) => (id === language.id ? grammar : null), omission);
    const whole = units.filter((unit) => syntax.isWhole(unit) === true);
    assert.ok(whole.length > units.length / 2, `${whole.length} of ${units.length} units parse as a whole`);
    for (const unit of whole) {
      for (const kept of cuts(unit)) {
        tally.cut += 1;
        if (syntax.parses(unit, kept) !== true) tally.wrong += 1;
      }
    }
    const ranked = units.map((unit, place): RankedUnit => ({ unit, score: -place, reasons: [] }));
    for (const budgetTokens of [200, 500, 1000]) {
      const question = units.map(({ name }) => name).join(" ");
      const { kept } = compressors.knapsack({ question, ranked, counter, omission, budgetTokens, syntax });
      for (const each of kept) {
        if (each.fidelity === "pruned") tally.prunedUnits += 1;
        const { unit } = each.ranked;
        if (syntax.isWhole(unit) === true) assert.equal(syntax.parses(unit, each.lines), true, each.text);
        if (language.lineComment !== "//" && language.lineComment !== "#") continue;
        const read = readRendered(each.text);
        assert.deepEqual(
          read.lines.map(({ number, text }) => [number, text]),
          each.lines.map((line) => [line, lines[line - 1] ?? ""]),
        );
      }
    }
  });
}

test("structure alone is nearly always right, and units were pruned", () => {
  assert.ok(tally.cut > 200, `${tally.cut} cuts`);
  assert.ok(tally.wrong <= tally.cut * wrongShareMax, `${tally.wrong} of ${tally.cut} do not parse`);
  assert.ok(tally.prunedUnits > 5, `${tally.prunedUnits} pruned units`);
});

test("a unit that does not parse by itself is checked inside a class", async () => {
  const grammar = await grammars.grammar("typescript");
  const { units } = await fixtureUnits(grammar);
  const method = units.find(({ kind }) => kind === "method");
  assert.ok(method !== undefined);
  assert.ok(grammar.parse(`${method.text}\n}`).errorRows.length > 0);
  const syntax = new UnitSyntax(
    () => grammar,
    () => "//",
  );
  assert.equal(syntax.isWhole(method), true);
  assert.equal(syntax.parses(method, [method.endLine]), false);
});

/** The declaration alone, and statements by two pretended values at two budgets. */
function cuts(unit: Unit): number[][] {
  const texts = unit.text.split("\n");
  const costs = Float64Array.from(texts, (text) => text.trim().length);
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const found = [keptLines(unit, "signature")];
  for (const step of [2, 3]) {
    const values = Float64Array.from(texts, (_, at) => ((at + 1) % step === 0 ? 1 : 0));
    for (const share of [0.4, 0.7])
      found.push(pruneLines({ unit, values, costs, budget: share * total, markCost: 0 }) ?? []);
  }
  return found.filter((kept) => kept.length > 0);
}

async function fixtureUnits(grammar: Grammar): Promise<{ units: readonly Unit[]; lines: readonly string[] }> {
  const { language } = grammar;
  const folder = path.join(root, "grammars", language.id);
  const name = (await readdir(folder)).find((entry) => entry.startsWith("fixture.")) ?? "";
  const text = withoutMarks(await readFile(path.join(folder, name), "utf8"), language);
  return { units: parseUnits({ path: `src/${name}`, text }, grammar).units, lines: text.split("\n") };
}
