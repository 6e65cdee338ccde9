import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { librariesOf } from "../../extension/engine/llamaLibraries.ts";
import { english } from "../../extension/protocol/sentence.ts";
import type { Sentence } from "../../extension/protocol/sentence.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = path.resolve(import.meta.dirname, "../..");
const platform = `${process.platform}-${process.arch}`;
const gpus = ["cuda", "vulkan", "metal"] as const;

test("`auto` finds a device and says of every other one why it is not used", async () => {
  const opened = await openInProcess(root, "auto");
  assert.equal(opened.code, null, opened.message);
  const all = librariesOf(platform).map(({ device }) => device);
  assert.deepEqual(
    opened.others.map(({ device }) => device),
    all.filter((device) => device !== opened.device),
  );
  for (const { device, why } of opened.others) {
    assert.match(english(why), /^[A-Z].{5,}\.$/, device);
  }
  assert.equal(opened.gpuLayers > 0, opened.device !== "cpu");
  assert.notEqual(opened.name, "");
});

test("the CPU can always be chosen, and its memory is known", async () => {
  const opened = await openInProcess(root, "cpu");
  assert.equal(opened.device, "cpu", opened.message);
  assert.equal(opened.gpuLayers, 0);
  assert.ok(opened.memoryBytes > 2 ** 28, String(opened.memoryBytes));
});

test("a GPU that was asked for is used, or refused with the reason", async () => {
  for (const device of gpus) {
    const opened = await openInProcess(root, device);
    if (opened.code === null) {
      assert.equal(opened.device, device);
      continue;
    }
    assert.equal(opened.code, "deviceUnavailable", opened.message);
    const offered = librariesOf(platform).some((library) => library.device === device);
    assert.match(opened.detail, offered ? /: .{10}/ : new RegExp(`Not offered for ${platform}`));
  }
});

test("without the addon, opening fails as nativeMissing and names the file", async (t) => {
  const folder = await temporaryFolder(t);
  const opened = await openInProcess(folder, "auto");
  assert.equal(opened.code, "nativeMissing");
  assert.match(opened.detail, /precis\.node/);
});

test("without the library's package, opening fails as libraryMissing", async (t) => {
  const folder = await packageWithAddon(await temporaryFolder(t));
  assert.equal((await openInProcess(folder, "cpu")).code, "libraryMissing");
});

test("a library of another release is refused before it is loaded", async (t) => {
  const folder = await packageWithAddon(await temporaryFolder(t));
  const library = librariesOf(platform).find((candidate) => candidate.device === "cpu");
  assert.ok(library !== undefined);
  const packageFolder = path.join(folder, "node_modules", library.package);
  const directory = path.join(packageFolder, "bins", path.basename(library.package));
  await mkdir(directory, { recursive: true });
  await mkdir(path.join(packageFolder, "dist"));
  await writeFile(path.join(packageFolder, "package.json"), JSON.stringify({ main: "dist/index.js" }));
  await writeFile(path.join(packageFolder, "dist", "index.js"), "");
  const metadata = { buildOptions: { llamaCpp: { release: "v0.0.1" } } };
  await writeFile(path.join(directory, "_nlcBuildMetadata.json"), JSON.stringify(metadata));
  const opened = await openInProcess(folder, "cpu");
  assert.equal(opened.code, "libraryMismatch");
  assert.match(opened.detail, /v0\.0\.1/);
});

/** A package root that holds the addon and nothing else. */
async function packageWithAddon(folder: string): Promise<string> {
  await mkdir(path.join(folder, "dist", "native"), { recursive: true });
  await writeFile(path.join(folder, "package.json"), "{}");
  const addon = path.join("dist", "native", "precis.node");
  await copyFile(path.join(root, addon), path.join(folder, addon));
  return folder;
}

interface Opened {
  /** Null where it worked. */
  readonly code: string | null;
  readonly message: string;
  readonly detail: string;
  readonly device: string;
  readonly name: string;
  readonly others: readonly { readonly device: string; readonly why: Sentence }[];
  readonly memoryBytes: number;
  readonly gpuLayers: number;
}

/** In a process of its own, since a process can load one library only. */
async function openInProcess(packageRoot: string, device: string): Promise<Opened> {
  const script = `
    import { openLlama } from ${JSON.stringify(pathToFileURL(path.join(root, "extension/engine/llama.ts")).href)};
    const empty = { code: null, message: "", detail: "", device: "", name: "", others: [], memoryBytes: 0, gpuLayers: 0 };
    let opened;
    try {
      const { report, gpuLayers } = await openLlama(${JSON.stringify({ root: packageRoot, device })});
      opened = { ...empty, ...report, gpuLayers };
    } catch (error) {
      opened = { ...empty, code: String(error.code), message: error.message, detail: String(error.detail) };
    }
    process.stdout.write("\\n" + JSON.stringify(opened));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  return JSON.parse(stdout.split("\n").at(-1) ?? "") as Opened;
}
