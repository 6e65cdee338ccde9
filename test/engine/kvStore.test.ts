import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import type { SegmentInfo } from "../../extension/engine/kvFile.ts";
import {
  clearSegments,
  KvStore,
  listSegments,
  measureSegments,
  verifySegments,
} from "../../extension/engine/kvStore.ts";
import type { KvStoreOptions } from "../../extension/engine/kvStore.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = path.resolve(import.meta.dirname, "../..");

test("a segment comes back as it was, under its key and for its model only", async (t) => {
  const folder = path.join(await temporaryFolder(t), "kv");
  const store = storeIn(folder);
  const payload = bytesOf(1000, 7);
  await store.write("unit", infoOf("src/a.ts:1-9"), payload);
  const loaded = await storeIn(folder).read("unit");
  assert.deepEqual(loaded, { info: infoOf("src/a.ts:1-9"), payload: Buffer.from(payload) });
  assert.equal(await store.read("another unit"), null);
  assert.equal(await storeIn(folder, { model: "another" }).read("unit"), null);
  assert.equal((await store.read("unit"))?.payload.byteLength, 1000);
});

test("list, verify and clear need no model; what was used last comes first", async (t) => {
  const folder = await temporaryFolder(t);
  const store = storeIn(folder);
  await store.write("a", infoOf("a"), bytesOf(100, 1));
  await storeIn(folder, { model: "another" }).write("b", infoOf("b"), bytesOf(200, 2));
  await age(folder);
  assert.notEqual(await store.read("a"), null);
  const listed = await listSegments(folder);
  assert.deepEqual(
    listed.map(({ label, tokens, cells, evictor, keepRatio, kvType }) => [
      label,
      tokens,
      cells,
      evictor,
      keepRatio,
      kvType,
    ]),
    ["a", "b"].map((label) => [label, 40, 20, "kvzip", 0.5, "q8_0"]),
  );
  const { files, bytes } = await measureSegments(folder);
  assert.equal(
    listed.reduce((sum, segment) => sum + segment.bytes, 0),
    bytes,
  );
  assert.deepEqual(await verifySegments(folder, Date.now()), { files, bytes, removed: 0 });
  await writeFile(path.join(folder, "notes.txt"), "not a segment");
  assert.deepEqual(await clearSegments(folder), { files: 2, bytes });
  assert.deepEqual(await readdir(folder), ["notes.txt"]);
  assert.deepEqual(await listSegments(path.join(folder, "nowhere")), []);
});

test("damaged and foreign files are refused and removed", async (t) => {
  const folder = await temporaryFolder(t);
  const store = storeIn(folder);
  const fileOf = async (key: string): Promise<string> => {
    const before = new Set(await readdir(folder));
    await store.write(key, infoOf(key), bytesOf(500, 3));
    const [name = ""] = (await readdir(folder)).filter((candidate) => !before.has(candidate));
    return path.join(folder, name);
  };
  const whole = await fileOf("whole");
  const damages: Readonly<Record<string, (file: string) => Promise<void>>> = {
    "cut off": (file) => truncate(file, 300),
    empty: (file) => truncate(file, 0),
    longer: async (file) => writeFile(file, Buffer.concat([await readFile(file), Buffer.alloc(1)])),
    "a header with a flipped bit": (file) => flip(file, 60),
    "another format": (file) => writeFile(file, "GGUF"),
    "another segment's file": (file) => copyFile(whole, file),
    "a header longer than the file": (file) => flip(file, 20),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const file = await fileOf(name);
    await damage(file);
    assert.equal(await store.read(name), null, name);
    await assert.rejects(stat(file), { code: "ENOENT" }, name);
  }
  assert.notEqual(await store.read("whole"), null);

  // A flipped bit in the payload shows in the state's own checksum at the latest; `verify` finds it without a model.
  const flipped = await fileOf("flipped");
  await flip(flipped, -10);
  const part = path.join(folder, "0.kv.1.part");
  await writeFile(part, "half written");
  assert.deepEqual(await verifySegments(folder, Date.now()), { ...(await onlyFile(whole)), removed: 1 });
  await utimes(part, new Date(0), new Date(0));
  assert.deepEqual(await verifySegments(folder, Date.now()), { ...(await onlyFile(whole)), removed: 1 });
  assert.equal((await readdir(folder)).length, 1);
});

test("the folder stays below its limit: what was not used for longest shrinks first, then goes", async (t) => {
  const folder = await temporaryFolder(t);
  const recoded: string[] = [];
  const store = storeIn(folder, {
    bytesMax: 20_000,
    recode: (payload, info) => {
      if (info.kvType !== "q8_0") return null;
      recoded.push(info.label);
      return { payload: payload.slice(0, payload.byteLength / 2), info: { ...info, kvType: "q4_0" } };
    },
  });
  await storeIn(folder, { model: "another" }).write("foreign", infoOf("foreign"), bytesOf(1600, 9));
  await age(folder);
  for (let at = 0; at < 9; at++) {
    await store.write(`unit ${at}`, infoOf(`unit ${at}`), bytesOf(1600, at));
    await age(folder);
  }
  assert.equal((await store.read("unit 0"))?.info.kvType, "q8_0");
  await age(folder, "except the newest");
  for (let at = 9; recoded.length === 0; at++) {
    await store.write(`unit ${at}`, infoOf(`unit ${at}`), bytesOf(1600, at));
    await age(folder);
  }
  const { bytes } = await measureSegments(folder);
  assert.ok(bytes <= 20_000, String(bytes));
  const listed = await listSegments(folder);
  const types = new Map(listed.map(({ label, kvType }) => [label, kvType]));
  assert.equal(types.get("foreign"), undefined, "nobody here can shrink another model's segment");
  assert.equal(types.get("unit 1"), "q4_0");
  assert.equal(types.get("unit 0"), "q8_0", "used again, so younger than those that were written after it");
  assert.equal(types.get("unit 9"), "q8_0");

  for (let at = 12; at < 40; at++) {
    await store.write(`unit ${at}`, infoOf(`unit ${at}`), bytesOf(1600, at));
    await age(folder);
  }
  assert.ok((await measureSegments(folder)).bytes <= 20_000);
  assert.equal(await store.read("unit 1"), null, "a cold segment that is small already goes");
  assert.notEqual(await store.read("unit 39"), null);
});

