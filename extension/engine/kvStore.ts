/**
 * Segments of the KV cache on disk, each under its key. The folder is bounded in bytes: the least recently used segments
 * go first, and before they go they are kept once more at half the size.
 */
import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { attempt } from "./disk.ts";
import { decodeKvFile, encodeKvFile, readKvFileInfo } from "./kvFile.ts";
import type { SegmentInfo } from "./kvFile.ts";
import { listFiles, partEnd, StateFiles } from "./stateFiles.ts";

export interface KvStoreOptions {
  /** Created when missing. Several processes may use it at once. */
  readonly folder: string;
  readonly bytesMax: number;
  /** Equal for equal models and cache layouts only. */
  readonly model: string;
  /** Told once, why nothing is written from then on. */
  readonly onProblem: (message: string) => void;
  /** A segment of this model in fewer bytes, or null where that is not possible. */
  readonly recode?: (payload: Uint8Array, info: SegmentInfo) => RecodedSegment | null;
}

export interface RecodedSegment {
  readonly payload: Uint8Array;
  readonly info: SegmentInfo;
}

export interface LoadedSegment {
  readonly info: SegmentInfo;
  /** For `NativeAddon.decodeKvState`. Where that refuses it, `remove` is due. */
  readonly payload: Uint8Array;
}

export interface StoredSegment extends SegmentInfo {
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedMs: number;
}

export interface VerifiedSegments {
  /** Whole ones, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Damaged, foreign or half written ones, which are gone now. */
  readonly removed: number;
}

export class KvStore {
  readonly #files: StateFiles;
  readonly #model: string;

  constructor({ recode, ...options }: KvStoreOptions) {
    this.#model = options.model;
    this.#files = new StateFiles({
      ...options,
      extension,
      what: "What the model reads",
      ...(recode === undefined ? {} : { shrink: (bytes: Uint8Array) => this.#shrink(bytes, recode) }),
    });
  }

  /** False once the folder could not be written to. */
  get isWritable(): boolean {
    return this.#files.isWritable;
  }

  /** Whether there is a file of that name; `read` says whether it is whole. */
  has(key: string): Promise<boolean> {
    return this.#files.has(key);
  }

  /** Null where there is none. A file that is damaged or not what its name says is removed. It counts as used now. */
  async read(key: string): Promise<LoadedSegment | null> {
    const bytes = await this.#files.read(key);
    if (bytes === null) return null;
    const file = decodeKvFile(bytes, { withChecksum: false });
    if (file !== null && file.identity === this.#identity(key)) return { info: file.info, payload: file.payload };
    await this.#files.remove(key);
    return null;
  }

  /** The file is there completely or not at all. Never rejects on account of the disk. */
  async write(key: string, info: SegmentInfo, payload: Uint8Array): Promise<void> {
    await this.#files.write(key, encodeKvFile({ info, identity: this.#identity(key), payload }));
  }

  async remove(key: string): Promise<void> {
    await this.#files.remove(key);
  }

  #shrink(bytes: Uint8Array, recode: NonNullable<KvStoreOptions["recode"]>): Uint8Array | null {
    const file = decodeKvFile(bytes, { withChecksum: false });
    if (file === null || !file.identity.startsWith(`${hashOf(this.#model)} `)) return null;
    const recoded = recode(file.payload, file.info);
    return recoded === null ? null : encodeKvFile({ ...recoded, identity: file.identity });
  }

  #identity(key: string): string {
    return `${hashOf(this.#model)} ${hashOf(key)}`;
  }
}

/** What lies in the folder, last used first. Files that are no segments are left out. */
export async function listSegments(folder: string): Promise<StoredSegment[]> {
  const segments: StoredSegment[] = [];
  for (const { file, bytes, usedMs } of await listFiles(folder)) {
    if (!isSegment(file)) continue;
    const info = await attempt(() => readKvFileInfo(file));
    if (info !== null && !(info instanceof Error)) segments.push({ ...info, bytes, usedMs });
  }
  return segments.sort((a, b) => b.usedMs - a.usedMs || compare(a.label, b.label));
}

/** Files and bytes in the folder, as the disk counts them. */
export async function measureSegments(folder: string): Promise<{ readonly files: number; readonly bytes: number }> {
  const files = (await listFiles(folder)).filter(({ file }) => isSegment(file) || isPart(file));
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Deletes all segments, also half written ones. Files of other names stay. */
export async function clearSegments(folder: string): Promise<{ readonly files: number; readonly bytes: number }> {
  let [files, bytes] = [0, 0];
  for (const found of await listFiles(folder)) {
    if (!isSegment(found.file) && !isPart(found.file)) continue;
    const removed = await attempt(() => rm(found.file));
    if (removed instanceof Error) continue;
    files += 1;
    bytes += found.bytes;
  }
  return { files, bytes };
}

/** Reads every segment in full and removes those that are damaged, and what killed writers left behind. */
export async function verifySegments(folder: string, nowMs: number): Promise<VerifiedSegments> {
  let [files, bytes, removed] = [0, 0, 0];
  for (const found of await listFiles(folder)) {
    const isAbandoned = isPart(found.file) && nowMs - found.usedMs > abandonedMs;
    if (!isSegment(found.file) && !isAbandoned) continue;
    if (!isAbandoned && (await isWhole(found.file))) {
      files += 1;
      bytes += found.bytes;
    } else {
      await attempt(() => rm(found.file, { force: true }));
      removed += 1;
    }
  }
  return { files, bytes, removed };
}

const extension = "kv";
/** Nothing takes this long to write. */
const abandonedMs = 10 * 60_000;

async function isWhole(file: string): Promise<boolean> {
  const bytes = await attempt(() => readFile(file));
  return !(bytes instanceof Error) && decodeKvFile(bytes, { withChecksum: true }) !== null;
}

function isSegment(file: string): boolean {
  return file.endsWith(`.${extension}`);
}

function isPart(file: string): boolean {
  return file.endsWith(partEnd);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
