import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gatherSignals, likelihoodUnitsMax, orderSignals, rankers } from "../../extension/pipeline/rank.ts";
import { fusedWeights } from "../../extension/pipeline/rankWeights.ts";
import type { LikelihoodScorer, RankTools, StaticEncoder } from "../../extension/pipeline/ports.ts";
import { streamWords } from "../../extension/pipeline/scorerText.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { english } from "../../extension/protocol/sentence.ts";
import { type RankerName, rankerNames } from "../../extension/protocol/settings.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";
import { makeUnit, memoryUnits } from "../support/memoryUnits.ts";

/** Two dimensions: how much a text is about the network, and how much about drawing. */
const topics: Readonly<Record<string, readonly [number, number]>> = {
  retry: [1, 0],
  backoff: [1, 0],
  socket: [1, 0],
  request: [1, 0],
  resend: [1, 0],
  paint: [0, 1],
  color: [0, 1],
  canvas: [0, 1],
};
const encoder: StaticEncoder = {
  dimensions: 2,
  encodeQuestion: (question) => encode(question),
  encodeUnit: (unit) => encode(`${unit.path} ${unit.qualifiedName} ${unit.doc} ${unit.text}`),
};

function encode(text: string): Float32Array | null {
  const sum = new Float32Array(2);
  for (const word of streamWords(text)) {
    const [network, drawing] = topics[word] ?? [0, 0];
    sum[0] = (sum[0] ?? 0) + network;
    sum[1] = (sum[1] ?? 0) + drawing;
  }
  const length = Math.hypot(sum[0] ?? 0, sum[1] ?? 0);
  return length === 0 ? null : sum.map((value) => value / length);
}

const units: readonly Unit[] = [
  makeUnit({
    path: "src/http/retryPolicy.ts",
    name: "RetryPolicy",
    kind: "class",
    text: "class RetryPolicy {\n  delay(): number;\n}",
    doc: "Decides when a failed request is sent again.",
  }),
  makeUnit({
    path: "src/http/retryPolicy.ts",
    ordinal: 1,
    name: "delay",
    qualifiedName: "RetryPolicy.delay",
    kind: "method",
    startLine: 5,
    text: "delay() { return base * 2 ** attempt; }",
    doc: "Exponential backoff.",
  }),
  makeUnit({
    path: "src/http/client.ts",
    name: "send",
    qualifiedName: "Client.send",
    text: "send(request) { return retry(() => socket.write(request), new RetryPolicy()); }",
    calls: ["RetryPolicy", "openSocket"],
  }),
  makeUnit({
    path: "src/http/socket.ts",
    name: "openSocket",
    text: "function openSocket(host) { return connect(host); }",
  }),
  makeUnit({ path: "src/ui/canvas.ts", name: "paint", text: "function paint(color) { canvas.fill(color); }" }),
  makeUnit({ path: "src/ui/delay.ts", name: "delay", text: "function delay(ms) { return wait(ms); }" }),
  makeUnit({
    path: "test/http/retryPolicy.test.ts",
    name: "retry policy retries",
    text: "it('retries', () => { new RetryPolicy().delay(); retry(retry, retry); });",
  }),
];

/** Three tokens of equal weight, each of which a unit makes likelier by so many nats. */
function scorerOf(
  nats: (unit: Unit) => number,
  read: (units: readonly Unit[], signal: AbortSignal) => void = () => {},
) {
  const scorer: LikelihoodScorer = {
    name: "by name",
    gains(_question, chosen, signal) {
      read(chosen, signal);
      return Promise.resolve({
        tokens: [" retry", " request", ""],
        base: new Float64Array(3).fill(-9),
        given: chosen.map((unit) => new Float64Array(3).fill(-9 + nats(unit))),
      });
    },
  };
  return scorer;
}

const likelihood = scorerOf((unit) => (unit.name === "paint" ? 3 : -1));

function tools(over: Partial<RankTools> = {}): RankTools {
  return {
    source: memoryUnits(units, encoder),
    encoder,
    likelihood: null,
    signal: new AbortController().signal,
    ...over,
  };
}

async function ids(ranker: RankerName, question: string, over: Partial<RankTools> = {}, root = ""): Promise<string[]> {
  const { ranked } = await rankers[ranker]({ question, purpose: "list", top: 20, root }, tools(over));
  return ranked.map(({ unit }) => unit.id);
}

