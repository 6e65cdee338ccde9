import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { chooseBudget } from "../../extension/engine/budget.ts";
import { Engine } from "../../extension/engine/engine.ts";
import { WorkspaceIndex } from "../../extension/engine/index.ts";
import { placeFinder } from "../../extension/engine/places.ts";
import { protocolVersion } from "../../extension/protocol/engine.ts";
import type { ContextParams, EngineEvent } from "../../extension/protocol/engine.ts";
import { english } from "../../extension/protocol/sentence.ts";
import type { Answer, Prompt } from "../../extension/protocol/units.ts";
import { failureOf } from "../support/engineClients.ts";
import { writeTestModel } from "../support/testModels.ts";
import { writeExampleRepository } from "../support/terminalProgram.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const never = new AbortController().signal;
let folder = "";
let repository = "";
let model = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-answer-"));
  repository = join(folder, "repository");
  model = join(folder, "model.gguf");
  await writeExampleRepository(repository);
  await writeTestModel({ file: model, architecture: "qwen2" });
});
after(() => rm(folder, { recursive: true, force: true }));

for (const event of ["indexProgress", "unitsRanked", "promptReady", "readProgress", "answerDelta"] as const) {
  test(`an ask cancelled at its first ${event} resolves with what there is`, async (t) => {
    const { answer, events } = await askUntil(t, event);
    assert.equal(answer.stopReason, "cancelled");
    const hadPrompt = events.includes("promptReady");
    assert.equal(answer.prompt.pieces.length > 0, hadPrompt);
    assert.equal(answer.text !== "", event === "answerDelta");
    const stages = ["unitsRanked", "promptReady", "answerDelta"] as const;
    for (const later of stages.slice(stages.findIndex((stage) => stage === event) + 1)) {
      if (event !== "indexProgress" && event !== "readProgress") assert.ok(!events.includes(later), later);
    }
  });
}

test("after a cancelled ask the same engine answers", async (t) => {
  const { engine } = await askUntil(t, "answerDelta");
  const params = { askId: "again", question: "Where are answers stored?", maxTokens: 3 };
  const answer = await engine.handle("ask", params, never);
  assert.notEqual(answer.stopReason, "cancelled");
  assert.ok(answer.figures.tokensReused > 0);
});

test("an assistant that is not there fails before the folder is indexed", async (t) => {
  const { engine, events } = await openEngine(t, { "model.assistant": join(folder, "missing.gguf") });
  const asked = engine.handle("ask", { askId: "1", question: "Where is the cache?" }, never);
  assert.equal((await failureOf(asked)).code, "modelMissing");
  assert.deepEqual(events, []);
});

test("a follow-up is ranked with what it follows, and the answer before it is in the prompt", async (t) => {
  const { engine } = await openEngine(t, {});
  const history = [{ question: "How does withRetries try a failed request again?", answer: "Three times." }];
  const retrieved = async (params: ContextParams) => {
    const { prompt } = await engine.handle("context", params, never);
    const history = prompt.pieces.filter(({ share }) => share === "history").map(({ text }) => text);
    return { history: history.join(""), reasons: prompt.pieces.flatMap(({ reasons }) => reasons.map(english)) };
  };
  const followUp = await retrieved({ question: "and why?", history });
  assert.ok(followUp.reasons.includes("defines `withRetries`"), followUp.reasons.join());
  assert.match(followUp.history, /Three times\./);
  const alone = await retrieved({ question: "and why?" });
  assert.ok(!alone.reasons.includes("defines `withRetries`"), alone.reasons.join());
  assert.equal(alone.history, "");
});

test("the budget is the question's, else the settings', else the machine's, within the model's window", () => {
  const choose = (asked: number, settings: number, windowTokens: number | null, device: "cpu" | "cuda"): number =>
    chooseBudget({
      askedTokens: asked,
      settingsTokens: settings,
      askedAnswerTokens: 0,
      settingsAnswerTokens: 1_024,
      windowTokens,
      device,
    }).budgetTokens;
  assert.equal(choose(900, 2_000, null, "cpu"), 900);
  assert.equal(choose(0, 2_000, null, "cpu"), 2_000);
  assert.equal(choose(0, 0, null, "cpu"), 4_096);
  assert.equal(choose(0, 0, 32_768, "cuda"), 16_384);
  assert.equal(choose(0, 0, 12_000, "cuda"), 8_192);
  assert.equal(choose(0, 0, 2_048, "cuda"), 2_048);
  assert.equal(choose(60_000, 0, 32_768, "cpu"), 32_768);
});

