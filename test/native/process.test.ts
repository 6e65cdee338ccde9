// How a process ends while native work is running.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/folders.ts";
import { libraryFolder, loadAddon, root, scorerModel } from "./engine.ts";

/** Reads some tokens in batches of 512, and does `inProgress` after each. */
const program = (inProgress: string, tokens = 8000): string => `
  import { createRequire } from "node:module";
  import { Worker, isMainThread, workerData } from "node:worker_threads";
  const addon = createRequire(import.meta.url)(${JSON.stringify(path.join(root, "dist/native/precis.node"))});
  addon.loadLibrary({ directory: ${JSON.stringify(libraryFolder())}, onLog: () => {} });
  const model = await addon.openModel({ path: ${JSON.stringify(scorerModel)}, gpuLayers: 0 });
  const context = await model.openContext({ cells: 8192, threads: 1 });
  const onProgress = () => { ${inProgress} };
  await context.read(0, new Int32Array(${tokens}), { onProgress });
  console.log("read");
`;

async function outcome(
  folder: string,
  source: string,
): Promise<{ code: number | null; signal: string | null; output: string }> {
  const file = path.join(folder, "program.mjs");
  await writeFile(file, source);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ code, signal, output });
    });
  });
}

test("process.exit in the middle of an operation ends with its code, not with a crash", async (t) => {
  await loadAddon();
  const folder = await temporaryFolder(t);
  for (let i = 0; i < 5; i++) {
    const { code, signal, output } = await outcome(folder, program("process.exit(7);"));
    assert.deepEqual({ code, signal }, { code: 7, signal: null }, output);
  }
});

test("an exception in a progress callback is an uncaught exception", async (t) => {
  await loadAddon();
  const { code, output } = await outcome(await temporaryFolder(t), program(`throw new Error("from the callback");`));
  assert.equal(code, 1);
  assert.match(output, /from the callback/);
});

test("a worker thread that ends in the middle of an operation leaves the main thread working", async (t) => {
  await loadAddon();
  const source = program("if (!isMainThread) process.exit(3);", 2000).replace(
    "const onProgress",
    `const ended = isMainThread && new Promise((done) => new Worker(new URL(import.meta.url)).on("exit", done));
     const onProgress`,
  );
  const { code, output } = await outcome(await temporaryFolder(t), `${source}\nconsole.log("worker", await ended);`);
  assert.equal(code, 0, output);
  assert.match(output, /read/);
  assert.match(output, /worker 3/);
});

test("an open context keeps no process alive", async (t) => {
  await loadAddon();
  const { code, output } = await outcome(await temporaryFolder(t), program("", 8));
  assert.equal(code, 0, output);
});
