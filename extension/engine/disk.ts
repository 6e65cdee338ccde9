/** Small reads from disk whose failures are answers rather than exceptions. */
import { open, readdir, realpath } from "node:fs/promises";
import { Failure } from "../protocol/failure.ts";

/** The value, or the error that a file operation threw. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** The operating system's code, e.g. `ENOENT`; the message where there is none. */
export function errorCode(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

/** Real path of a folder. Throws `Failure` workspaceMissing where there is none or it may not be read. */
export async function realFolder(folder: string): Promise<string> {
  const real = await attempt(() => realpath(folder));
  if (real instanceof Error) throw new Failure("workspaceMissing", folder, { cause: real });
  const entries = await attempt(() => readdir(real));
  if (entries instanceof Error) throw new Failure("workspaceMissing", folder, { cause: entries });
  return real;
}

/** The first `bytesMax` bytes. A file that grows meanwhile is cut; its new size shows at the next look. */
export async function readAtMost(file: string, bytesMax: number): Promise<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    const buffer = new Uint8Array(Math.min(size, bytesMax));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

/** For people: `812 KiB`, `1.2 MiB`. */
export function bytesInWords(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}