test("the answer reserves a quarter of the budget at most, half where its length was asked for", () => {
  const reserve = (budget: number, asked: number): number =>
    chooseBudget({
      askedTokens: budget,
      settingsTokens: 0,
      askedAnswerTokens: asked,
      settingsAnswerTokens: 1_024,
      windowTokens: null,
      device: "cpu",
    }).answerReserveTokens;
  assert.equal(reserve(4_096, 0), 1_024);
  assert.equal(reserve(1_000, 0), 250);
  assert.equal(reserve(1_000, 400), 400);
  assert.equal(reserve(1_000, 900), 500);
});

test("places resolve to files and lines that exist, by whole path or by an end that only one path has", async (t) => {
  const index = await WorkspaceIndex.open({ storageFolder: join(folder, "places"), folder: repository, root });
  t.after(() => index.close());
  await index.update({ signal: never, excludeGlobs: [], ignoreGlobs: [], maxFileBytes: 1 << 20, encoder: null });
  const { resolve, resolveName } = placeFinder(index, noPrompt);
  assert.deepEqual(resolve("src/retry.ts", 12, 14), {
    path: "src/retry.ts",
    startLine: 12,
    endLine: 14,
    name: "withRetries",
  });
  assert.equal(resolve("retry.ts", 9, 21)?.path, "src/retry.ts");
  assert.deepEqual(resolve("tools/cache.py", 0, 0), { path: "tools/cache.py", startLine: 1, endLine: 25 });
  assert.equal(resolve("src/retry.ts", 12, 140), null);
  assert.equal(resolve("src/nowhere.ts", 1, 2), null);
  assert.equal(resolveName("HttpClient.getJson")?.startLine, 14);
  assert.equal(resolveName("getJson")?.path, "src/client.ts");
  assert.equal(resolveName("noSuchName"), null);
});

interface OpenedEngine {
  readonly engine: Engine;
  /** Names of the events so far, each once. */
  readonly events: EngineEvent[];
  /** Called with each event's name. */
  onEvent: (event: EngineEvent) => void;
}

async function openEngine(t: TestContext, settings: Readonly<Record<string, unknown>>): Promise<OpenedEngine> {
  const storageFolder = await mkdtemp(join(folder, "storage-"));
  const engine = new Engine({
    root,
    version: "test",
    emit: (event) => {
      if (!opened.events.includes(event)) opened.events.push(event);
      opened.onEvent(event);
    },
    onHello: () => undefined,
  });
  const opened: OpenedEngine = { engine, events: [], onEvent: () => undefined };
  t.after(() => engine.close());
  await engine.handle("hello", { protocolVersion, storageFolder, parentPid: process.pid }, never);
  await engine.handle("configure", { "engine.device": "cpu", ...settings }, never);
  await engine.handle("openWorkspace", { folder: repository, excludeGlobs: [] }, never);
  return opened;
}

async function askUntil(t: TestContext, last: EngineEvent): Promise<OpenedEngine & { answer: Answer }> {
  const opened = await openEngine(t, { "model.assistant": model });
  const abort = new AbortController();
  opened.onEvent = (event) => {
    if (event === last) abort.abort();
  };
  const params = { askId: "1", question: "How does withRetries try a failed request again?", maxTokens: 500 };
  const answer = await opened.engine.handle("ask", params, abort.signal);
  return { ...opened, answer };
}

const noPrompt: Prompt = {
  question: "",
  pieces: [],
  dropped: [],
  budgetTokens: 0,
  answerReserveTokens: 0,
  tokensSent: 0,
  tokensRaw: 0,
  tokenizer: "",
};
