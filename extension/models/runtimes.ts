/** Libraries for a GPU that are too large to come with Precis, and can be downloaded. */
import { readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import * as z from "zod/mini";
import type { DownloadJob } from "../protocol/download.ts";
import { runtimesFolder } from "../protocol/models.ts";

const runtimeSchema = z.lazy(() =>
  z.readonly(
    z.strictObject({
      device: z.literal("cuda"),
      /** npm package, of the version of node-llama-cpp that Precis is built with. */
      package: z.string().check(z.regex(/^@node-llama-cpp\/[a-z0-9-]+$/)),
      version: z.string().check(z.regex(/^\d+\.\d+\.\d+$/)),
      /** npm's checksum of the archive. */
      integrity: z.string().check(z.regex(/^sha512-[A-Za-z0-9+/]{86}==$/)),
      /** Of the archive. */
      bytes: z.int().check(z.minimum(1)),
      bytesAreExact: z.boolean(),
    }),
  ),
);
export type Runtime = z.infer<typeof runtimeSchema>;

/** The library that can be downloaded for a platform (`process.platform`-`process.arch`), or null. */
export async function readRuntime(root: string, platform: string): Promise<Runtime | null> {
  const text = await readFile(path.join(root, "models", "runtimes.json"), "utf8");
  return z.record(z.string(), runtimeSchema).parse(JSON.parse(text))[platform] ?? null;
}

export function runtimeJob(runtime: Runtime, storageFolder: string, stallMs: number): DownloadJob {
  const digest = Buffer.from(runtime.integrity.slice("sha512-".length), "base64");
  return {
    uri: `npm:${runtime.package}@${runtime.version}`,
    folder: runtimesFolder(storageFolder),
    kind: "package",
    checksum: { algorithm: "sha512", hex: digest.toString("hex") },
    role: null,
    stallMs,
  };
}

export async function isRuntimeInstalled(runtime: Runtime, storageFolder: string): Promise<boolean> {
  const found = await stat(installedAt(runtime, storageFolder)).catch(() => null);
  return found !== null;
}

/** Deletes it. A library that an engine has open goes on working until that ends, or cannot be deleted before. */
export async function removeRuntime(runtime: Runtime, storageFolder: string): Promise<void> {
  await rm(installedAt(runtime, storageFolder), { recursive: true, force: true });
}

function installedAt(runtime: Runtime, storageFolder: string): string {
  return path.join(runtimesFolder(storageFolder), "node_modules", ...runtime.package.split("/"));
}
