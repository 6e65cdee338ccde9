import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { EngineClient } from "../../extension/client/engineClient.ts";
import { Engine } from "../../extension/engine/engine.ts";
import { protocolVersion } from "../../extension/protocol/engine.ts";
import type { KvMeter } from "../../extension/protocol/engine.ts";
import type { Answer } from "../../extension/protocol/units.ts";
import { engineArguments, pidOf, stateOf } from "../support/engineClients.ts";
import { writeTestModel } from "../support/testModels.ts";
import { writeExampleRepository } from "../support/terminalProgram.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const never = new AbortController().signal;
const question = "How does withRetries try a failed request again?";
let folder = "";
let repository = "";
let model = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-kv-"));
  repository = join(folder, "repository");
  model = join(folder, "model.gguf");
  await writeExampleRepository(repository);
  await writeTestModel({ file: model, kvHeads: 2, heads: 2, embedding: 128 });
});
after(() => rm(folder, { recursive: true, force: true }));

test("what one engine has read and compressed, the next one loads; the status and `cacheList` show it", async (t) => {
  const storageFolder = await mkdtemp(join(folder, "storage-"));
  const first = await openEngine(t, storageFolder);
  const cold = await ask(first);
  assert.equal(cold.figures.tokensReused, 0);
  const kv = await settled(first);
  assert.equal(kv.keepRatio, 0.5);
  assert.ok(kv.cellsUsed < kv.tokens && kv.bytes < kv.bytesFull && kv.compression.ms > 0);
  assert.equal(kv.compression.isRunning, false);
  assert.equal(kv.prompt.tokensRead, cold.prompt.tokensSent);

  const { segments, bytesMax } = await first.handle("cacheList", {}, never);
  assert.equal(bytesMax, 4 * 1024 ** 3);
  const shown = cold.prompt.pieces.flatMap(({ unit }) => (unit === undefined ? [] : [unit.path]));
  for (const { label } of segments) {
    assert.ok(label === "instructions" || label === "digest" || shown.includes(label.split(":")[0] ?? ""), label);
  }
  const { cache } = await first.handle("status", {}, never);
  assert.equal(cache.files, segments.length);
  assert.ok(cache.files >= 3);

  const next = await openEngine(t, storageFolder);
  const warm = await ask(next);
  assert.deepEqual(warm.prompt.pieces, cold.prompt.pieces);
  assert.ok(warm.figures.tokensLoaded > warm.prompt.tokensSent / 2, String(warm.figures.tokensLoaded));
  assert.equal((await settled(next)).prompt.tokensLoaded, warm.figures.tokensLoaded);
  assert.deepEqual(await next.handle("cacheVerify", {}, never), { ...cache, removed: 0 });
  assert.deepEqual(await next.handle("cacheClear", {}, never), cache);
  assert.deepEqual((await next.handle("cacheList", {}, never)).segments, []);
});

test("a changed file costs its own units only", async (t) => {
  const storageFolder = await mkdtemp(join(folder, "storage-"));
  const own = await mkdtemp(join(folder, "repository-"));
  await writeExampleRepository(own);
  const first = await openEngine(t, storageFolder, { repository: own });
  const before = await ask(first);
  await settled(first);
  const changed = join(own, "src/retry.ts");
  await writeFile(changed, (await readFile(changed, "utf8")).replace("delayMs *= 2;", "delayMs = delayMs * 2;"));
  const next = await openEngine(t, storageFolder, { repository: own });
  const { prompt, figures } = await ask(next);
  const sameTexts = new Set(before.prompt.pieces.map(({ text }) => text));
  const [changedPieces, others] = [true, false].map((isChanged) =>
    prompt.pieces.filter(({ unit, text }) => unit !== undefined && !sameTexts.has(text) === isChanged),
  );
  assert.deepEqual([...new Set(changedPieces?.map(({ unit }) => unit?.path))], ["src/retry.ts"]);
  const digest = prompt.pieces.filter(({ share }) => share === "digest" || share === "system" || share === "template");
  const unchanged = [...(others ?? []), ...digest].reduce((sum, { tokensSent }) => sum + tokensSent, 0);
  assert.ok(figures.tokensLoaded > 0);
  assert.ok(figures.tokensLoaded + figures.tokensReused <= 2 * unchanged);
  const kv = await settled(next);
  assert.ok(kv.prompt.tokensRead >= (changedPieces?.[0]?.tokensSent ?? Infinity));
});