describe("every ranker", () => {
  for (const name of rankerNames) {
    test(`${name} gives the same ranking twice, without repetitions, best first, each with a reason`, async () => {
      const request = { question: "how are failed requests retried", purpose: "list" as const, top: 20, root: "" };
      const first = await rankers[name](request, tools({ likelihood }));
      const second = await rankers[name](request, tools({ likelihood }));
      assert.deepEqual(first, second);
      assert.ok(first.ranked.length > 0);
      assert.equal(new Set(first.ranked.map(({ unit }) => unit.id)).size, first.ranked.length);
      first.ranked.forEach(({ score, reasons }, place) => {
        assert.ok(Number.isFinite(score));
        assert.ok(score <= (first.ranked[place - 1]?.score ?? Number.POSITIVE_INFINITY));
        assert.ok(reasons.length > 0 && reasons.every((reason) => english(reason) !== ""));
      });
      assert.ok(first.candidates >= first.ranked.length);
    });

    test(`${name} returns at most what was asked for, from below the root only`, async () => {
      const all = await ids(name, "retry policy delay", {}, "src/http");
      assert.ok(all.length > 0 && all.every((id) => id.startsWith("src/http/")), all.join(" "));
      const { ranked } = await rankers[name](
        { question: "retry policy delay", purpose: "list", top: 1, root: "" },
        tools(),
      );
      assert.equal(ranked.length, 1);
    });

    test(`${name} refuses an empty question`, async () => {
      await assert.rejects(
        rankers[name]({ question: " \n", purpose: "list", top: 5, root: "" }, tools()),
        (error) => error instanceof Failure && error.code === "questionEmpty",
      );
    });

    test(`${name} finds nothing in an empty index and nothing for signs without words`, async () => {
      assert.deepEqual(await ids(name, "retry", { source: memoryUnits([], encoder) }), []);
      assert.deepEqual(await ids(name, "?!"), []);
    });

    test(`${name} does without an encoder and says nothing of it`, async () => {
      const { ranked } = await rankers[name](
        { question: "retry policy", purpose: "list", top: 20, root: "" },
        tools({ encoder: null, source: memoryUnits(units) }),
      );
      assert.ok(ranked.length > 0);
      for (const { reasons } of ranked) assert.doesNotMatch(reasons.map(english).join(" "), /meaning|nats/);
    });
  }

  test("that reads units does so in one call", async () => {
    for (const name of rankerNames) {
      const source = memoryUnits(units, encoder);
      await rankers[name](
        { question: "retry policy in client.ts", purpose: "list", top: 20, root: "" },
        tools({ source, likelihood }),
      );
      assert.equal(source.fetches(), 1, name);
    }
  });

  test("stops when aborted", async () => {
    const controller = new AbortController();
    controller.abort();
    await assert.rejects(ids("fused", "retry", { signal: controller.signal }), { name: "AbortError" });
  });
});

