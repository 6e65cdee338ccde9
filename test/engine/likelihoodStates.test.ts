import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";
import { openLikelihoodScorer } from "../../extension/engine/likelihood.ts";
import type { OpenedLikelihoodScorer } from "../../extension/engine/likelihood.ts";
import { openLlama } from "../../extension/engine/llama.ts";
import type { Llama } from "../../extension/engine/llama.ts";
import { modelFingerprint, StateFiles } from "../../extension/engine/stateFiles.ts";
import { scoreUnits } from "../../extension/pipeline/likelihoodScores.ts";
import { temporaryFolder } from "../support/folders.ts";
import { scorerUnit } from "../support/scorerUnits.ts";

const root = path.resolve(import.meta.dirname, "../..");
const never = new AbortController().signal;
const question = "parse the cookies of a request header";
const tolerance = 1e-3;
const units = [
  scorerUnit("src/http/cookies.ts", "parseCookies", "", 'return header.split(";").map((pair) => pair.split("="));'),
  scorerUnit("src/cache/lru.ts", "evict", "", "while (this.size > this.limit) this.remove(this.oldest);"),
  scorerUnit("src/math/matrix.ts", "multiply", "", "for (let k = 0; k < n; k++) sum += a[i][k] * b[k][j];"),
];
let llama: Llama;

before(async () => {
  llama = await openLlama({ root, device: "cpu" });
});

test("what one process has read, the next one finds on disk and scores the same", async (t) => {
  const folder = path.join(await temporaryFolder(t), "states");
  const first = await opened(folder);
  const fresh = await scoresOf(first);
  assert.equal(first.unitsRead, units.length);
  await first.close();
  assert.equal((await readdir(folder)).length, units.length);

  const second = await opened(folder);
  try {
    const restored = await scoresOf(second);
    assert.equal(second.unitsRead, 0);
    for (const [at, score] of restored.entries()) assert.ok(Math.abs(score - (fresh[at] ?? Number.NaN)) <= tolerance);
    await second.stored();
    assert.equal((await readdir(folder)).length, units.length);
  } finally {
    await second.close();
  }
});

test("a state that was cut off is read again and replaced", async (t) => {
  const folder = await temporaryFolder(t);
  const first = await opened(folder);
  const expected = await scoresOf(first);
  await first.close();
  const [cut = "", empty = ""] = await readdir(folder);
  const { size } = await stat(path.join(folder, cut));
  await truncate(path.join(folder, cut), Math.floor(size / 2));
  await truncate(path.join(folder, empty), 0);

  const second = await opened(folder);
  try {
    const scores = await scoresOf(second);
    assert.equal(second.unitsRead, 2);
    for (const [at, score] of scores.entries()) assert.ok(Math.abs(score - (expected[at] ?? Number.NaN)) <= tolerance);
  } finally {
    await second.close();
  }
  assert.equal((await stat(path.join(folder, cut))).size, size);
});

test("a folder that cannot be written to costs the cache only, and is told once", async (t) => {
  const folder = path.join(await temporaryFolder(t), "taken");
  await writeFile(folder, "a file in the folder's place");
  const problems: string[] = [];
  const scorer = await opened(folder, (message) => problems.push(message));
  const scores = await scoresOf(scorer);
  assert.equal(scores.indexOf(Math.max(...scores)), 0);
  await scorer.stored();
  await scorer.gains(question, [scorerUnit("src/other.ts", "other", "", "return 1;")], never);
  await scorer.close();
  assert.equal(problems.length, 1, problems.join("\n"));
});

test("files stay below the limit, and the least recently used go first", async (t) => {
  const folder = await temporaryFolder(t);
  const files = stateFiles(folder, 10_000);
  for (let at = 0; at < 9; at++) await files.write(`unit ${at}`, new Uint8Array(1000).fill(at));
  // Used again, so it outlives those that were written after it. Others get older times, as days would give them.
  for (const [at, name] of (await readdir(folder)).entries()) {
    await utimes(path.join(folder, name), new Date(1000 + at), new Date(1000 + at));
  }
  assert.equal((await files.read("unit 0"))?.length, 1000);
  for (let at = 9; at < 14; at++) await files.write(`unit ${at}`, new Uint8Array(1000).fill(at));
  assert.ok((await bytesIn(folder)) <= 10_000);
  assert.deepEqual(await files.read("unit 0"), Buffer.alloc(1000, 0));
  assert.deepEqual(await files.read("unit 13"), Buffer.alloc(1000, 13));
});

test("what a killed process has left half written is never read, and counts towards the limit", async (t) => {
  const folder = await temporaryFolder(t);
  const script = `
    import { StateFiles } from ${JSON.stringify(path.join(root, "extension/engine/stateFiles.ts"))};
    const files = new StateFiles(${JSON.stringify({ folder, bytesMax: 1 << 30, model: "m" })});
    for (let at = 0; ; at++) {
      await files.write("unit " + (at % 8), new Uint8Array(1 << 20).fill(at % 256));
      if (at === 20) process.stdout.write("written");
    }`;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script]);
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  await writeFile(path.join(folder, "0.state.1.part"), new Uint8Array(5000));

  const files = stateFiles(folder, 1000);
  for (let at = 0; at < 8; at++) {
    const state = await files.read(`unit ${at}`);
    assert.equal(state?.length, 1 << 20);
    assert.ok(state.every((byte) => byte === state[0]));
  }
  await files.write("small", new Uint8Array(10));
  assert.ok((await bytesIn(folder)) <= 1000);
});

test("files of another model are not found, and a model with the same head and other weights is another one", async (t) => {
  const folder = await temporaryFolder(t);
  await stateFiles(folder, 10_000).write("unit", new Uint8Array(8));
  assert.equal(await stateFiles(folder, 10_000, "another").read("unit"), null);

  const bytes = await readFile(path.join(root, "models", "scorer", "likelihood.gguf"));
  const [one, other] = [path.join(folder, "one.gguf"), path.join(folder, "other.gguf")];
  await mkdir(folder, { recursive: true });
  await writeFile(one, bytes);
  bytes[bytes.length - 1] = 255 - (bytes[bytes.length - 1] ?? 0);
  await writeFile(other, bytes);
  assert.notEqual(await modelFingerprint(one), await modelFingerprint(other));
  await rm(other);
  await writeFile(other, await readFile(one));
  assert.equal(await modelFingerprint(one), await modelFingerprint(other));
});

function stateFiles(folder: string, bytesMax: number, model = "m"): StateFiles {
  return new StateFiles({ folder, bytesMax, model, onProblem: (message) => assert.fail(message) });
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => (await stat(path.join(folder, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function scoresOf(scorer: OpenedLikelihoodScorer): Promise<Float64Array> {
  return scoreUnits("likelihood", question, units, { likelihood: scorer, signal: never });
}

function opened(
  folder: string,
  onProblem: (message: string) => void = (message) => assert.fail(message),
): Promise<OpenedLikelihoodScorer> {
  return openLikelihoodScorer({ llama, root, states: { folder, onProblem } });
}
