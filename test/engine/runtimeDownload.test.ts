import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import test from "node:test";
import type { TestContext } from "node:test";
import { create } from "tar";
import { libraryDirectory, librariesOf } from "../../extension/engine/llamaLibraries.ts";
import { readRuntime, runtimeJob } from "../../extension/models/runtimes.ts";
import type { Runtime } from "../../extension/models/runtimes.ts";
import { failureOfDownload, finishedFile, testDownloads } from "../support/downloads.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = path.resolve(import.meta.dirname, "../..");
const registryVariable = "npm_config_registry";

test("the CUDA library is fetched from npm's registry, checked, unpacked, and found", async (t) => {
  const { runtime, storage } = await setUp(t);
  const job = runtimeJob(runtime, storage, 5_000);
  const folder = await finishedFile(testDownloads(t), job);
  assert.equal(await readFile(path.join(folder, "dist", "index.js"), "utf8"), "export {};\n");
  const library = librariesOf("linux-x64").find(({ package: name }) => name === runtime.package);
  assert.ok(library !== undefined);
  assert.ok(libraryDirectory([path.join(storage, "runtimes")], library)?.startsWith(folder));
  assert.equal(libraryDirectory([storage], library), null);
  // A second time it takes the place of the first.
  assert.equal(await finishedFile(testDownloads(t), job), folder);
  assert.deepEqual(await readdir(path.dirname(folder)), [path.basename(folder)]);
});

test("an archive that is not the published one is not unpacked", async (t) => {
  const { runtime, storage } = await setUp(t);
  const other = `sha512-${createHash("sha512").update("other").digest("base64")}`;
  const job = runtimeJob({ ...runtime, integrity: other }, storage, 5_000);
  assert.equal((await failureOfDownload(testDownloads(t), job)).code, "downloadWrongBytes");
  assert.deepEqual(await readdir(path.join(storage, "runtimes")), [".parts"]);
});

test("a registry that does not have it says so", async (t) => {
  const { runtime, storage } = await setUp(t);
  const job = runtimeJob({ ...runtime, version: "0.0.1" }, storage, 5_000);
  assert.equal((await failureOfDownload(testDownloads(t), job)).code, "downloadMissing");
});

/** A registry with one small package of the library's name. */
async function setUp(t: TestContext): Promise<{ readonly runtime: Runtime; readonly storage: string }> {
  const published = await readRuntime(root, "linux-x64");
  assert.ok(published !== null);
  const archive = await packArchive(await temporaryFolder(t), published);
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  const server = createServer((request, response) => {
    const metadata = `/${published.package.replace("/", "%2f")}/${published.version}`;
    if (request.url === metadata) {
      response.end(JSON.stringify({ dist: { tarball: `${address()}/archive.tgz` } }));
    } else if (request.url === "/archive.tgz") {
      response.writeHead(200, { "content-length": archive.length }).end(archive);
    } else {
      response.writeHead(404).end("{}");
    }
  });
  const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const before = process.env[registryVariable];
  process.env[registryVariable] = address();
  t.after(async () => {
    if (before === undefined) Reflect.deleteProperty(process.env, registryVariable);
    else process.env[registryVariable] = before;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { runtime: { ...published, integrity }, storage: await temporaryFolder(t) };
}

async function packArchive(folder: string, { package: name, version }: Runtime): Promise<Buffer> {
  const inside = path.join(folder, "package");
  const libraries = path.join(inside, "bins", path.basename(name));
  await mkdir(libraries, { recursive: true });
  await mkdir(path.join(inside, "dist"));
  const manifest = { name, version, type: "module", exports: { ".": "./dist/index.js" } };
  await writeFile(path.join(inside, "package.json"), JSON.stringify(manifest));
  await writeFile(path.join(inside, "dist", "index.js"), "export {};\n");
  await writeFile(path.join(libraries, "libllama.so"), "not really");
  const file = path.join(folder, "archive.tgz");
  await create({ file, cwd: folder, gzip: true }, ["package"]);
  return readFile(file);
}
