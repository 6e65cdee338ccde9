/** The addon with the CPU library of this machine, as the tests of test/native use it. */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
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
