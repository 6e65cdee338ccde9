/**
 * States of a model's sequences on disk, one file each. A state knows by itself whether it is whole and whose it is. A
 * file is there completely or not at all, also when its writer is killed, and several processes may use one folder.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { attempt, errorCode } from "./disk.ts";

export interface StateFilesOptions {
  /** Created when missing. Several processes may use it at once. */
  readonly folder: string;
  /** Files together take at most this much, plus what each process wrote since it last counted them. */
  readonly bytesMax: number;
  /** Equal for equal models, read in the same way, only. */
  readonly model: string;
  /** End of the files' names, without the dot. Default `state`. */
  readonly extension?: string;
  /** What is kept, as the subject of a sentence. Default: what the scorer reads. */
  readonly what?: string;
  /** A smaller form of a file that would be deleted to make room, or null where there is none. */
  readonly shrink?: (state: Uint8Array) => Uint8Array | null;
  /** Told once, why nothing is written from then on. */
  readonly onProblem: (message: string) => void;
}

/** A file of a folder, as `listFiles` finds it. */
export interface FoundFile {
  readonly file: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/** Trimming goes this far below the limit, so that it is rare. */
const trimmedShare = 0.9;
/** Other processes write as well: files are counted again after this share of the limit. */
const countedShare = 1 / 16;

export class StateFiles {
  readonly #options: StateFilesOptions;
  /** Bytes in the folder when they were last counted; null before. */
  #counted: number | null = null;
  /** Bytes written since then. */
  #written = 0;
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

  async has(key: string): Promise<boolean> {
    return !((await attempt(() => stat(this.#file(key)))) instanceof Error);
  }

  /** The file is there completely or not at all. Never rejects on account of the disk. */
  async write(key: string, state: Uint8Array): Promise<void> {
    if (!this.#isWritable) return;
    const file = this.#file(key);
    const written = await attempt(async () => {
      await mkdir(this.#options.folder, { recursive: true });
      await replaceFile(file, state);
    });
    if (written instanceof Error) {
      this.giveUp(`${errorCode(written)}: ${this.#options.folder}`);
      return;
    }
    this.#written += state.byteLength;
    const { bytesMax } = this.#options;
    const isOver = this.#counted === null || this.#counted + this.#written > bytesMax;
    if (isOver || this.#written > bytesMax * countedShare) await this.#trim();
  }

  /** Nothing is written any more; `why` is told. */
  giveUp(why: string): void {
    if (!this.#isWritable) return;
    this.#isWritable = false;
    this.#options.onProblem(`${this.#options.what ?? "What the scorer reads"} is not kept on disk: ${why}`);
  }

  async remove(key: string): Promise<void> {
    await attempt(() => rm(this.#file(key), { force: true }));
  }

  /**
   * Counts all files, also those of other processes and models, and makes room beyond the limit: from the least
   * recently used on, each file becomes smaller where it can, or goes.
   */
  async #trim(): Promise<void> {
    const { folder, bytesMax } = this.#options;
    const files = await listFiles(folder);
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (bytes > bytesMax) {
      const enough = bytesMax * trimmedShare;
      const shrunk: FoundFile[] = [];
      for (const found of files.sort((a, b) => a.usedMs - b.usedMs)) {
        if (bytes <= enough) break;
        const left = await this.#shrink(found);
        bytes -= found.bytes - left;
        if (left > 0) shrunk.push({ ...found, bytes: left });
      }
      for (const found of shrunk) {
        if (bytes <= bytesMax) break;
        await attempt(() => rm(found.file, { force: true }));
        bytes -= found.bytes;
      }
    }
    this.#counted = bytes;
    this.#written = 0;
  }

  /** Bytes that are left of the file. */
  async #shrink({ file, usedMs }: FoundFile): Promise<number> {
    const { shrink } = this.#options;
    const smaller = shrink === undefined ? null : await attempt(async () => shrink(await readFile(file)));
    if (smaller !== null && !(smaller instanceof Error)) {
      const used = new Date(usedMs);
      // It is as old as before: the next to go.
      const replaced = await attempt(() => replaceFile(file, smaller, used));
      if (!(replaced instanceof Error)) return smaller.byteLength;
    }
    await attempt(() => rm(file, { force: true }));
    return 0;
  }

  #file(key: string): string {
    const name = createHash("sha256").update(this.#options.model).update("\n").update(key).digest("hex");
    return path.join(this.#options.folder, `${name}.${this.#options.extension ?? "state"}`);
  }
}

/** All files of a folder, those that are being written included; none where there is no folder. */
export async function listFiles(folder: string): Promise<FoundFile[]> {
  const names = await attempt(() => readdir(folder));
  if (names instanceof Error) return [];
  const files: FoundFile[] = [];
  for (const name of names) {
    const file = path.join(folder, name);
    const found = await attempt(() => stat(file));
    // Another process may have deleted it.
    if (!(found instanceof Error) && found.isFile()) files.push({ file, bytes: found.size, usedMs: found.mtimeMs });
  }
  return files;
}

/** End of the names of files that are being written, or were when their writer was killed. */
export const partEnd = ".part";

/** Writes beside the file and renames: whoever reads finds the old bytes or the new ones. */
async function replaceFile(file: string, bytes: Uint8Array, used?: Date): Promise<void> {
  const part = `${file}.${process.pid}${partEnd}`;
  try {
    await writeFile(part, bytes);
    if (used !== undefined) await utimes(part, used, used);
    await rename(part, file);
  } catch (error) {
    await attempt(() => rm(part, { force: true }));
    throw error;
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
