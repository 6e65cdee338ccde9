import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { CacheReport, KvMeter } from "../../extension/protocol/engine.ts";
import type { Answer } from "../../extension/protocol/units.ts";
import { writeTestModel } from "../support/testModels.ts";
import { runPrecis, writeExampleRepository } from "../support/terminalProgram.ts";
import type { Ended } from "../support/terminalProgram.ts";

const question = "How does withRetries try a failed request again?";
let folder = "";
let storage = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-cache-"));
  storage = join(folder, "storage");
  await writeExampleRepository(join(folder, "repository"));
  await writeTestModel({ file: join(folder, "model.gguf"), kvHeads: 2, heads: 2, embedding: 128 });
});
after(() => rm(folder, { recursive: true, force: true }));

test("a second ask loads what the first one has stored; --keep and --evictor are obeyed", async () => {
  const first = await ask("--keep", "0.4", "--evictor", "kvzip");
  assert.equal(first.figures.tokensLoaded, 0);
  assert.deepEqual([first.kv.keepRatio, first.kv.evictor], [0.4, "kvzip"]);
  assert.ok(first.kv.cellsUsed < first.kv.tokens * 0.9);
  const second = await ask("--keep", "0.4", "--evictor", "kvzip");
  assert.ok(second.figures.tokensLoaded > second.figures.tokensSent / 2);
  const other = await ask("--keep", "0.4", "--evictor", "recency");
  assert.ok(other.figures.tokensLoaded < second.figures.tokensLoaded, "only the instructions are the same");

  const { stdout } = await cache("list", "--json");
  const { segments } = JSON.parse(stdout) as CacheReport;
  const ofUnits = segments.filter(({ label }) => label.startsWith("src/retry.ts"));
  assert.deepEqual([...new Set(ofUnits.map(({ evictor }) => evictor))].sort(), ["kvzip", "recency"]);
  assert.ok(ofUnits.every(({ keepRatio, cells, tokens }) => keepRatio === 0.4 && cells < tokens));
});

test("ask says in text what became of the cache", async () => {
  const { code, stdout, stderr } = await precis("ask", question, ...model(), "--keep", "0.4", "--evictor", "kvzip");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\d+ reused \(\d+ from disk\)/);
  assert.match(stderr, /KV cache: \d+ cells for [\d,]+ tokens/);
});

test("cache list, verify and clear work without a repository or a model", async () => {
  const list = await cache("list");
  assert.match(list.stdout, /^\d+ segments, [\d.]+ [KM]iB of 4\.0 GiB, in .*kv$/m);
  assert.match(list.stdout, /^ +\d+ +\d+ .* q8_0 .* kvzip 40\.0 % +src\/retry\.ts:9-21 \(model\.gguf\)$/m);
  const kv = join(storage, "kv");
  const [name = ""] = await readdir(kv);
  const bytes = await readFile(join(kv, name));
  bytes[bytes.length - 1] = 255 - (bytes.at(-1) ?? 0);
  await writeFile(join(kv, name), bytes);
  const before = (await readdir(kv)).length;
  assert.match((await cache("verify")).stdout, /Removed: 1\./);
  const verified = JSON.parse((await cache("verify", "--json")).stdout) as { files: number; removed: number };
  assert.deepEqual([verified.files, verified.removed], [before - 1, 0]);
  assert.match((await cache("clear")).stdout, new RegExp(`^Deleted ${before - 1} files, `));
  assert.deepEqual(JSON.parse((await cache("clear", "--json")).stdout), { files: 0, bytes: 0 });
  assert.match((await cache("list")).stdout, /^0 segments/);
});

test("a keep ratio out of range and an unknown evictor are usage errors", async () => {
  for (const wrong of [
    ["--keep", "0"],
    ["--keep", "2"],
    ["--keep", "half"],
    ["--evictor", "magic"],
  ]) {
    const { code, stderr } = await precis("ask", question, ...wrong);
    assert.equal(code, 2, wrong.join(" "));
    assert.match(stderr, /--keep|--evictor/);
  }
  assert.equal((await precis("cache", "shrink")).code, 2);
});

function model(): string[] {
  return ["--model", join(folder, "model.gguf"), "--device", "cpu", "--max-tokens", "2"];
}

async function ask(...more: string[]): Promise<Answer & { readonly kv: KvMeter }> {
  const { code, stdout, stderr } = await precis("ask", question, ...model(), "--json", ...more);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Answer & { readonly kv: KvMeter };
}

async function cache(...args: string[]): Promise<Ended> {
  const ended = await runPrecis(["cache", ...args, "--storage", storage]);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

function precis(...args: string[]): Promise<Ended> {
  return runPrecis([
    ...args,
    ...(args[0] === "ask" ? ["--repo", join(folder, "repository"), "--storage", storage] : []),
  ]);
}
