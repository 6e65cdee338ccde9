import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { EngineClient } from "../../extension/client/engineClient.ts";
import type { EngineClientOptions } from "../../extension/client/engineClient.ts";
import { nextRestartStep } from "../../extension/client/restartLadder.ts";
import { failureOf, pidOf, processExists, stateOf } from "../support/engineClients.ts";

const scriptedEngine = fileURLToPath(new URL("../support/scriptedEngine.ts", import.meta.url));
const fastHeartbeat = { intervalMs: 50, missesAllowed: 3, startTimeoutMs: 30_000 };

test("the ladder goes from the same settings to half of the GPU, to the CPU, to giving up", () => {
  const crashes: number[] = [];
  const steps = [0, 10, 20, 30, 40].map((timeMs) => {
    crashes.push(timeMs);
    const step = nextRestartStep(crashes, timeMs);
    return step.kind === "giveUp" ? "giveUp" : step.gpu;
  });
  assert.deepEqual(steps, ["all", "half", "none", "none", "giveUp"]);
});

test("the ladder forgets crashes that are more than three minutes old", () => {
  const step = nextRestartStep([0, 1, 2, 3, 180_004], 180_004);
  assert.deepEqual(step, { kind: "restart", gpu: "all" });
});

test("a request starts the engine, and events arrive while it runs", async (t) => {
  const client = connect(t, "wait");
  assert.equal(client.state.kind, "stopped");
  const abort = new AbortController();
  const logged = new Promise((resolve) => client.on("log", resolve));
  const ranking = rank(client, abort.signal);
  assert.deepEqual(await logged, { level: "info", message: "ranking" });
  assert.equal(client.state.kind, "ready");
  abort.abort();
  const failure = await failureOf(ranking);
  assert.equal(failure.code, "cancelled");
  assert.equal(failure.detail, "as asked");
});

test("a request whose signal is aborted while the engine starts is rejected without waiting", async (t) => {
  const client = connect(t, "wait");
  assert.equal((await failureOf(rank(client, AbortSignal.abort()))).code, "cancelled");
});

test("an engine that ends within a message leaves no timer behind that keeps its client alive", async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const client = connect(t, "half");
  assert.equal((await failureOf(rank(client))).code, "engineCrashed");
  await client.dispose();
  assert.equal(timers(), before);
});

test("a crash rejects what waits, and the next engine is configured and has the workspace open", async (t) => {
  const client = connect(t, "crash", { settings: () => ({ "model.assistant": "a.gguf" }) });
  await client.openWorkspace({ folder: "/somewhere", excludeGlobs: [] });
  const states = recordStates(client);
  const ready = stateOf(client, "ready");
  const failure = await failureOf(rank(client));
  assert.equal(failure.code, "engineCrashed");
  assert.match(failure.detail, /exit code 7/);
  assert.match(failure.detail, /about to fall over/);
  const state = await ready;
  assert.equal(state.after?.code, "engineCrashed");
  assert.deepEqual(states, ["starting", "ready"]);
  const status = await client.request("status", {});
  assert.equal(status.workspace, "/somewhere");
  assert.equal(status.assistant, '{"model.assistant":"a.gguf"}');
});

test("an engine that is killed from outside is reported with the signal", async (t) => {
  const client = connect(t, "wait");
  await client.start();
  const ranking = rank(client);
  await new Promise((resolve) => client.on("log", resolve));
  process.kill(pidOf(client), "SIGKILL");
  const failure = await failureOf(ranking);
  assert.equal(failure.code, "engineCrashed");
  assert.match(failure.detail, /SIGKILL/);
});

test("an engine that is restarted without the GPU stays without it, also after a crash, until the next restart", async (t) => {
  const client = connect(t, "wait");
  await client.restart({ gpu: "none" });
  const gpu = () => (client.state.kind === "ready" ? client.state.gpu : client.state.kind);
  assert.equal(gpu(), "none");
  const again = stateOf(client, "ready");
  process.kill(pidOf(client), "SIGKILL");
  assert.equal((await again).gpu, "none");
  await client.restart();
  assert.equal(gpu(), "all");
});

