import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { createMessageConnection, ResponseError, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import { EngineClient } from "../../extension/client/engineClient.ts";
import type { EngineClientOptions } from "../../extension/client/engineClient.ts";
import { protocolVersion } from "../../extension/protocol/engine.ts";
import type { AskParams, EngineEvents, FailureData } from "../../extension/protocol/engine.ts";
import { english, sentence } from "../../extension/protocol/sentence.ts";
import type { Answer } from "../../extension/protocol/units.ts";
import { engineArguments, failureOf, pidOf, processEnd, processExists, stateOf } from "../support/engineClients.ts";
import { writeTestModel } from "../support/testModels.ts";
import { writeExampleRepository } from "../support/terminalProgram.ts";

const root = join(import.meta.dirname, "../..");
const question = "How does withRetries try a failed request again?";
let folder = "";
let repository = "";
let model = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-protocol-"));
  repository = join(folder, "repository");
  model = join(folder, "model.gguf");
  await writeExampleRepository(repository);
  // Room for an answer that is still being written when a test wants it to be.
  await writeTestModel({ file: model, architecture: "qwen2", trainedContext: 16_384 });
});
after(() => rm(folder, { recursive: true, force: true }));

test("an engine killed while it answers rejects the ask, and the next engine answers", async (t) => {
  const client = await openClient(t, withModel());
  const writing = nextEvent(client, "answerDelta");
  const asked = ask(client, { maxTokens: 8_000, budgetTokens: 16_384 });
  const failed = failureOf(asked);
  await writing;
  const restarted = stateOf(client, "ready");
  process.kill(pidOf(client), "SIGKILL");
  const failure = await failed;
  assert.equal(failure.code, "engineCrashed");
  assert.match(failure.detail, /SIGKILL/);
  assert.equal((await restarted).after?.code, "engineCrashed");
  const answer = await ask(client, { maxTokens: 4 });
  assert.equal(answer.source, "assistant");
  assert.ok(answer.prompt.pieces.some(({ unit }) => unit?.path === "src/retry.ts"));
});

test("an engine that stops responding is killed, and the next one answers", async (t) => {
  const client = await openClient(t, { heartbeat: { intervalMs: 500, missesAllowed: 20, startTimeoutMs: 60_000 } });
  const restarted = stateOf(client, "ready");
  const pid = pidOf(client);
  process.kill(pid, "SIGSTOP");
  assert.equal((await failureOf(ask(client))).code, "engineUnresponsive");
  assert.equal((await restarted).after?.code, "engineUnresponsive");
  assert.equal(processExists(pid), false);
  assert.equal((await ask(client)).source, "extractive");
});

test("an answer that no model writes is in the language of the client", async (t) => {
  const german = JSON.parse(await readFile(join(root, "l10n/bundle.l10n.de.json"), "utf8")) as Record<string, string>;
  const client = await openClient(t, { translations: german });
  const { text, prompt } = await ask(client);
  assert.match(text, /^Es ist kein Modell gewählt, daher ist dies keine geschriebene Antwort/);
  assert.match(text, /`src\/retry\.ts:9-21` — .*definiert `withRetries`/);
  // The client translates these itself.
  const reasons = prompt.pieces.flatMap((piece) => piece.reasons);
  assert.ok(reasons.some((reason) => english(reason) === "defines `withRetries`"));
});

test("a cancelled ask resolves at once with the text written so far", async (t) => {
  const client = await openClient(t, withModel());
  const abort = new AbortController();
  let text = "";
  let deltasAfter = 0;
  client.on("answerDelta", (delta) => {
    text += delta.text;
    if (abort.signal.aborted) deltasAfter += 1;
    else if (text.length > 20) abort.abort();
  });
  const answer = await ask(client, { maxTokens: 8_000, budgetTokens: 16_384 }, abort.signal);
  assert.equal(answer.stopReason, "cancelled");
  assert.equal(answer.text, text);
  assert.ok(text.length > 20);
  // What was under way when the engine heard of it.
  assert.ok(deltasAfter < 200, `${deltasAfter} further events`);
  assert.ok(answer.figures.tokensWritten < 1_000);
  assert.ok(answer.prompt.tokensSent > 0);
});

