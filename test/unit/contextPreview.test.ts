import assert from "node:assert/strict";
import { test } from "node:test";
import { ContextPreview } from "../../extension/host/contextPreview.ts";
import type { ContextParams, ContextResult } from "../../extension/protocol/engine.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { promptOf } from "../support/prompts.ts";

function setUp(lastQuestion: string | null = null) {
  const asked: { params: ContextParams; signal: AbortSignal; answer: PromiseWithResolvers<ContextResult> }[] = [];
  const waits: PromiseWithResolvers<undefined>[] = [];
  const preview = new ContextPreview({
    client: {
      request: (_: unknown, params: unknown, options?: { signal?: AbortSignal }) => {
        const answer = Promise.withResolvers<ContextResult>();
        const signal = options?.signal ?? new AbortController().signal;
        asked.push({ params: params as ContextParams, signal, answer });
        return answer.promise;
      },
    },
    prepare: () => Promise.resolve(),
    contextParams: (question) => Promise.resolve({ question, pinned: [] }),
    lastQuestion: () => lastQuestion,
    wait: (_, signal) => {
      const wait = Promise.withResolvers<undefined>();
      signal.addEventListener("abort", () => {
        wait.reject(new Failure("cancelled"));
      });
      waits.push(wait);
      return wait.promise;
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { preview, asked, waits, turn };
}

function result(question: string): ContextResult {
  return { prompt: promptOf([{ share: "question", tokensSent: 5 }], { question }), promptText: "" };
}

test("a preview shows the prompt that a question would get, until it ends", async () => {
  const { preview, asked, turn } = setUp();
  const heard: string[] = [];
  preview.onChanged(() => heard.push(`${preview.isShown} ${preview.isRunning} ${preview.prompt?.question ?? "-"}`));
  const shown = preview.show("why?");
  await turn();
  asked[0]?.answer.resolve(result("why?"));
  await shown;
  preview.end();
  assert.deepEqual(heard, ["true true -", "true false why?", "false false -"]);
});

test("without a question it is about the one before, the one asked last, or a sample", async () => {
  const { preview, asked, turn } = setUp("asked last");
  void preview.show(" ");
  await turn();
  void preview.show("typed");
  await turn();
  void preview.show("");
  await turn();
  assert.deepEqual(
    asked.map(({ params }) => params.question),
    ["asked last", "typed", "typed"],
  );
  const fresh = setUp();
  void fresh.preview.show("");
  await fresh.turn();
  assert.match(fresh.asked[0]?.params.question ?? "", /\?$/);
});

test("a newer preview takes the place of the one before, whose result comes too late", async () => {
  const { preview, asked, turn } = setUp();
  const first = preview.show("first");
  await turn();
  const second = preview.show("second");
  await turn();
  assert.deepEqual(
    asked.map(({ signal }) => signal.aborted),
    [true, false],
  );
  asked[1]?.answer.resolve(result("second"));
  await second;
  asked[0]?.answer.resolve(result("first"));
  await first;
  assert.equal(preview.prompt?.question, "second");
});

test("while a setting is typed only the last value is looked at", async () => {
  const { preview, asked, waits, turn } = setUp("last");
  void preview.showSoon();
  void preview.showSoon();
  const third = preview.showSoon();
  await turn();
  assert.deepEqual([waits.length, asked.length], [3, 0]);
  waits[2]?.resolve(undefined);
  await turn();
  assert.equal(asked.length, 1);
  asked[0]?.answer.resolve(result("last"));
  await third;
  assert.equal(preview.prompt?.question, "last");
});

test("a preview that fails says why and keeps what was there; one that was ended says nothing", async () => {
  const { preview, asked, turn } = setUp();
  const first = preview.show("why?");
  await turn();
  asked[0]?.answer.resolve(result("why?"));
  await first;
  const second = preview.show("why?");
  await turn();
  asked[1]?.answer.reject(new Failure("budgetTooSmall"));
  await second;
  assert.deepEqual([preview.failure?.code, preview.prompt?.question], ["budgetTooSmall", "why?"]);
  const third = preview.show("why?");
  await turn();
  preview.end();
  asked[2]?.answer.reject(new Failure("cancelled"));
  await third;
  assert.deepEqual([preview.failure, preview.prompt, preview.isShown], [null, null, false]);
});
