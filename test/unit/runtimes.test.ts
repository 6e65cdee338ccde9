import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { librariesOf } from "../../extension/engine/llamaLibraries.ts";
import { isRuntimeInstalled, readRuntime, removeRuntime, runtimeJob } from "../../extension/models/runtimes.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = path.resolve(import.meta.dirname, "../..");
const runtimes = JSON.parse(await readFile(path.join(root, "models/runtimes.json"), "utf8")) as Record<string, unknown>;
const lock = JSON.parse(await readFile(path.join(root, "package-lock.json"), "utf8")) as {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>;
};

for (const platform of Object.keys(runtimes)) {
  test(`the CUDA library for ${platform} is the one that Precis is built with`, async () => {
    const runtime = await readRuntime(root, platform);
    assert.ok(runtime !== null);
    const locked = lock.packages[`node_modules/${runtime.package}`];
    assert.equal(runtime.version, lock.packages["node_modules/node-llama-cpp"]?.version);
    assert.equal(runtime.version, locked?.version);
    assert.equal(runtime.integrity, locked?.integrity);
    const library = librariesOf(platform).find(({ device }) => device === runtime.device);
    assert.equal(library?.package, runtime.package);
    const { checksum, uri } = runtimeJob(runtime, "/storage", 1);
    assert.equal(uri, `npm:${runtime.package}@${runtime.version}`);
    assert.match(checksum?.hex ?? "", /^[0-9a-f]{128}$/);
  });
}

test("there is none where there is no CUDA", async () => {
  assert.equal(await readRuntime(root, "darwin-arm64"), null);
});

test("an installed library is found, and removed", async (t) => {
  const storage = await temporaryFolder(t);
  const runtime = await readRuntime(root, "linux-x64");
  assert.ok(runtime !== null);
  assert.equal(await isRuntimeInstalled(runtime, storage), false);
  const folder = path.join(storage, "runtimes", "node_modules", runtime.package);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "package.json"), "{}");
  assert.equal(await isRuntimeInstalled(runtime, storage), true);
  await removeRuntime(runtime, storage);
  assert.equal(await isRuntimeInstalled(runtime, storage), false);
});
