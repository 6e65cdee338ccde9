import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { kvNode } from "../../extension/host/kvNodes.ts";
import { noRefusal, refusalSentence } from "../../extension/engine/kvRefusal.ts";
import type { KvMeter } from "../../extension/protocol/engine.ts";

const MiB = 1024 ** 2;
const cache = { files: 12, bytes: 30 * MiB };
const kv: KvMeter = {
  evictor: "kvzip",
  keepRatio: 0.5,
  cells: 2048,
  cellsUsed: 1700,
  tokens: 3120,
  bytes: 100 * MiB,
  bytesFull: 200 * MiB,
  prompt: { tokens: 3000, tokensKept: 400, tokensLoaded: 2000, tokensRead: 600, loadMs: 11.2 },
  compression: { isRunning: false, tokensDone: 500, tokensTotal: 500, ms: 2340 },
  uncompressedBecause: noRefusal,
};

test("the meter shows cells, bytes full and compressed, what was reused from where, times, and the disk", () => {
  const node = kvNode(kv, cache);
  assert.equal(node.description, "1,700 of 2,048 cells, 200 MiB → 100 MiB");
  assert.deepEqual(rows(kv), {
    Cells: "1,700 of 2,048 hold 3,120 tokens",
    Bytes: "200 MiB → 100 MiB",
    "Last prompt": "80 % of 3,000 tokens reused, 400 from memory, 2,000 from disk in 12 ms, 600 read",
    Compression: "500 tokens in 2.3 s, 50 % kept by kvzip",
    "On disk": "30 MiB in 12 segments",
  });
});

test("it says what is not there: no model yet, nothing compressed, compression off, running or not possible", () => {
  const none = kvNode(null, { files: 0, bytes: 0 });
  assert.deepEqual([none.description, none.children?.map(({ description }) => description)], ["empty", ["nothing"]]);
  assert.equal(rows({ ...kv, bytesFull: kv.bytes })["Bytes"], "100 MiB");
  const unread = { tokens: 0, tokensKept: 0, tokensLoaded: 0, tokensRead: 0, loadMs: 0 };
  assert.equal(rows({ ...kv, prompt: unread })["Last prompt"], "none yet");
  assert.equal(rows({ ...kv, keepRatio: 1 })["Compression"], "off");
  assert.equal(rows({ ...kv, evictor: "none" })["Compression"], "off");
  const running = { isRunning: true, tokensDone: 512, tokensTotal: 2600, ms: 0 };
  assert.equal(rows({ ...kv, compression: running })["Compression"], "512 of 2,600 tokens, 50 % kept by kvzip");
  assert.equal(kvNode({ ...kv, compression: running }, cache).icon, "sync~spin");
});

test("a model whose cache cannot be compressed is told with the reason", () => {
  const because = (detail: string) => rows({ ...kv, uncompressedBecause: refusalSentence(detail) })["Compression"];
  const sliding = "capturing a sequence is not supported for the cache of gemma3: a sliding window (SWA)";
  assert.equal(because(sliding), `not with this model: ${sliding}`);
  assert.deepEqual(refusalSentence(sliding).values, ["gemma3"]);
  assert.equal(because("keys cannot be moved: {0}"), "not with this model: keys cannot be moved: {0}");
});

test("every reason for which the native engine leaves a cache as it is has a sentence", async () => {
  const source = await readFile(path.join(import.meta.dirname, "../../native/core/kv-model.cpp"), "utf8");
  const body = /^std::string cache_refusal\([^;{]*\{\n(.*?)^\}/ms.exec(source)?.[1] ?? "";
  const reasons = [...body.matchAll(/return "([^"]+)"/g)].map((match) => match[1]);
  assert.ok(reasons.length >= 5);
  for (const reason of reasons) {
    const { values } = refusalSentence(`capturing a sequence is not supported for the cache of x: ${reason}`);
    assert.deepEqual(values, ["x"], reason);
  }
});

function rows(meter: KvMeter): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (kvNode(meter, cache).children ?? []).map(({ label, description }) => [label, description]),
  );
}