test("an ask that is cancelled while it waits for another does not wait for it", async (t) => {
  const client = await openClient(t, withModel());
  const first = new AbortController();
  const second = new AbortController();
  const writing = nextEvent(client, "answerDelta");
  const running = ask(client, { maxTokens: 8_000, budgetTokens: 16_384 }, first.signal);
  await writing;
  const waiting = ask(client, {}, second.signal);
  second.abort();
  const answer = await waiting;
  assert.equal(answer.stopReason, "cancelled");
  assert.deepEqual(answer.prompt.pieces, []);
  first.abort();
  assert.ok((await running).text !== "");
});

test("two asks at once are answered one after the other, and the second reuses what the first has read", async (t) => {
  const client = await openClient(t, withModel());
  const order: string[] = [];
  client.on("answerDelta", ({ askId }) => order.push(askId));
  const answers = await Promise.all([
    ask(client, { askId: "first", maxTokens: 4, seed: 1 }),
    ask(client, { askId: "second", maxTokens: 4, seed: 1 }),
  ]);
  assert.deepEqual([...new Set(order)], ["first", "second"]);
  const [first, second] = answers;
  assert.equal(first.figures.tokensReused, 0);
  assert.equal(second.figures.tokensReused, second.prompt.tokensSent - 1);
  assert.equal(first.text, second.text);
});

test("the events of an ask come in the order of the stages, and add up to the answer", async (t) => {
  const client = await openClient(t, withModel());
  const names: string[] = [];
  const reading: EngineEvents["readProgress"][] = [];
  let text = "";
  client.on("unitsRanked", () => names.push("unitsRanked"));
  client.on("promptReady", () => names.push("promptReady"));
  client.on("readProgress", (progress) => {
    names.push("readProgress");
    reading.push(progress);
  });
  client.on("answerDelta", (delta) => {
    names.push("answerDelta");
    text += delta.text;
  });
  const answer = await ask(client, { maxTokens: 24 });
  assert.deepEqual([...new Set(names)], ["unitsRanked", "promptReady", "readProgress", "answerDelta"]);
  assert.equal(text, answer.text);
  assert.equal(reading.at(-1)?.tokensDone, answer.prompt.tokensSent);
  const sum = answer.prompt.pieces.reduce((total, { tokensSent }) => total + tokensSent, 0);
  assert.equal(sum, answer.figures.tokensSent);
});

test("settings that are not valid are named, and valid ones obeyed", async (t) => {
  const client = await openClient(t, {
    settings: () => ({ "engine.device": "cpu", "budget.contextTokens": 2_000, "ranking.ranker": "oracle" }),
  });
  const problems = await client.configure();
  assert.equal(problems.length, 1);
  assert.deepEqual(problems[0]?.values.slice(0, 1), ["ranking.ranker"]);
  const { prompt } = await client.request("context", { question });
  assert.equal(prompt.budgetTokens, 2_000);
});

test("a budget beyond the model's window is cut to it", async (t) => {
  const small = join(folder, "small.gguf");
  await writeTestModel({ file: small, trainedContext: 2_048 });
  const client = await openClient(t, { settings: () => ({ "engine.device": "cpu", "model.assistant": small }) });
  const answer = await ask(client, { budgetTokens: 8_192, maxTokens: 4 });
  assert.equal(answer.prompt.budgetTokens, 2_048);
});

test("changed files are seen once the client names them, and ignore globs when they change", async (t) => {
  const own = join(folder, "changing");
  await writeExampleRepository(own);
  let settings: Record<string, unknown> = { "engine.device": "cpu" };
  const client = await openClient(t, { settings: () => settings }, own);
  const rank = async (): Promise<string[]> => {
    const { ranked } = await client.request("rank", { question: "brewCoffee", top: 5, ranker: "lexical" });
    return ranked.map(({ unit }) => unit.qualifiedName);
  };
  assert.ok(!(await rank()).includes("brewCoffee"));
  await writeFile(join(own, "src", "coffee.ts"), "export function brewCoffee(): string {\n  return 'coffee';\n}\n");
  const summary = await client.request("index", { changed: ["src/coffee.ts"] });
  assert.equal(summary.filesParsed, 1);
  assert.equal((await rank())[0], "brewCoffee");
  settings = { ...settings, "index.ignoreGlobs": ["coffee.ts"] };
  await client.configure();
  assert.ok(!(await rank()).includes("brewCoffee"));
});

