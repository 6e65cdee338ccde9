/** Loads the native addon and the llama.cpp library of the fastest device that works, and says why that one. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import type { LibraryInfo, NativeAddon, NativeDevice } from "../../native/addon.ts";
import type { DeviceReport } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { Device } from "../protocol/settings.ts";
import { chooseDevice, deviceLabels } from "./deviceChoice.ts";
import type { Obstacle } from "./deviceChoice.ts";
import { libraryDirectory, libraryRelease, missingSystemLibrary } from "./llamaLibraries.ts";
import type { LlamaLibrary } from "./llamaLibraries.ts";
import { nativeFailure } from "./nativeFailure.ts";

export interface Llama {
  readonly addon: NativeAddon;
  readonly library: LibraryInfo;
  readonly report: DeviceReport;
  /** For `openModel`: 0 on the CPU, more than any model has on a GPU. */
  readonly gpuLayers: number;
}

export interface OpenLlamaOptions {
  /** Precis' package folder. */
  readonly root: string;
  readonly device: Device;
  /** Folder of libraries that were downloaded. */
  readonly runtimes?: string;
  /** As in `DeviceRequest`. */
  readonly cpuBecause?: Sentence | null;
  readonly onLog?: (level: string, message: string) => void;
}

/**
 * Opens llama.cpp for this process. A process can load one library only, so another device needs another process.
 * Fails with nativeMissing, libraryMissing, libraryMismatch, or with deviceUnavailable where a device other than
 * `auto` was asked for and cannot be used; the detail says why.
 */
export async function openLlama(options: OpenLlamaOptions): Promise<Llama> {
  const addonFile = path.join(options.root, "dist", "native", "precis.node");
  const addon = loadAddon(addonFile);
  const folders = [options.root, ...(options.runtimes === undefined ? [] : [options.runtimes])];
  const choice = await chooseDevice({
    platform: `${process.platform}-${process.arch}`,
    device: options.device,
    cpuBecause: options.cpuBecause ?? null,
    obstacleTo: (library) => obstacleTo(library, { folders, addonFile, release: addon.release }),
  });
  const directory = checkedDirectory(folders, choice.library, addon.release);
  let library: LibraryInfo;
  try {
    library = addon.loadLibrary({ directory, ...(options.onLog === undefined ? {} : { onLog: options.onLog }) });
  } catch (error) {
    throw nativeFailure(error);
  }
  const { device } = choice.library;
  const onCpu = device === "cpu";
  const named = library.devices.find((candidate) => isGpu(candidate) !== onCpu);
  if (!onCpu && named === undefined) {
    throw new Failure("deviceUnavailable", `${deviceLabels[device]}: the library found no device`);
  }
  return {
    addon,
    library,
    report: {
      device,
      name: named?.description ?? deviceLabels[device],
      why: choice.why,
      others: choice.others,
      memoryBytes: named?.totalBytes ?? 0,
    },
    gpuLayers: onCpu ? 0 : allLayers,
  };
}

/** More layers than any model has. */
const allLayers = 100_000;
/** A GPU's first start after a driver update compiles its kernels. */
const probeTimeoutMs = 60_000;

const run = promisify(execFile);

function loadAddon(addonFile: string): NativeAddon {
  if (!existsSync(addonFile)) throw new Failure("nativeMissing", addonFile);
  try {
    return createRequire(addonFile)(addonFile) as NativeAddon;
  } catch (error) {
    throw new Failure("nativeMissing", error instanceof Error ? error.message : String(error), { cause: error });
  }
}

interface Installed {
  /** Where library packages are looked for, in order. */
  readonly folders: readonly string[];
  readonly addonFile: string;
  /** llama.cpp release that the addon was built for. */
  readonly release: string;
}

/** Why a GPU's library cannot be used, or null where it can. */
async function obstacleTo(library: LlamaLibrary, { folders, addonFile, release }: Installed): Promise<Obstacle | null> {
  const missing = missingSystemLibrary(library);
  const directory = libraryDirectory(folders, library);
  const found = directory === null ? null : libraryRelease(directory);
  // A library that was downloaded for an earlier Precis must not keep this one from running.
  const isOutdated = found !== null && found !== release;
  const [driver] = library.needs;
  const installable = missing?.file !== driver?.file && (directory === null || isOutdated);
  if (missing !== null) return { why: missing.absence, installable };
  if (directory === null) return { why: sentence("Its library is not installed ({0}).", library.package), installable };
  if (isOutdated)
    return { why: sentence("Its library is of release {0} instead of {1}.", found, release), installable };
  const why = await probe(addonFile, directory);
  return why === null ? null : { why, installable };
}

/**
 * Loads the library in a process of its own: a broken driver may end the process that touches it, and a library that
 * turns out to have no device cannot be exchanged for another one in the same process.
 */
async function probe(addonFile: string, directory: string): Promise<Sentence | null> {
  try {
    const { stdout } = await run(process.execPath, ["-e", probeScript, addonFile, directory], {
      timeout: probeTimeoutMs,
      env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
    });
    return stdout.trimEnd().endsWith("gpu") ? null : sentence("The library found no device.");
  } catch (error) {
    const output = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    const reason = output.split("\n").at(-1) ?? "";
    return reason === ""
      ? sentence("Its library could not be started.")
      : sentence("Its library could not be started ({0}).", reason);
  }
}

const probeScript = `
  const [, addonFile, directory] = process.argv;
  const { devices } = require(addonFile).loadLibrary({ directory });
  process.stdout.write(devices.some((device) => device.type === "gpu" || device.type === "integratedGpu") ? "gpu" : "none");
`;

function checkedDirectory(folders: readonly string[], library: LlamaLibrary, release: string): string {
  const directory = libraryDirectory(folders, library);
  if (directory === null) throw new Failure("libraryMissing", library.package);
  const found = libraryRelease(directory);
  if (found !== null && found !== release) {
    throw new Failure("libraryMismatch", `${library.package} holds ${found}, the engine needs ${release}`);
  }
  return directory;
}

function isGpu(device: NativeDevice): boolean {
  return device.type === "gpu" || device.type === "integratedGpu";
}
