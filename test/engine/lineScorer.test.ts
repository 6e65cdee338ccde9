import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { openCodeModel, type OpenedCodeModel } from "../../extension/engine/codeModel.ts";
import { openLineScorer, type OpenedLineScorer } from "../../extension/engine/lineScorer.ts";
import { openLlama } from "../../extension/engine/llama.ts";

const root = path.resolve(import.meta.dirname, "../..");
const { signal } = new AbortController();
let code: OpenedCodeModel;
let scorer: OpenedLineScorer;

before(async () => {
  code = await openCodeModel({ llama: await openLlama({ root, device: "cpu" }), root });
  scorer = await openLineScorer(code.model);
});
after(async () => {
  await scorer.close();
  await code.close();
});

const text = "def add(first, second):\n    return first + second\n\nadd(1, 2)";

test("every token of a text is in one of its lines", async () => {
  const [losses] = await scorer.lineLosses([{ context: "", text }], signal);
  assert.equal(losses?.nats.length, 4);
  const tokens = code.model.tokenize(`${text}\n`, { special: false }).length;
  assert.equal(
    losses.tokens.reduce((sum, count) => sum + count, 0),
    tokens,
  );
  for (const nats of losses.nats) assert.ok(nats >= 0);
});

test("the same text has the same losses again, whatever was read between", async () => {
  const item = { context: "x = 1\n", text };
  const [first] = await scorer.lineLosses([item], signal);
  const [, second] = await scorer.lineLosses([{ context: "something else\n", text: "y" }, item], signal);
  assert.deepEqual(second, first);
});

test("a line that the context holds is less surprising than without", async () => {
  const rare = "quixotic_zebra = frobnicate(wibble, wobble)";
  const [without, within] = await scorer.lineLosses(
    [
      { context: "", text: rare },
      { context: `${rare}\n`.repeat(8), text: rare },
    ],
    signal,
  );
  assert.ok((within?.nats[0] ?? 0) < (without?.nats[0] ?? 0), `${within?.nats[0]} and ${without?.nats[0]}`);
});

test("texts longer than what is read at once are scored to their end, and long contexts lose their beginning", async () => {
  const long = Array.from({ length: 110 }, (_, at) => `value_${at} = compute(${at})`).join("\n");
  const [losses] = await scorer.lineLosses([{ context: long, text: long }], signal);
  assert.equal(losses?.nats.length, 110);
  assert.ok(losses.nats.every((nats) => nats > 0 && Number.isFinite(nats)));
});

test("an empty line costs its line end", async () => {
  const [losses] = await scorer.lineLosses([{ context: "a\n", text: "" }], signal);
  assert.equal(losses?.tokens[0], 1);
});

test("an aborted question stops, and the next one is answered", async () => {
  await assert.rejects(scorer.lineLosses([{ context: "", text: "z = 1" }], AbortSignal.abort()), { code: "cancelled" });
  assert.equal((await scorer.lineLosses([{ context: "", text: "z = 1" }], signal)).length, 1);
});