describe("the lexical ranking", () => {
  test("puts the definition of a named type first", async () => {
    assert.equal((await ids("lexical", "RetryPolicy"))[0], "src/http/retryPolicy.ts#0");
  });

  test("knows a name spelled as prose", async () => {
    assert.equal((await ids("lexical", "where is the retry policy"))[0], "src/http/retryPolicy.ts#0");
  });

  test("prefers the qualified definition to others of the same name", async () => {
    assert.equal((await ids("lexical", "RetryPolicy.delay"))[0], "src/http/retryPolicy.ts#1");
  });

  test("follows a path in the question", async () => {
    const { ranked } = await rankers.lexical(
      { question: "what happens in ui/delay.ts", purpose: "list", top: 1, root: "" },
      tools(),
    );
    assert.equal(ranked[0]?.unit.id, "src/ui/delay.ts#0");
    assertReason(ranked[0], "the question names `ui/delay.ts`");
  });

  test("finds the function at the line of a stack trace from another machine", async () => {
    const question = "what is wrong?\nTypeError: x is undefined\n    at /build/7/src/http/retryPolicy.ts:5:11";
    const { ranked } = await rankers.lexical({ question, purpose: "list", top: 1, root: "" }, tools());
    assert.equal(ranked[0]?.unit.id, "src/http/retryPolicy.ts#1");
    assertReason(ranked[0], "the question names line 5");
  });

  test("puts callers before the definition where callers are asked for", async () => {
    const first = async (question: string) => (await ids("lexical", question))[0];
    assert.equal(await first("where is openSocket called"), "src/http/client.ts#0");
    assert.equal(await first("where is openSocket defined"), "src/http/socket.ts#0");
  });

  test("puts tests behind the program unless the question wants them", async () => {
    const usual = await ids("lexical", "retry policy retries");
    assert.notEqual(usual[0], "test/http/retryPolicy.test.ts#0");
    const wanted = await ids("lexical", "tests of the retry policy retries");
    assert.equal(wanted[0], "test/http/retryPolicy.test.ts#0");
  });

  test("puts the program before a test of the same words and before an example", async () => {
    const text = "reconnect the socket";
    const same = [
      makeUnit({ path: "examples/a.ts", name: "one", text }),
      makeUnit({ path: "lib/b.ts", name: "two", text }),
      makeUnit({ path: "lib/a.test.ts", name: "three", text }),
    ];
    assert.equal((await ids("lexical", "reconnect", { source: memoryUnits(same) }))[0], "lib/b.ts#0");
  });

  test("lets the qualifying part decide between definitions of one name", async () => {
    const same = ["Button", "Client", "Dialog"].map((owner) =>
      makeUnit({ path: `${owner}.ts`, name: "open", qualifiedName: `${owner}.open`, text: "open() { Client(); }" }),
    );
    const elsewhere = same.map((unit) => ({ ...unit, path: "src/x.ts", id: `src/x.ts#${unit.path}` }));
    const { ranked } = await rankers.lexical(
      { question: "Client.open", purpose: "list", top: 3, root: "" },
      tools({ source: memoryUnits(elsewhere), encoder: null }),
    );
    assert.equal(ranked[0]?.unit.qualifiedName, "Client.open");
    assert.ok(ranked[0].score > (ranked[1]?.score ?? 0));
  });

  test("brings in what the best units refer to, and says who uses it", async () => {
    const { ranked } = await rankers.lexical(
      { question: "how does the client send", purpose: "list", top: 20, root: "" },
      tools(),
    );
    const policy = ranked.find(({ unit }) => unit.id === "src/http/socket.ts#0");
    assertReason(policy, "used by `Client.send`");
  });

  test("does not follow references out of the root", async () => {
    const source = memoryUnits([
      makeUnit({ path: "a/x.ts", name: "start", text: "start() { stop(); }", calls: ["halt"] }),
      makeUnit({ path: "b/y.ts", name: "halt", text: "halt() {}" }),
    ]);
    assert.deepEqual(await ids("lexical", "start", { source }, "a"), ["a/x.ts#0"]);
    assert.deepEqual(await ids("lexical", "start", { source }), ["a/x.ts#0", "b/y.ts#0"]);
  });

  test("finds other forms of a word", async () => {
    assert.ok((await ids("lexical", "retrying")).includes("src/http/client.ts#0"));
  });
});

