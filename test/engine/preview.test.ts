/** A context that is only looked at, with an assistant. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Engine } from "../../extension/engine/engine.ts";
import { protocolVersion } from "../../extension/protocol/engine.ts";
import { root } from "../support/indexes.ts";
import { writeExampleRepository } from "../support/terminalProgram.ts";
import { writeTestModel } from "../support/testModels.ts";

const never = new AbortController().signal;
const question = "How does withRetries try a failed request again?";
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-preview-"));
  await writeExampleRepository(join(folder, "repository"));
  await writeTestModel({ file: join(folder, "model.gguf"), architecture: "qwen2" });
});
after(() => rm(folder, { recursive: true, force: true }));

test("a larger budget that is only previewed leaves the session and what it has read alone", async (t) => {
  const engine = new Engine({ root, version: "test", emit: () => undefined, onHello: () => undefined });
  t.after(() => engine.close());
  await engine.handle(
    "hello",
    { protocolVersion, storageFolder: join(folder, "storage"), parentPid: process.pid },
    never,
  );
  const settings = { "engine.device": "cpu", "engine.threads": 1, "model.assistant": join(folder, "model.gguf") };
  await engine.handle("configure", { ...settings, "kv.keepRatio": 1 }, never);
  await engine.handle("openWorkspace", { folder: join(folder, "repository"), excludeGlobs: [] }, never);
  const before = await engine.handle("status", {}, never);
  assert.equal(before.speeds, null);

  await engine.handle("ask", { askId: "1", question, budgetTokens: 1000, maxTokens: 3 }, never);
  const asked = await engine.handle("status", {}, never);
  assert.ok(asked.kv !== null && asked.kv.cells < 2000, JSON.stringify(asked.kv));
  assert.ok((asked.speeds?.readTokensPerSecond ?? 0) > 0 && (asked.speeds?.writeTokensPerSecond ?? 0) > 0);

  const { prompt } = await engine.handle("context", { question, budgetTokens: 2000 }, never);
  assert.equal(prompt.budgetTokens, 2000);
  const previewed = await engine.handle("status", {}, never);
  assert.deepEqual(previewed.kv?.cells, asked.kv.cells);

  const again = { askId: "2", question, budgetTokens: 1000, maxTokens: 3 };
  const { figures } = await engine.handle("ask", again, never);
  assert.ok(figures.tokensReused > 0.9 * figures.tokensSent, JSON.stringify(figures));
});
