/** The prebuilt llama.cpp libraries that come with node-llama-cpp, and what each needs of the machine. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { Device } from "../protocol/settings.ts";

export type RealDevice = Exclude<Device, "auto">;

export interface LlamaLibrary {
  readonly device: RealDevice;
  /** npm package that holds the library. */
  readonly package: string;
  /** Files that the operating system's loader must find, each with what its absence means; the driver's first. */
  readonly needs: readonly SystemLibrary[];
}

interface SystemLibrary {
  readonly file: string;
  /** E.g. "No NVIDIA driver was found (libcuda.so.1)." */
  readonly absence: Sentence;
}

/** Libraries for a platform (`process.platform`-`process.arch`), the fastest first; empty where there are none. */
export function librariesOf(platform: string): readonly LlamaLibrary[] {
  return libraries[platform] ?? [];
}

/**
 * Folder of a package's libraries, or null where it is not installed. `folders` are looked through in order: Precis'
 * package folder, and where further libraries were downloaded to.
 */
export function libraryDirectory(folders: readonly string[], library: LlamaLibrary): string | null {
  for (const folder of folders) {
    let entry: string;
    try {
      entry = createRequire(path.join(folder, "package.json")).resolve(library.package);
    } catch {
      // Optional dependencies of other platforms are not installed: that is an answer, not a failure.
      continue;
    }
    const directory = path.join(path.dirname(entry), "..", "bins", path.basename(library.package));
    if (existsSync(directory)) return path.normalize(directory);
  }
  return null;
}

/** llama.cpp release of the library in `directory` (e.g. `v0.5.0`), or null where nothing says so. */
export function libraryRelease(directory: string): string | null {
  const file = path.join(directory, "_nlcBuildMetadata.json");
  if (!existsSync(file)) return null;
  const text = readFileSync(file, "utf8");
  return /"release"\s*:\s*"([^"]+)"/.exec(text)?.[1] ?? null;
}

/** The first system library that the loader would not find, or null. */
export function missingSystemLibrary(library: LlamaLibrary): SystemLibrary | null {
  return library.needs.find((need) => !loaderFinds(need.file)) ?? null;
}

/** CUDA's major version that node-llama-cpp 3.22.1's libraries are linked against. */
const cudaMajor = 13;

const driver = (file: string): SystemLibrary => {
  return { file, absence: sentence("No NVIDIA driver was found ({0}).", file) };
};
const cudaRuntime = (file: string): SystemLibrary => {
  return { file, absence: sentence("The CUDA {0} runtime was not found ({1}).", cudaMajor, file) };
};
const vulkanLoader = (file: string): SystemLibrary => {
  return { file, absence: sentence("No Vulkan loader was found ({0}).", file) };
};
const cudaLinux = [
  driver("libcuda.so.1"),
  cudaRuntime(`libcudart.so.${cudaMajor}`),
  cudaRuntime(`libcublas.so.${cudaMajor}`),
];
const cudaWindows = [
  driver("nvcuda.dll"),
  cudaRuntime(`cudart64_${cudaMajor}.dll`),
  cudaRuntime(`cublas64_${cudaMajor}.dll`),
];
const vulkanLinux = [vulkanLoader("libvulkan.so.1")];
const vulkanWindows = [vulkanLoader("vulkan-1.dll")];

const libraries: Readonly<Record<string, readonly LlamaLibrary[]>> = {
  "linux-x64": [
    { device: "cuda", package: "@node-llama-cpp/linux-x64-cuda", needs: cudaLinux },
    { device: "vulkan", package: "@node-llama-cpp/linux-x64-vulkan", needs: vulkanLinux },
    { device: "cpu", package: "@node-llama-cpp/linux-x64", needs: [] },
  ],
  "linux-arm64": [{ device: "cpu", package: "@node-llama-cpp/linux-arm64", needs: [] }],
  // One library for both devices: without GPU layers Metal is left alone.
  "darwin-arm64": [
    { device: "metal", package: "@node-llama-cpp/mac-arm64-metal", needs: [] },
    { device: "cpu", package: "@node-llama-cpp/mac-arm64-metal", needs: [] },
  ],
  "darwin-x64": [{ device: "cpu", package: "@node-llama-cpp/mac-x64", needs: [] }],
  "win32-x64": [
    { device: "cuda", package: "@node-llama-cpp/win-x64-cuda", needs: cudaWindows },
    { device: "vulkan", package: "@node-llama-cpp/win-x64-vulkan", needs: vulkanWindows },
    { device: "cpu", package: "@node-llama-cpp/win-x64", needs: [] },
  ],
  "win32-arm64": [{ device: "cpu", package: "@node-llama-cpp/win-arm64", needs: [] }],
};

/** Looks where the operating system's loader looks: a library elsewhere would not be loaded either. */
function loaderFinds(file: string): boolean {
  const variable = process.platform === "win32" ? process.env["PATH"] : process.env["LD_LIBRARY_PATH"];
  const folders = (variable ?? "").split(path.delimiter).filter((folder) => folder !== "");
  if (process.platform === "win32") folders.push(path.join(process.env["SystemRoot"] ?? "C:\\Windows", "System32"));
  else folders.push("/lib", "/usr/lib", "/lib64", "/usr/lib64");
  return folders.some((folder) => existsSync(path.join(folder, file))) || loaderCacheNames(file);
}

const loaderCache = "/etc/ld.so.cache";

/** On Linux the loader's cache holds the full path of each library, ended by a zero byte. */
function loaderCacheNames(file: string): boolean {
  if (process.platform !== "linux" || !existsSync(loaderCache)) return false;
  return readFileSync(loaderCache).includes(Buffer.from(`/${file}\0`));
}