test("after five crashes the client gives up until it is told to restart", async (t) => {
  const client = connect(t, "crash");
  const gpus: string[] = [];
  client.onStateChanged((state) => {
    if (state.kind === "ready") gpus.push(state.engineVersion);
  });
  const givenUp = stateOf(client, "givenUp");
  for (let crash = 1; crash <= 5; crash += 1) assert.equal((await failureOf(rank(client))).code, "engineCrashed");
  assert.equal((await givenUp).failure.code, "engineGivenUp");
  assert.deepEqual(gpus, ["gpu all", "gpu all", "gpu half", "gpu none", "gpu none"]);
  assert.equal((await failureOf(rank(client))).code, "engineGivenUp");
  await client.restart();
  assert.equal(client.state.kind, "ready");
  assert.equal(gpus.at(-1), "gpu all");
});

test("an engine that hangs is killed and started again", async (t) => {
  const client = connect(t, "hang", { heartbeat: fastHeartbeat });
  await client.start();
  const restarted = stateOf(client, "ready");
  const failure = await failureOf(rank(client));
  assert.equal(failure.code, "engineUnresponsive");
  assert.equal((await restarted).after?.code, "engineUnresponsive");
});

test("an engine that never answers hello is killed", async (t) => {
  const client = connect(t, "wait", {
    args: ["--eval", "setInterval(() => {}, 1000)"],
    heartbeat: { ...fastHeartbeat, startTimeoutMs: 50 },
  });
  assert.equal((await failureOf(client.start())).code, "engineUnresponsive");
});

test("an engine of another version is refused, and not started again", async (t) => {
  const client = connect(t, "refuse");
  const failed = stateOf(client, "failed");
  const failure = await failureOf(client.start());
  assert.equal(failure.code, "protocolMismatch");
  assert.equal((await failed).failure, failure);
  assert.equal((await failureOf(rank(client))).code, "protocolMismatch");
});

test("a program that cannot be started is given up on with the operating system's reason", async (t) => {
  const client = connect(t, "wait", { command: "/nonexistent/program" });
  const givenUp = stateOf(client, "givenUp");
  assert.equal((await failureOf(client.start())).code, "engineCrashed");
  assert.match((await givenUp).failure.detail, /ENOENT/);
});

test("disposing rejects what waits and ends the child", async (t) => {
  const client = connect(t, "wait");
  await client.start();
  const pid = pidOf(client);
  const ranking = rank(client);
  const rejected = failureOf(ranking);
  await client.dispose();
  assert.equal((await rejected).code, "cancelled");
  assert.equal(processExists(pid), false);
  assert.equal((await failureOf(rank(client))).code, "cancelled");
});

test("disposing ends a child that is stopped, too", async (t) => {
  const client = connect(t, "wait");
  await client.start();
  const pid = pidOf(client);
  process.kill(pid, "SIGSTOP");
  await client.dispose();
  assert.equal(processExists(pid), false);
});

test("another device means another process; other settings do not", async (t) => {
  let settings: Record<string, unknown> = { "engine.device": "cpu" };
  const client = connect(t, "wait", { settings: () => settings });
  await client.start();
  const first = pidOf(client);
  settings = { "engine.device": "cpu", "engine.threads": 2 };
  await client.configure();
  assert.equal(pidOf(client), first);
  settings = { "engine.device": "vulkan" };
  await client.configure();
  assert.notEqual(pidOf(client), first);
  assert.equal((await client.request("status", {})).assistant, '{"engine.device":"vulkan"}');
});

function connect(t: TestContext, behaviour: string, options: Partial<EngineClientOptions> = {}): EngineClient {
  const client = new EngineClient({
    command: process.execPath,
    args: [scriptedEngine, behaviour],
    env: process.env,
    storageFolder: "/nowhere",
    settings: () => ({}),
    ...options,
  });
  t.after(() => client.dispose());
  return client;
}

function rank(client: EngineClient, signal?: AbortSignal): Promise<unknown> {
  return client.request("rank", { question: "where?", top: 1 }, signal === undefined ? {} : { signal });
}

function recordStates(client: EngineClient): string[] {
  const states: string[] = [];
  client.onStateChanged((state) => states.push(state.kind));
  return states;
}