test("the status says what is open", async (t) => {
  const client = await openClient(t, withModel());
  await ask(client, { maxTokens: 2, ranker: "likelihood" });
  const status = await client.request("status", {});
  assert.match(status.workspace ?? "", /repository$/);
  assert.equal(status.files, 5);
  assert.ok(status.units > 5);
  assert.equal(status.indexing, false);
  assert.equal(status.assistant, model);
  assert.deepEqual(status.scorer, sentence("static table and likelihood model"));
  assert.equal(status.device?.device, "cpu");
  assert.notEqual(english(status.device.why), "");
  assert.ok(status.kvBytes > 0 && status.residentBytes > 0);
});

test("an engine refuses a client of another version, and anything before hello", async (t) => {
  const child = spawn(process.execPath, engineArguments, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  const codeOf = async (method: string, params: object): Promise<string> => {
    const thrown: unknown = await connection.sendRequest(method, params).then(
      () => null,
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof ResponseError);
    return (thrown.data as FailureData).code;
  };
  const hello = { protocolVersion: protocolVersion + 1, storageFolder: folder, parentPid: process.pid };
  assert.equal(await codeOf("openWorkspace", { folder: repository, excludeGlobs: [] }), "internal");
  assert.equal(await codeOf("hello", hello), "protocolMismatch");
  assert.equal(await codeOf("hello", { ...hello, storageFolder: 7 }), "internal");
  assert.equal(await codeOf("noSuchRequest", {}), "internal");
  const exited = once(child, "exit");
  child.stdin.end();
  assert.deepEqual(await exited, [0, null]);
});

test("the engine ends when its client's process is killed", async () => {
  const clientUrl = new URL("../../extension/client/engineClient.ts", import.meta.url).href;
  const script = `
    import { EngineClient } from ${JSON.stringify(clientUrl)};
    const client = new EngineClient({
      command: process.execPath, args: ${JSON.stringify(engineArguments)}, env: process.env,
      storageFolder: ${JSON.stringify(join(folder, "storage-orphan"))}, settings: () => ({}),
    });
    await client.openWorkspace({ folder: ${JSON.stringify(repository)}, excludeGlobs: [] });
    console.log(client.state.pid);
  `;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exitedEarly = once(parent, "exit").then(() => Promise.reject(new Error("the client's process has failed")));
  const [line] = (await Promise.race([once(parent.stdout, "data"), exitedEarly])) as [Buffer];
  exitedEarly.catch(() => undefined);
  const pid = Number(line.toString());
  assert.ok(processExists(pid));
  const exited = once(parent, "exit");
  parent.kill("SIGKILL");
  await exited;
  await processEnd(pid);
});

function withModel(): Partial<EngineClientOptions> {
  return { settings: () => ({ "engine.device": "cpu", "model.assistant": model }) };
}

async function openClient(
  t: TestContext,
  options: Partial<EngineClientOptions>,
  workspace = repository,
): Promise<EngineClient> {
  const client = new EngineClient({
    command: process.execPath,
    args: engineArguments,
    env: process.env,
    storageFolder: join(folder, "storage"),
    settings: () => ({ "engine.device": "cpu" }),
    ...options,
  });
  t.after(() => client.dispose());
  await client.openWorkspace({ folder: workspace, excludeGlobs: [] });
  return client;
}

function ask(client: EngineClient, params: Partial<AskParams> = {}, signal?: AbortSignal): Promise<Answer> {
  const options = signal === undefined ? {} : { signal };
  return client.request("ask", { askId: randomUUID(), question, ...params }, options);
}

function nextEvent<E extends keyof EngineEvents>(client: EngineClient, event: E): Promise<EngineEvents[E]> {
  return new Promise((resolve) => client.on(event, resolve));
}