describe("the other signals", () => {
  test("closeness of meaning finds units that share no word with the question", async () => {
    const { ranked } = await rankers.static({ question: "resend", purpose: "list", top: 20, root: "" }, tools());
    assertReason(ranked[0], "meaning is close (1.00)");
    assert.ok(ranked.findIndex(({ unit }) => unit.name === "paint") > 1);
  });

  test("the likelihood alone orders what it has read", async () => {
    const { ranked } = await rankers.likelihood(
      { question: "retry request", purpose: "list", top: 20, root: "" },
      tools({ likelihood }),
    );
    assert.equal(ranked[0]?.unit.name, "paint");
    assertReason(ranked[0], "question is 9.0 nats likelier given this code");
  });

  test("the likelihood does not take the first place from an exact definition", async () => {
    const signals = gatherSignals({ question: "RetryPolicy", purpose: "list", top: 20, root: "" }, tools());
    const weights = { features: fusedWeights, likelihood: 0.2 };
    const { ranked } = await orderSignals(signals, weights, tools({ likelihood }));
    assert.equal(ranked[0]?.unit.id, "src/http/retryPolicy.ts#0");
  });

  test("tells the order without the likelihood before it is computed", async () => {
    const told: string[][] = [];
    const read: number[] = [];
    const scorer = scorerOf(
      () => 0,
      (chosen) => read.push(told.length, chosen.length),
    );
    const onProvisional = (ranked: readonly RankedUnit[]) => told.push(ranked.map(({ unit }) => unit.id));
    await ids("likelihood", "retry request", { likelihood: scorer, onProvisional });
    assert.equal(read[0], 1);
    assert.deepEqual(told, [await ids("fused", "retry request")]);
  });

  test("an exact definition stays before what is closer in meaning", async () => {
    const named = makeUnit({ path: "src/z.ts", name: "retrySocket", text: "retrySocket() { paint(color, canvas); }" });
    const close = Array.from({ length: 9 }, (_, number) =>
      makeUnit({ path: `src/socket${number}.ts`, name: `socket${number}`, text: "retry socket backoff ".repeat(5) }),
    );
    const source = memoryUnits([...close, named], encoder);
    assert.equal((await ids("fused", "retrySocket with backoff on a socket", { source }))[0], "src/z.ts#0");
  });

  test("the likelihood reads a bounded number of units and gets the signal", async () => {
    const many = Array.from({ length: 200 }, (_, number) =>
      makeUnit({ path: `src/f${number}.ts`, name: `retry${number}`, text: `retry request ${number}` }),
    );
    const { signal } = new AbortController();
    let read = 0;
    const counting = scorerOf(
      () => 0,
      (chosen, given) => {
        assert.equal(given, signal);
        read = chosen.length;
      },
    );
    const over = { source: memoryUnits(many, encoder), likelihood: counting, signal };
    const signals = gatherSignals({ question: "retry request", purpose: "list", top: 20, root: "" }, tools(over));
    await orderSignals(signals, { features: fusedWeights, likelihood: 0.2 }, tools(over));
    assert.equal(read, likelihoodUnitsMax.fused);
    await ids("likelihood", "retry request", over);
    assert.equal(read, likelihoodUnitsMax.alone);
  });

  test("a failing likelihood fails the ranking", async () => {
    const failing: LikelihoodScorer = { name: "broken", gains: () => Promise.reject(new Failure("nativeFailed")) };
    await assert.rejects(ids("likelihood", "retry", { likelihood: failing }), { code: "nativeFailed" });
  });

  test("a prompt gets the functions of one file where these are what is asked for", async () => {
    const source = memoryUnits([
      ...Array.from({ length: 3 }, (_, ordinal) =>
        makeUnit({ path: "src/one.ts", ordinal, name: `retry${ordinal}`, text: "retry the request with backoff" }),
      ),
      makeUnit({ path: "src/two.ts", name: "other", text: "retry the request, once more" }),
    ]);
    const order = async (purpose: "list" | "prompt") => {
      const request = { question: "retry request backoff", purpose, top: 9, root: "" };
      return (await rankers.lexical(request, tools({ source }))).ranked.map(({ unit }) => unit.path);
    };
    assert.deepEqual(await order("list"), ["src/one.ts", "src/two.ts", "src/one.ts", "src/one.ts"]);
    assert.deepEqual(await order("prompt"), ["src/one.ts", "src/one.ts", "src/one.ts", "src/two.ts"]);
  });

  test("further units of one file make room for other files", async () => {
    const crowded = [
      ...Array.from({ length: 6 }, (_, ordinal) =>
        makeUnit({ path: "src/one.ts", ordinal, name: `step${ordinal}`, text: "retry the request with backoff" }),
      ),
      makeUnit({ path: "src/two.ts", name: "again", text: "retry the request with backoff, later" }),
      makeUnit({ path: "src/three.ts", name: "other", text: "the request" }),
    ];
    const order = await ids("lexical", "retry request backoff", { source: memoryUnits(crowded) });
    assert.ok(order.indexOf("src/two.ts#0") < order.indexOf("src/one.ts#5"), order.join(" "));
  });
});

function assertReason(ranked: RankedUnit | undefined, reason: string): void {
  const reasons = ranked?.reasons.map(english) ?? [];
  assert.ok(reasons.includes(reason), reasons.join());
}
