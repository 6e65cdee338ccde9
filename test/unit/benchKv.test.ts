import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { kvCase, needleDepths } from "../bench/kvCases.ts";
import { FullDistributions } from "../bench/kvDivergence.ts";
import { divergenceFigures, RowTotals } from "../bench/kvRows.ts";
import { qualityPlans } from "../bench/kvQuality.ts";
import { parseUnits } from "../../extension/pipeline/parse.ts";
import { openGrammars } from "../../extension/engine/grammars.ts";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

/** Log-probabilities of these distributions, one after another. */
const logs = (...rows: readonly (readonly number[])[]): Float32Array =>
  Float32Array.from(rows.flat(), (probability) => Math.log(probability));

describe("divergence", () => {
  const full = new FullDistributions(logs([0.5, 0.25, 0.25], [0.1, 0.8, 0.1]), Int32Array.of(0, 2));

  test("of a distribution from itself is nothing", () => {
    const { nats, agrees, lossChange, hits } = full.against(full.logProbabilities);
    assert.ok(nats.every((value) => value < 1e-6));
    assert.deepEqual(
      [agrees, lossChange, hits],
      [
        [1, 1],
        [0, 0],
        [1, 0],
      ],
    );
  });

  test("is KL(full ‖ other), with the best tokens and the change of the loss", () => {
    const { nats, agrees, lossChange, hits } = full.against(logs([0.25, 0.5, 0.25], [0.1, 0.8, 0.1]));
    assert.ok(Math.abs((nats[0] ?? 0) - 0.25 * Math.LN2) < 1e-6, `${nats[0] ?? 0}`);
    assert.deepEqual(agrees, [0, 1]);
    assert.ok(Math.abs((lossChange[0] ?? 0) - Math.LN2) < 1e-6);
    assert.deepEqual(hits, [0, 0]);
  });

  test("tells the loss of the targets", () => {
    assert.ok(Math.abs(full.loss - (Math.log(2) + Math.log(10)) / 2) < 1e-6);
    assert.deepEqual(full.hits, [1, 0]);
  });

  test("refuses what does not fit", () => {
    assert.throws(() => full.against(new Float32Array(3)), RangeError);
    assert.throws(() => new FullDistributions(new Float32Array(5), Int32Array.of(0, 1)), RangeError);
  });
});

describe("rows", () => {
  const probe = (kind: "text" | "needle", depth: number) => ({ kind, tokens: new Int32Array(0), first: 1, depth });
  const outcome = (kind: "text" | "needle", depth: number, nats: number[], hits: number[]) => ({
    probe: probe(kind, depth),
    divergence: { nats, agrees: hits, lossChange: nats, hits },
  });

  test("keep the text that follows apart from answers, and tell tokens from whole answers", () => {
    const totals = new RowTotals();
    const sizes = { kept: 0.5, memoryBytes: 100, diskBytes: 50 };
    totals.add([outcome("text", 1, [1, 3], [1, 0]), outcome("needle", 0.1, [0.5, 0.5], [1, 0])], sizes);
    totals.add([outcome("needle", 0.9, [0.1, 0.3], [1, 1])], { ...sizes, kept: 0.6 });
    const row = totals.row({ evictor: "kvzip", keepRatio: 0.5, kvType: "f16" });
    assert.deepEqual([row.text.mean, row.text.max, row.text.tokens], [2, 3, 2]);
    assert.ok(Math.abs(row.answers.mean - 0.35) < 1e-9);
    assert.deepEqual(row.recall, { needle: 0.75 });
    assert.deepEqual(row.exact, { needle: 0.5 });
    assert.deepEqual(row.recallByDepth, { "0.1": 0.5, "0.9": 1 });
    assert.equal(row.keptShare, 0.55);
  });

  test("of nothing are zero", () => {
    assert.deepEqual(divergenceFigures([]), { mean: 0, p99: 0, max: 0, top1: 0, lossChange: 0, tokens: 0 });
  });

  test("exist for every method, ratio and type once", () => {
    const plans = qualityPlans([0.5, 0.25]);
    const keys = plans.map(({ evictor, keepRatio, kvType }) => `${evictor} ${keepRatio} ${kvType}`);
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(keys.includes("none 1 q4_0") && keys.includes("kvzip-composite-refit 0.25 q4_0"));
    assert.ok(!keys.includes("none 0.5 f16"));
  });
});

describe("cases", () => {
  const functions = Array.from(
    { length: 40 },
    (_, at) =>
      `export function compute${at}(value${at}: number, other${at}: string): string {\n` +
      `  const total${at} = value${at} + other${at}.length;\n  return String(total${at} * ${at + 2});\n}\n`,
  );
  const file = { path: "src/compute.ts", language: "typescript", text: functions.join("\n") };
  const limits = { contextCharacters: 3000, continuationCharacters: 600, questions: 8 };

  test("hold the file's beginning in pieces, planted facts, and questions that they answer", async () => {
    const grammar = await (await openGrammars({ root })).grammar("typescript");
    const { units } = parseUnits(file, grammar);
    const made = kvCase(file, units, grammar, limits);
    assert.ok(made !== null);
    const [instructions, ...code] = made.pieces;
    assert.equal(instructions?.kind, "instructions");
    assert.ok(code.length >= 2 && code.every(({ kind, pins }) => kind === "code" && pins.length > 0));
    const whole = made.pieces.map(({ text }) => text).join("");
    const unplanted = code
      .map(({ text }) => text)
      .join("")
      .replace(/^const [A-Z]+_[A-Z]+ = "[a-z]+-\d+-[a-z]+"\n/gm, "");
    assert.equal(`${unplanted}${made.continuation}`, file.text.slice(0, unplanted.length + made.continuation.length));
    const kinds = made.questions.map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === "needle").length, needleDepths.length);
    assert.equal(kinds.filter((kind) => kind === "rule").length, 1);
    assert.equal(kinds.filter((kind) => kind === "signature" || kind === "body").length, limits.questions);
    for (const { cue, answer } of made.questions) {
      assert.equal(whole.split(`${cue.slice(1)}${answer}`).length, 2, `${cue}${answer} stands in the context once`);
    }
    assert.deepEqual(made, kvCase(file, units, grammar, limits), "the same file gives the same case");
  });

  test("are not made of files that are too short", () => {
    assert.equal(kvCase({ ...file, text: "export {};\n" }, [], null, limits), null);
    assert.equal(kvCase(file, [], null, limits), null, "there is nothing to ask about");
  });
});
