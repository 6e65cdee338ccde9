import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compressors } from "../../extension/pipeline/compress.ts";
import type { CompressRequest } from "../../extension/pipeline/compressRequest.ts";
import { knapsack } from "../../extension/pipeline/compressLongCodeZip.ts";
import { worthAskedOf, worthPerThousandTokens } from "../../extension/pipeline/compressKnapsack.ts";
import { readBlocks, readLineGains, spikeBlocks } from "../../extension/pipeline/compressReadings.ts";
import { relatedUnits } from "../../extension/pipeline/compressRelated.ts";
import { candidatesOf } from "../../extension/pipeline/compressValues.ts";
import type { LineScorer, TokenCounter } from "../../extension/pipeline/ports.ts";
import { sentence } from "../../extension/protocol/sentence.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";
import { makeUnit, memoryUnits } from "../support/memoryUnits.ts";

const counter: TokenCounter = { name: "four characters", count: (text) => Math.ceil(text.length / 4) };
const omission = () => "//";
const { signal } = new AbortController();

const ranking = (units: readonly Unit[], scores?: readonly number[]) =>
  units.map((unit, place): RankedUnit => ({ unit, score: scores?.[place] ?? 10 - place, reasons: [] }));

function request(units: readonly Unit[], budgetTokens: number, more: Partial<CompressRequest> = {}): CompressRequest {
  return { question: "how are requests retried", ranked: ranking(units), counter, omission, budgetTokens, ...more };
}

/** A function of many lines of which two say something about retries. */
function makeLong(name: string, about = "retry"): Unit {
  const lines = Array.from({ length: 30 }, (_, at) => `  somethingElse(${at}, "that nobody asked for");`);
  lines[11] = `  const limit = ${about}Limit(request);`;
  lines[24] = `  if (limit > 3) ${about}(request);`;
  const text = [`function ${name}(request: Request) {`, ...lines, "  return request;", "}"].join("\n");
  return makeUnit({
    path: `src/${name}.ts`,
    name,
    signature: `function ${name}(request: Request)`,
    text,
    calls: ["helper"],
  });
}

describe("the knapsack", () => {
  test("prunes a unit to its declaration, what it returns and the lines about the question", () => {
    const { kept } = compressors.knapsack(request([makeLong("send")], 150));
    assert.equal(kept.length, 1);
    assert.equal(kept[0]?.fidelity, "pruned");
    for (const line of [1, 13, 26, 32, 33]) assert.ok(kept[0].lines.includes(line), `line ${line}`);
    assert.ok(kept[0].lines.length < 15, kept[0].text);
    assert.match(kept[0].text, /\/\/ \.\.\. lines 2-12\n {2}const limit = retryLimit/);
  });

  test("shows whole units while there is room, and declarations where there is little", () => {
    const units = [makeLong("send"), makeLong("receive"), makeLong("close", "other")];
    const fidelities = (budget: number) =>
      compressors.knapsack(request(units, budget)).kept.map(({ fidelity }) => fidelity);
    assert.deepEqual(fidelities(2000), ["full", "full", "full"]);
    const few = fidelities(80);
    assert.ok(few.length > 0 && !few.includes("full"), few.join(" "));
  });

  test("brings the declarations of what the best units mention, ranked or not", () => {
    const helper = makeUnit({
      path: "src/z.ts",
      name: "helper",
      signature: "function helper(of: string)",
      text: "function helper(of: string) {\n  one(of);\n  two(of);\n  three(of);\n}",
    });
    const { kept } = compressors.knapsack(request([makeLong("send")], 1000, { related: [helper] }));
    const brought = kept.find(({ ranked }) => ranked.unit.id === helper.id);
    assert.equal(brought?.fidelity, "signature");
    assert.deepEqual(brought.ranked.reasons, [sentence("mentioned by what is shown")]);
    const [first, second] = candidatesOf({
      question: "x",
      ranked: ranking([makeLong("send"), makeLong("other"), helper], [5, 1, 1]).slice(0, 3),
      related: [],
      lineGains: new Map(),
    }).slice(1);
    assert.ok((second?.weight ?? 0) > (first?.weight ?? 0), "mentioned before not mentioned");
  });

  test("gives less for what a better unit says in the same words", () => {
    const twin = { ...makeLong("send"), id: "src/copy.ts#0", path: "src/copy.ts" };
    const other = makeUnit({ path: "src/other.ts", name: "other", text: "function other() {\n  return 'a word';\n}" });
    const weights = candidatesOf({
      question: "retry",
      ranked: ranking([makeLong("send"), twin, other], [1, 1, 1]),
      related: [],
      lineGains: new Map(),
    }).map(({ weight }) => weight);
    assert.ok((weights[1] ?? 0) < 0.5 * (weights[2] ?? 0), weights.join(" "));
  });

  test("follows a model's readings where there are any", () => {
    const unit = makeLong("send");
    const gains = new Float64Array(33);
    gains[5] = 9;
    const readings = { lineGains: new Map([[unit.id, gains]]), blocks: new Map() };
    const [kept] = compressors.knapsack(request([unit], 150, { readings })).kept;
    assert.ok(kept?.lines.includes(6), kept?.text);
    assert.ok(!compressors.knapsack(request([unit], 150)).kept[0]?.lines.includes(6));
  });
});

