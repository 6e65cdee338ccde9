/** Loads the native addon and the llama.cpp library of the fastest device that works, and says why that one. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import type { LibraryInfo, NativeAddon, NativeDevice } from "../../native/addon.ts";
import type { DeviceReport } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import type { Device } from "../protocol/settings.ts";
import { libraryDirectory, libraryRelease, librariesOf, missingSystemLibrary } from "./llamaLibraries.ts";
import type { LlamaLibrary, RealDevice } from "./llamaLibraries.ts";
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
  const choice = await chooseLibrary(options, addonFile);
  const directory = checkedDirectory(options.root, choice.library, addon.release);
  let library: LibraryInfo;
  try {
    library = addon.loadLibrary({ directory, ...(options.onLog === undefined ? {} : { onLog: options.onLog }) });
  } catch (error) {
    throw nativeFailure(error);
  }
  const { device } = choice.library;
  const onCpu = device === "cpu";
  const named = library.devices.find((candidate) => isGpu(candidate) !== onCpu);
  if (!onCpu && named === undefined) throw new Failure("deviceUnavailable", `${labels[device]}: ${noDeviceFound}`);
  return {
    addon,
    library,
    report: {
      device,
      name: named?.description ?? labels[device],
      why: choice.why,
      memoryBytes: named?.totalBytes ?? 0,
    },
    gpuLayers: onCpu ? 0 : allLayers,
  };
}

/** More layers than any model has. */
const allLayers = 100_000;
/** A GPU's first start after a driver update compiles its kernels. */
const probeTimeoutMs = 60_000;
const noDeviceFound = "the library found no device";

const labels: Readonly<Record<RealDevice, string>> = { cpu: "CPU", cuda: "CUDA", vulkan: "Vulkan", metal: "Metal" };

const run = promisify(execFile);

function loadAddon(addonFile: string): NativeAddon {
  if (!existsSync(addonFile)) throw new Failure("nativeMissing", addonFile);
  try {
    return createRequire(addonFile)(addonFile) as NativeAddon;
  } catch (error) {
    throw new Failure("nativeMissing", error instanceof Error ? error.message : String(error), { cause: error });
  }
}

interface Choice {
  readonly library: LlamaLibrary;
  readonly why: string;
}

async function chooseLibrary(options: OpenLlamaOptions, addonFile: string): Promise<Choice> {
  const platform = `${process.platform}-${process.arch}`;
  const libraries = librariesOf(platform);
  const cpu = libraries.find((library) => library.device === "cpu");
  if (cpu === undefined) throw new Failure("libraryMissing", `there is none for ${platform}`);
  if (options.device === "cpu") return { library: cpu, why: "The CPU was chosen in the settings." };

  const obstacles: string[] = [];
  for (const library of libraries) {
    if (library.device === "cpu" || (options.device !== "auto" && options.device !== library.device)) continue;
    const label = labels[library.device];
    const obstacle = await obstacleTo(library, options.root, addonFile);
    if (obstacle !== null) {
      obstacles.push(`${label}: ${obstacle}.`);
      continue;
    }
    const why =
      options.device === "auto"
        ? `${label} is the fastest device that works here.`
        : `${label} was chosen in the settings.`;
    return { library, why: [why, ...obstacles].join(" ") };
  }
  if (options.device !== "auto") {
    throw new Failure("deviceUnavailable", obstacles[0] ?? `${labels[options.device]}: not offered for ${platform}`);
  }
  if (obstacles.length === 0) obstacles.push(`There is no GPU library for ${platform}.`);
  return { library: cpu, why: ["The CPU is used because no GPU can be.", ...obstacles].join(" ") };
}

/** Why a GPU's library cannot be used, as half a sentence, or null where it can. */
async function obstacleTo(library: LlamaLibrary, root: string, addonFile: string): Promise<string | null> {
  const missing = missingSystemLibrary(library);
  if (missing !== null) return `${missing.absence} (${missing.file})`;
  const directory = libraryDirectory(root, library);
  if (directory === null) return `its library is not installed (${library.package})`;
  return probe(addonFile, directory);
}

/**
 * Loads the library in a process of its own: a broken driver may end the process that touches it, and a library that
 * turns out to have no device cannot be exchanged for another one in the same process.
 */
async function probe(addonFile: string, directory: string): Promise<string | null> {
  try {
    const { stdout } = await run(process.execPath, ["-e", probeScript, addonFile, directory], {
      timeout: probeTimeoutMs,
      env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
    });
    return stdout.trimEnd().endsWith("gpu") ? null : noDeviceFound;
  } catch (error) {
    const output = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    const reason = output.split("\n").at(-1) ?? "";
    return `its library could not be started${reason === "" ? "" : ` (${reason})`}`;
  }
}

const probeScript = `
  const [, addonFile, directory] = process.argv;
  const { devices } = require(addonFile).loadLibrary({ directory });
  process.stdout.write(devices.some((device) => device.type === "gpu" || device.type === "integratedGpu") ? "gpu" : "none");
`;

function checkedDirectory(root: string, library: LlamaLibrary, release: string): string {
  const directory = libraryDirectory(root, library);
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
