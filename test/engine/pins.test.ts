/** Pins, drops and shares, through the engine and a real index. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { Engine } from "../../extension/engine/engine.ts";
import { budgetView } from "../../extension/host/budgetView.ts";
import { contextChildren, contextRoots } from "../../extension/host/contextNodes.ts";
import { takenOut } from "../../extension/pipeline/pinnedCode.ts";
import { protocolVersion } from "../../extension/protocol/engine.ts";
import type { ContextParams } from "../../extension/protocol/engine.ts";
import { english } from "../../extension/protocol/sentence.ts";
import type { Prompt } from "../../extension/protocol/units.ts";
import { root } from "../support/indexes.ts";
import { runPrecis, writeExampleRepository } from "../support/terminalProgram.ts";

const never = new AbortController().signal;
const question = "How does withRetries try a failed request again?";
const withRetries = { path: "src/retry.ts", qualifiedName: "withRetries" };
let folder = "";
let repository = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-pins-"));
  repository = join(folder, "repository");
  await writeExampleRepository(repository);
  await writeFile(join(repository, ".env"), "PASSWORD=made-up\n");
});
after(() => rm(folder, { recursive: true, force: true }));

test("a pinned place is sent whatever its rank, whole files as all of their units", async (t) => {
  const engine = await openEngine(t, {});
  const pinned = [
    { path: "tools/cache.py", startLine: 13, endLine: 14, why: "pinned" },
    { path: "src/clock.ts", startLine: 0, endLine: 0, why: "mentioned" },
  ] as const;
  const prompt = await context(engine, { pinned });
  assert.deepEqual(namesIn(prompt, "pinned").sort(), ["AnswerCache.lookup", "sleepMs"]);
  assert.ok(namesIn(prompt, "retrieved").includes("withRetries"));
  assertAddsUp(prompt);
});

test("places that are not in the index are told with the reason, and a secret stays out", async (t) => {
  const engine = await openEngine(t, {});
  const pinned = [
    { path: ".env", startLine: 0, endLine: 0, why: "pinned" },
    { path: "src/clock.ts", startLine: 400, endLine: 410, why: "pinned" },
  ] as const;
  const prompt = await context(engine, { pinned });
  assert.deepEqual(
    prompt.dropped.slice(0, 2).map(({ unit, why }) => [unit.path, english(why)]),
    [
      [".env", "the file is not indexed, so it cannot be sent"],
      ["src/clock.ts", "no code stands at these lines"],
    ],
  );
  assert.ok(!prompt.pieces.some(({ text }) => text.includes("made-up")));
  assertAddsUp(prompt);
});

test("a unit that was taken out is in no share, unless it is pinned", async (t) => {
  const engine = await openEngine(t, {});
  const openFile = "src/retry.ts";
  const out = await context(engine, { dropped: [withRetries], openFile });
  assert.ok(!out.pieces.some(({ unit, text }) => unit?.name === "withRetries" || text.includes("let delayMs")));
  assert.deepEqual(out.dropped.find(({ unit }) => unit.name === "withRetries")?.why, takenOut);
  assertAddsUp(out);
  const pinned = [
    { path: "src/retry.ts", startLine: 90, endLine: 99, why: "pinned", qualifiedName: "withRetries" },
  ] as const;
  const back = await context(engine, { dropped: [withRetries], openFile, pinned });
  assert.deepEqual(namesIn(back, "pinned"), ["withRetries"]);
});

test("without a model, the answer shows nothing that was taken out", async (t) => {
  const engine = await openEngine(t, {});
  const asked = { askId: "1", question };
  const whole = await engine.handle("ask", asked, never);
  assert.match(whole.text, /let delayMs/);
  const without = await engine.handle("ask", { ...asked, askId: "2", dropped: [withRetries] }, never);
  assert.doesNotMatch(without.text, /let delayMs/);
  assert.ok(!without.citations.some(({ name }) => name === "withRetries"));
});

test("the pieces that the Context view shows add up to what the engine counted, in every share", async (t) => {
  const engine = await openEngine(t, {});
  const prompt = await context(engine, {
    openFile: "src/client.ts",
    pinned: [{ path: "tools/cache.py", startLine: 0, endLine: 0, why: "pinned" }],
    dropped: [{ path: "src/clock.ts", qualifiedName: "sleepMs" }],
    history: [{ question: "Which policy is used?", answer: "The one given to the client." }],
  });
  const roots = contextRoots({ prompt, skipped: [], choices: { pinned: [], dropped: [] } });
  const shown = roots
    .flatMap(contextChildren)
    .reduce((sum, node) => sum + (node.kind === "piece" ? node.piece.tokensSent : 0), 0);
  assert.equal(shown, prompt.tokensSent);
  const kinds = roots.map((root) => (root.kind === "share" ? root.share : root.kind));
  assert.deepEqual(kinds.slice(0, 7), ["system", "pinned", "openFile", "retrieved", "history", "question", "template"]);
  const bar = budgetView(prompt, false).shares.reduce((sum, { tokens }) => sum + tokens, 0);
  assert.equal(bar, prompt.budgetTokens);
});

test("the shares of the settings are obeyed from the next question on", async (t) => {
  const engine = await openEngine(t, {});
  const history = [{ question: "Which policy is used?", answer: "The one given to the client. ".repeat(40) }];
  const asked = { openFile: "src/client.ts", history, budgetTokens: 900 };
  await engine.handle("configure", { "budget.openFilePercent": 45, "budget.historyPercent": 0 }, never);
  const open = await context(engine, asked);
  assert.ok(tokensIn(open, "openFile") > 0);
  await engine.handle("configure", { "budget.openFilePercent": 0, "budget.historyPercent": 45 }, never);
  const talk = await context(engine, asked);
  assert.equal(tokensIn(talk, "openFile"), 0);
  assert.ok(tokensIn(talk, "history") > tokensIn(open, "history"));
  const turns = talk.pieces.filter(({ share, fidelity }) => share === "history" && fidelity !== undefined);
  assert.deepEqual(
    turns.map(({ fidelity }) => fidelity),
    ["pruned"],
  );
});

test("the terminal pins and drops, too, and refuses what it does not understand", async () => {
  const args = ["context", question, "--repo", repository, "--storage", join(folder, "cli"), "--json"];
  const pin = ["--pin", "tools/cache.py:13-14", "--pin", "src/clock.ts"];
  const { code, stdout } = await runPrecis([...args, ...pin, "--drop", "src/retry.ts#withRetries"]);
  assert.equal(code, 0);
  const { prompt } = JSON.parse(stdout) as { prompt: Prompt };
  assert.deepEqual(namesIn(prompt, "pinned").sort(), ["AnswerCache.lookup", "sleepMs"]);
  const dropped = prompt.dropped.find(({ unit }) => unit.name === "withRetries");
  // What is a sentence for the engine is a text in JSON for people.
  assert.equal(dropped?.why, english(takenOut));
  assert.equal((await runPrecis([...args, "--drop", "withRetries"])).code, 2);
});

async function openEngine(t: TestContext, settings: Readonly<Record<string, unknown>>): Promise<Engine> {
  const storageFolder = await mkdtemp(join(folder, "storage-"));
  const engine = new Engine({ root, version: "test", emit: () => undefined, onHello: () => undefined });
  t.after(() => engine.close());
  await engine.handle("hello", { protocolVersion, storageFolder, parentPid: process.pid }, never);
  await engine.handle("configure", { "engine.device": "cpu", "engine.threads": 1, ...settings }, never);
  await engine.handle("openWorkspace", { folder: repository, excludeGlobs: [] }, never);
  return engine;
}

async function context(engine: Engine, params: Partial<ContextParams>): Promise<Prompt> {
  const result = await engine.handle("context", { question, ...params }, never);
  return result.prompt;
}

function namesIn(prompt: Prompt, share: string): string[] {
  return prompt.pieces.flatMap((piece) => (piece.share === share ? (piece.unit?.qualifiedName ?? []) : []));
}

function tokensIn(prompt: Prompt, share: string): number {
  return prompt.pieces.reduce((sum, piece) => sum + (piece.share === share ? piece.tokensSent : 0), 0);
}

function assertAddsUp({ pieces, tokensSent, budgetTokens, answerReserveTokens }: Prompt): void {
  assert.equal(
    pieces.reduce((sum, piece) => sum + piece.tokensSent, 0),
    tokensSent,
  );
  assert.ok(tokensSent <= budgetTokens - answerReserveTokens);
}
