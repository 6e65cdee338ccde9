/** The addon with the CPU library of this machine, as the tests of test/native use it. */
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type {
  NativeAddon,
  NativeContext,
  NativeErrorCode,
  NativeModel,
  OpenContextOptions,
} from "../../native/addon.ts";
import { buildNative } from "../../tools/buildNative.mjs";

export const root: string = fileURLToPath(new URL("../../", import.meta.url));
/** A llama model of 5 M parameters that comes with the product. */
export const scorerModel: string = path.join(root, "models", "scorer", "likelihood.gguf");

/** Folder of the llama.cpp libraries without GPU for this platform. */
export function libraryFolder(): string {
  const platform = { linux: "linux", darwin: "mac", win32: "win" }[process.platform as "linux" | "darwin" | "win32"];
  const scope = path.join(root, "node_modules", "@node-llama-cpp");
  const candidates = readdirSync(scope)
    .filter((name) => name.startsWith(`${platform}-${process.arch}`))
    .sort((a, b) => a.length - b.length)
    .flatMap((name) => readdirSync(path.join(scope, name, "bins")).map((bin) => path.join(scope, name, "bins", bin)))
    .filter((folder) => existsSync(path.join(folder, "_nlcBuildMetadata.json")));
  const folder = candidates[0];
  if (folder === undefined) throw new Error(`no llama.cpp library for ${process.platform}-${process.arch}`);
  return folder;
}

/** Builds the addon where needed, without opening a library. */
export async function loadAddon(): Promise<NativeAddon> {
  const file = await buildNative({ root });
  return createRequire(import.meta.url)(file) as NativeAddon;
}

export interface ModelFixture {
  readonly addon: NativeAddon;
  /** The model's file, in a folder that goes with it. */
  readonly file: string;
  readonly model: NativeModel;
  close(): Promise<void>;
}

/** Opens a model that `write` puts into a file, on the CPU. */
export async function openFixture(write: (file: string) => Promise<void>): Promise<ModelFixture> {
  const addon = await loadAddon();
  addon.loadLibrary({ directory: libraryFolder() });
  const folder = await mkdtemp(path.join(os.tmpdir(), "precis-"));
  const file = path.join(folder, "model.gguf");
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await write(file);
    const model = await addon.openModel({ path: file, gpuLayers: 0 });
    const close = async (): Promise<void> => {
      await model.close();
      await remove();
    };
    return { addon, file, model, close };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Opens a context, runs `use` with it, and closes it. */
export async function withContextOf<Result>(
  model: NativeModel,
  options: OpenContextOptions,
  use: (context: NativeContext) => Promise<Result>,
): Promise<Result> {
  const context = await model.openContext(options);
  try {
    return await use(context);
  } finally {
    await context.close();
  }
}

/** The code of what an action throws or rejects with; "none" when it does not fail, the message when it has no code. */
export async function codeOf(action: () => unknown): Promise<NativeErrorCode | "none" | (string & {})> {
  try {
    await action();
    return "none";
  } catch (failure) {
    if (!(failure instanceof Error)) return `not an error: ${typeof failure}`;
    return "code" in failure && typeof failure.code === "string" ? failure.code : `no code: ${failure.message}`;
  }
}