describe("the adaptive rate", () => {
  const units = Array.from({ length: 20 }, (_, at) => makeLong(`unit${String.fromCharCode(97 + at)}`, `other${at}`));
  const spent = (scores: readonly number[], worthMin: number) => {
    const { kept, dropped, tokensSent } = compressors.knapsack({
      ...request(units, 4000, { worthMin }),
      ranked: ranking(units, scores),
    });
    return { kept: kept.length, tokensSent, why: dropped[0]?.why };
  };
  const flat = units.map((_, at) => 5 - at / 100);
  const steep = [50, ...units.slice(1).map((_, at) => 5 - at / 100)];

  test("spends little where one unit stands out, and much where all are as good", () => {
    const few = spent(steep, worthPerThousandTokens.other);
    const many = spent(flat, worthPerThousandTokens.other);
    assert.ok(few.tokensSent < 0.5 * many.tokensSent, `${few.tokensSent} and ${many.tokensSent} tokens`);
    assert.deepEqual(few.why, sentence("not worth its tokens beside the others"));
    assert.ok(few.kept >= 1);
  });

  test("asks more of the tokens where a name is all that is asked for", () => {
    assert.equal(worthAskedOf("Router.handle"), worthPerThousandTokens.name);
    assert.equal(worthAskedOf("how does the router handle requests"), worthPerThousandTokens.other);
  });

  test("spends the whole budget where nothing is asked of the tokens", () => {
    assert.ok(spent(steep, 0).tokensSent > 3500);
  });

  test("does not depend on the scale of the scores", () => {
    const scaled = steep.map((score) => 100 * score - 7);
    assert.deepEqual(spent(scaled, worthPerThousandTokens.other), spent(steep, worthPerThousandTokens.other));
  });

  test("shows the best unit whatever it costs", () => {
    assert.equal(spent(steep, 1000).kept, 1);
  });
});

describe("related units", () => {
  test("are definitions mentioned by the best units that have one place and no rank", () => {
    const unit = (name: string, path: string, calls: readonly string[] = []) =>
      makeUnit({ path, name, signature: `function ${name}()`, text: `function ${name}() {}`, calls });
    const best = unit("send", "a.ts", ["helper", "twice", "receive", "missing"]);
    const receive = unit("receive", "a2.ts");
    const helper = unit("helper", "b.ts");
    const source = memoryUnits([best, receive, helper, unit("twice", "c.ts"), unit("twice", "d.ts")]);
    assert.deepEqual(relatedUnits(ranking([best, receive]), source), [helper]);
    assert.deepEqual(relatedUnits([], source), []);
  });
});

/** Every line costs one nat per character; a text that shares a word with its context is half as surprising. */
const scorer: LineScorer = {
  name: "characters",
  lineLosses: (items) =>
    Promise.resolve(
      items.map(({ context, text }) => {
        const lines = text.split("\n");
        const known = (line: string) => line.split(/\W+/).some((word) => word.length > 3 && context.includes(word));
        return {
          nats: Float64Array.from(lines, (line) => line.length / (known(line) ? 2 : 1)),
          tokens: Float64Array.from(lines, () => 1),
        };
      }),
    ),
};

describe("readings", () => {
  const unit = makeUnit({ path: "a.ts", name: "a", text: "aa\nbb\nretry();\ncc\ndd\nee" });

  test("give each line what the question takes off its surprise", async () => {
    const { lineGains } = await readLineGains({ question: "when to retry", units: [unit], scorer, signal });
    assert.deepEqual([...(lineGains.get(unit.id) ?? [])], [0, 0, 4, 0, 0, 0]);
  });

  test("cut a unit at lines that stand out, and not a short one", () => {
    const losses = (nats: readonly number[]) => ({
      nats: Float64Array.from(nats),
      tokens: Float64Array.from(nats, () => 1),
    });
    assert.deepEqual(spikeBlocks(losses([1, 1, 9, 1, 1, 9])), [
      [0, 1],
      [2, 4],
      [5, 5],
    ]);
    assert.deepEqual(spikeBlocks(losses([1, 9, 1, 9])), [[0, 3]]);
    assert.deepEqual(spikeBlocks(losses([])), []);
  });

  test("value a block by what it takes off the question's perplexity", async () => {
    const { blocks } = await readBlocks({ question: "retry", units: [unit], scorer, signal });
    const found = blocks.get(unit.id) ?? [];
    assert.deepEqual(
      found.map(({ first, last }) => [first, last]),
      [
        [0, 1],
        [2, 5],
      ],
    );
    assert.equal(found[0]?.value, 0);
    assert.ok((found[1]?.value ?? 0) > 0);
  });
});

describe("LongCodeZip's stage", () => {
  test("chooses the most valuable blocks that fit, exactly, and none that is worth nothing", () => {
    const block = (first: number, value: number) => ({ first, last: first, value });
    const chosen = (values: readonly number[], costs: readonly number[], budget: number) =>
      knapsack(
        values.map((value, at) => block(at, value)),
        costs,
        budget,
      ).map(({ first }) => first);
    // The best per token does not belong to the best choice.
    assert.deepEqual(chosen([6, 5, 5], [5, 5, 5], 10), [0, 1]);
    assert.deepEqual(chosen([7, 5, 5], [6, 5, 5], 10), [1, 2]);
    assert.deepEqual(chosen([-1, 0, 2], [1, 1, 1], 10), [2]);
    assert.deepEqual(chosen([1], [3], 2), []);
    const many = Array.from({ length: 120 }, (_, at) => at + 1);
    assert.deepEqual(
      chosen(
        many,
        many.map(() => 1),
        2,
      ),
      [118, 119],
    );
  });

  test("keeps blocks that help the question, within the budget", async () => {
    const units = [makeLong("send"), makeLong("receive")];
    const readings = await readBlocks({ question: "retry the request", units, scorer, signal });
    const { kept, tokensSent } = compressors.longcodezip(request(units, 300, { readings }));
    assert.ok(tokensSent <= 300 && kept.length > 0);
    assert.ok(kept.some(({ fidelity }) => fidelity === "pruned"));
  });
});