test("an engine that is killed while it compresses leaves whole segments, and the next one uses them", async (t) => {
  const storageFolder = await mkdtemp(join(folder, "storage-"));
  const client = new EngineClient({
    command: process.execPath,
    args: engineArguments,
    env: process.env,
    storageFolder,
    settings: () => settings({}),
    onStderrLine: () => undefined,
  });
  t.after(() => client.dispose());
  await client.configure();
  await client.openWorkspace({ folder: repository, excludeGlobs: [] });
  const cold = await client.request("ask", { askId: "1", question, maxTokens: 2 });
  const kvFolder = join(storageFolder, "kv");
  while ((await readdir(kvFolder).catch(() => [])).length === 0) await new Promise((resolve) => setImmediate(resolve));
  const restarted = stateOf(client, "ready");
  process.kill(pidOf(client), "SIGKILL");
  await restarted;
  const verified = await client.request("cacheVerify", {});
  assert.equal(verified.removed, 0);
  const warm = await client.request("ask", { askId: "2", question, maxTokens: 2 });
  assert.deepEqual(warm.prompt.pieces, cold.prompt.pieces);
  if (verified.files > 0) assert.ok(warm.figures.tokensLoaded > 0);
  await client.request("settle", {});
  const again = await client.request("cacheVerify", {});
  assert.ok(again.files >= 3 && again.removed === 0);
});

test("kv.keepRatio 1 and kv.diskLimitGiB 0 keep nothing but what is in memory; the digest can be left out", async (t) => {
  const storageFolder = await mkdtemp(join(folder, "storage-"));
  const off = { "kv.keepRatio": 1, "kv.diskLimitGiB": 0, "budget.digestPercent": 0 };
  const engine = await openEngine(t, storageFolder, { settings: off });
  const { prompt } = await ask(engine);
  assert.ok(!prompt.pieces.some(({ share }) => share === "digest"));
  const kv = await settled(engine);
  assert.equal(kv.bytes, kv.bytesFull);
  assert.deepEqual((await engine.handle("cacheList", {}, never)).segments, []);
  const again = await ask(engine);
  assert.equal(again.figures.tokensReused, prompt.tokensSent - 1);
});

async function openEngine(
  t: TestContext,
  storageFolder: string,
  options: { readonly repository?: string; readonly settings?: Readonly<Record<string, unknown>> } = {},
): Promise<Engine> {
  const engine = new Engine({
    root,
    version: "test",
    emit: (event, payload) => {
      if (event === "log") assert.ok(!("level" in payload) || payload.level !== "warning", JSON.stringify(payload));
    },
    onHello: () => undefined,
  });
  t.after(() => engine.close());
  await engine.handle("hello", { protocolVersion, storageFolder, parentPid: process.pid }, never);
  await engine.handle("configure", settings(options.settings ?? {}), never);
  await engine.handle("openWorkspace", { folder: options.repository ?? repository, excludeGlobs: [] }, never);
  return engine;
}

function settings(more: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return {
    "engine.device": "cpu",
    "engine.threads": 1,
    "model.assistant": model,
    "budget.digestPercent": 10,
    "kv.evictor": "kvzip-composite",
    ...more,
  };
}

async function ask(engine: Engine): Promise<Answer> {
  return engine.handle("ask", { askId: "1", question, maxTokens: 2 }, never);
}

async function settled(engine: Engine): Promise<KvMeter> {
  const { kv } = await engine.handle("settle", {}, never);
  assert.ok(kv !== null);
  return kv;
}
