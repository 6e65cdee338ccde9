/** States of a model's sequences on disk, one file each. A state knows by itself whether it is whole and whose it is. */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { attempt, errorCode } from "./disk.ts";

export interface StateFilesOptions {
  /** Created when missing. Several processes may use it at once. */
  readonly folder: string;
  /** Files together take at most this much, plus what was written since they were last counted. */
  readonly bytesMax: number;
  /** Equal for equal models, read in the same way, only. */
  readonly model: string;
  /** Told once, why nothing is written from then on. */
  readonly onProblem: (message: string) => void;
}

/** Trimming goes this far below the limit, so that it is rare. */
const trimmedShare = 0.9;

export class StateFiles {
  readonly #options: StateFilesOptions;
  /** Bytes in the folder as far as known; null before they were counted. */
  #bytes: number | null = null;
  #isWritable = true;

  constructor(options: StateFilesOptions) {
    this.#options = options;
  }

  get isWritable(): boolean {
    return this.#isWritable;
  }

  /** Null where there is none. It counts as used now. */
  async read(key: string): Promise<Uint8Array | null> {
    const file = this.#file(key);
    const state = await attempt(() => readFile(file));
    if (state instanceof Error) return null;
    const now = new Date();
    // Only the order of deletion depends on it, so a folder that cannot be written to does no harm.
    await attempt(() => utimes(file, now, now));
    return state;
  }

  /** The file is there completely or not at all. Never rejects on account of the disk. */
  async write(key: string, state: Uint8Array): Promise<void> {
    if (!this.#isWritable) return;
    const file = this.#file(key);
    const part = `${file}.${process.pid}.part`;
    const written = await attempt(async () => {
      await mkdir(this.#options.folder, { recursive: true });
      await writeFile(part, state);
      await rename(part, file);
    });
    if (written instanceof Error) {
      await attempt(() => rm(part, { force: true }));
      this.giveUp(`${errorCode(written)}: ${this.#options.folder}`);
      return;
    }
    if (this.#bytes !== null) this.#bytes += state.byteLength;
    if (this.#bytes === null || this.#bytes > this.#options.bytesMax) await this.#trim();
  }

  /** Nothing is written any more; `why` is told. */
  giveUp(why: string): void {
    if (!this.#isWritable) return;
    this.#isWritable = false;
    this.#options.onProblem(`What the scorer reads is not kept on disk: ${why}`);
  }

  async remove(key: string): Promise<void> {
    await attempt(() => rm(this.#file(key), { force: true }));
  }

  /** Counts all files, also those of other processes and models, and deletes the least recently used beyond the limit. */
  async #trim(): Promise<void> {
    const { folder, bytesMax } = this.#options;
    const names = await attempt(() => readdir(folder));
    if (names instanceof Error) return;
    const files: { readonly file: string; readonly bytes: number; readonly usedMs: number }[] = [];
    for (const name of names) {
      const file = path.join(folder, name);
      const found = await attempt(() => stat(file));
      // Another process may have deleted it.
      if (!(found instanceof Error)) files.push({ file, bytes: found.size, usedMs: found.mtimeMs });
    }
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (bytes > bytesMax) {
      for (const { file, bytes: freed } of files.sort((a, b) => a.usedMs - b.usedMs)) {
        if (bytes <= bytesMax * trimmedShare) break;
        await attempt(() => rm(file, { force: true }));
        bytes -= freed;
      }
    }
    this.#bytes = bytes;
  }

  #file(key: string): string {
    const name = createHash("sha256").update(this.#options.model).update("\n").update(key).digest("hex");
    return path.join(this.#options.folder, `${name}.state`);
  }
}

/** Slices of a model file that is too large to be read as a whole. */
const sampled = { slices: 64, bytes: 1 << 20 } as const;

/** Tells a model file from others, also from one with the same metadata and other weights: files up to 64 MiB are read whole. */
export async function modelFingerprint(file: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    hash.update(`${size}\n`);
    const distance = Math.max(sampled.bytes, Math.floor(size / sampled.slices));
    const slice = Buffer.alloc(sampled.bytes);
    for (let start = 0; start < size; start += distance) {
      const { bytesRead } = await handle.read(slice, 0, slice.byteLength, start);
      hash.update(slice.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
  return hash.digest("hex");
}
