import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  likelihoodRules,
  likelihoodScores,
  longCodeZipScores,
  neutralProbes,
  probeMeans,
  scoreUnits,
} from "../../extension/pipeline/likelihoodScores.ts";
import type { LikelihoodScorer, QuestionGains } from "../../extension/pipeline/ports.ts";
import { scorerUnit } from "../support/scorerUnits.ts";

const question = "how to evict the cache";
/** Two tokens make "evict", the last one is the end mark. */
const tokens = [" how", " to", " ev", "ict", " the", " cache", ""];
const base = Float64Array.of(-2, -1, -8, -3, -1, -6, -2);
/** The first unit knows the function words, the second one the others. */
const given = [Float64Array.of(-1, -0.5, -8, -3, -0.5, -6, -2), Float64Array.of(-2, -1, -7, -2.5, -1, -5.5, -2)];
const gains: QuestionGains = { tokens, base, given };
const plain = { functionWords: 1, gainNatsMax: Number.POSITIVE_INFINITY, probes: 0 };
const units = ["a.ts", "b.ts"].map((file) => scorerUnit(file, "f", "", ""));
const never = new AbortController().signal;

describe("likelihood scores", () => {
  test("LongCodeZip's are the mean log probability of the question given the unit, whatever it is without", () => {
    assert.deepEqual([...longCodeZipScores(gains)], [-21 / 7, -21 / 7]);
    const elsewhere = { ...gains, base: base.map((value) => value - 1) };
    assert.deepEqual([...longCodeZipScores(elsewhere)], [...longCodeZipScores(gains)]);
  });

  test("plain gains are the difference of both log probabilities in nats", () => {
    assert.deepEqual([...likelihoodScores(gains, question, { rules: plain })], [2, 2]);
  });

  test("function words count less, also in a word of several tokens and with the end mark in full", () => {
    assert.deepEqual([...likelihoodScores(gains, question)], [1, 2]);
    const ended = { ...gains, given: [Float64Array.of(-2, -1, -8, -3, -1, -6, -1)] };
    assert.deepEqual([...likelihoodScores(ended, question)], [1]);
    assert.deepEqual(
      [...likelihoodScores(gains, question, { rules: { ...likelihoodRules, functionWords: 0 } })],
      [0, 2],
    );
  });

  test("a question of function words alone still ranks", () => {
    const only = {
      tokens: [" how", " to", ""],
      base: Float64Array.of(-2, -1, -1),
      given: [Float64Array.of(-1, -1, -1)],
    };
    assert.deepEqual([...likelihoodScores(only, "how to")], [1]);
  });

  test("a scorer's own cut of words, with capitals and signs, finds the same words", () => {
    const raw: QuestionGains = {
      tokens: [" How", " to", " ev", "ict", "Cache", "(", "the", ")?"],
      base: new Float64Array(8).fill(-2),
      given: [new Float64Array(8).fill(-1)],
    };
    // How, to, the: half a nat each; ev, ict, Cache and the two signs: one.
    assert.deepEqual([...likelihoodScores(raw, "How to evictCache(the)?")], [6.5]);
  });

  test("clipping bounds what one token adds and takes", () => {
    const wild = { ...gains, given: [Float64Array.of(-2, -1, -0.5, -30, -1, -6, -2)] };
    assert.deepEqual([...likelihoodScores(wild, question, { rules: { ...plain, gainNatsMax: 4 } })], [0]);
  });

  test("the bias of a unit is taken off for as many tokens as the question weighs", () => {
    const rules = { ...plain, probes: 0.5 };
    assert.deepEqual([...likelihoodScores(gains, question, { rules, bias: Float64Array.of(1, 0) })], [2 - 3.5, 2]);
  });

  test("probes are asked once each, and only where the rules want them", async () => {
    const asked: string[] = [];
    const likelihood = scorer((text) => asked.push(text));
    const shipped = await scoreUnits("likelihood", question, units, { likelihood, signal: never });
    assert.deepEqual([[...shipped], asked], [[1, 2], [question]]);
    const means = await probeMeans(units, { likelihood, signal: never }, plain);
    assert.deepEqual(asked.slice(1), neutralProbes);
    for (const mean of means) assert.ok(Math.abs(mean - 2 / 7) < 1e-12);
    const corrected = await scoreUnits(
      "likelihood",
      question,
      units,
      { likelihood, signal: never },
      { ...plain, probes: 1 },
    );
    for (const score of corrected) assert.ok(Math.abs(score) < 1e-12);
    assert.deepEqual([...(await scoreUnits("longcodezip", question, units, { likelihood, signal: never }))], [-3, -3]);
  });

  test("a question without words scores 0 for every unit", async () => {
    const none = { tokens: [], base: new Float64Array(0), given: [new Float64Array(0), new Float64Array(0)] };
    const likelihood: LikelihoodScorer = { name: "none", gains: () => Promise.resolve(none) };
    for (const method of ["longcodezip", "likelihood"] as const) {
      assert.deepEqual([...(await scoreUnits(method, "?!", units, { likelihood, signal: never }))], [0, 0]);
    }
  });
});

/** Gives the same gains for every question. */
function scorer(onAsked: (question: string) => void): LikelihoodScorer {
  return {
    name: "scripted",
    gains(asked) {
      onAsked(asked);
      return Promise.resolve(gains);
    },
  };
}