test("two processes write one folder: each finds the other's segments, and the limit holds", async (t) => {
  const folder = await temporaryFolder(t);
  const bytesMax = 40_000;
  const ends = ["one", "two"].map((name) => once(startWriter(folder, { name, bytesMax, rounds: 60 }), "exit"));
  for (const [code] of await Promise.all(ends)) assert.equal(code, 0);
  const { bytes } = await measureSegments(folder);
  assert.ok(bytes <= bytesMax * (1 + 2 / 16), String(bytes));
  assert.equal((await verifySegments(folder, Date.now())).removed, 0);
  const store = storeIn(folder, { bytesMax });
  for (const name of ["one", "two"]) {
    const loaded = await store.read(`${name} 59`);
    if (loaded !== null) assert.deepEqual(loaded.payload, Buffer.alloc(2000, 59));
  }
  assert.ok((await listSegments(folder)).length >= 10);
});

test("a writer that is killed with SIGKILL leaves whole segments and at most one part behind", async (t) => {
  const folder = await temporaryFolder(t);
  const child = startWriter(folder, { name: "killed", bytesMax: 1 << 30, rounds: 1e9, bytes: 1 << 20, keys: 8 });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  const store = storeIn(folder, { bytesMax: 1 << 30 });
  for (let at = 0; at < 8; at++) {
    const payload = (await store.read(`killed ${at}`))?.payload;
    assert.equal(payload?.byteLength, 1 << 20);
    assert.ok(payload.every((byte) => byte === payload[0]));
  }
  for (const name of await readdir(folder)) await utimes(path.join(folder, name), new Date(1000), new Date(1000));
  const parts = (await readdir(folder)).filter((name) => name.endsWith(".part")).length;
  assert.ok(parts <= 1);
  assert.equal((await verifySegments(folder, Date.now())).removed, parts);
  assert.equal((await readdir(folder)).length, 8);
});

test("a folder that cannot be written to is told once and costs nothing else", async (t) => {
  const folder = path.join(await temporaryFolder(t), "taken");
  await writeFile(folder, "a file in the folder's place");
  const problems: string[] = [];
  const store = storeIn(folder, { onProblem: (message) => problems.push(message) });
  await store.write("a", infoOf("a"), bytesOf(10, 1));
  await store.write("b", infoOf("b"), bytesOf(10, 1));
  assert.equal(await store.read("a"), null);
  assert.equal(store.isWritable, false);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /^What the model reads is not kept on disk: (EEXIST|ENOTDIR)/);
});

function storeIn(folder: string, options: Partial<KvStoreOptions> = {}): KvStore {
  return new KvStore({
    folder,
    bytesMax: 1 << 20,
    model: "model",
    onProblem: (message) => assert.fail(message),
    ...options,
  });
}

function infoOf(label: string): SegmentInfo {
  return { modelName: "m.gguf", label, evictor: "kvzip", keepRatio: 0.5, kvType: "q8_0", tokens: 40, cells: 20 };
}

function bytesOf(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = 255 - (bytes[index] ?? 0);
  await writeFile(file, bytes);
}

let clock = 1000;

/** Makes what is in the folder older than whatever follows, in the order in which it was used. */
async function age(folder: string, which: "all" | "except the newest" = "all"): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = await readdir(folder);
  const used = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).mtimeMs));
  const order = names.map((name, at) => ({ name, used: used[at] ?? 0 })).sort((a, b) => a.used - b.used);
  const aged = which === "all" ? order : order.slice(0, -1);
  for (const { name } of aged) {
    clock += 1;
    await utimes(path.join(folder, name), clock, clock);
  }
  if (which === "all") return;
  clock += 1;
  for (const { name } of order.slice(-1)) await utimes(path.join(folder, name), clock, clock);
}

async function onlyFile(file: string): Promise<{ files: number; bytes: number }> {
  return { files: 1, bytes: (await stat(file)).size };
}

function startWriter(
  folder: string,
  options: { name: string; bytesMax: number; rounds: number; bytes?: number; keys?: number },
): ReturnType<typeof spawn> & { readonly stdout: NodeJS.ReadableStream } {
  const { name, bytesMax, rounds, bytes = 2000, keys = 1e9 } = options;
  const script = `
    import { KvStore } from ${JSON.stringify(path.join(root, "extension/engine/kvStore.ts"))};
    const onProblem = (message) => { throw new Error(message); };
    const store = new KvStore({ ...${JSON.stringify({ folder, bytesMax, model: "model" })}, onProblem });
    const info = ${JSON.stringify(infoOf("unit"))};
    for (let at = 0; at < ${rounds}; at++) {
      await store.write(${JSON.stringify(`${name} `)} + (at % ${keys}), info, new Uint8Array(${bytes}).fill(at % 256));
      if (at === 20) process.stdout.write("written");
    }`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}
