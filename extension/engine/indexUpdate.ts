/**
 * Brings an index up to date with its workspace: looks at time and size first, then at the content, and parses only
 * what changed. Whatever was written stays written when it is stopped; the next update goes on from there.
 */
import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextEvent } from "node:timers/promises";
import type { EngineEvents } from "../protocol/engine.ts";
import type { SkippedFile, SkipReason } from "../protocol/units.ts";
import type { IndexReader } from "./indexReader.ts";
import { prepareReads } from "./indexReads.ts";
import type { IndexWriter, StoredFile } from "./indexWriter.ts";
import type { ParsePool } from "./parsePool.ts";
import type { FileRecord } from "./parseRecord.ts";
import { unitRows } from "./parseRecord.ts";
import type { TableEncoder } from "./staticTable.ts";
import { Turns } from "./turns.ts";
import type { FoundFile, Workspace } from "./workspace.ts";

export type IndexProgress = EngineEvents["indexProgress"];

export interface UpdateTask {
  readonly workspace: Workspace;
  readonly database: DatabaseSync;
  readonly writer: IndexWriter;
  /** Reads through the writer's connection. */
  readonly reader: IndexReader;
  readonly pool: ParsePool;
  /** Relative paths to look at; null: the whole workspace. */
  readonly changed: readonly string[] | null;
  /** Identity of grammars and parsing code. */
  readonly parserKey: string;
  /** Identity of everything that decides what is found; another one leads to a whole walk. */
  readonly walkKey: string;
  readonly encoder: TableEncoder | null;
  readonly onProgress: (progress: IndexProgress) => void;
  readonly signal: AbortSignal;
}

export interface UpdateCounts {
  readonly filesParsed: number;
  readonly filesRemoved: number;
}

/** Rows of files that were skipped by their names; beyond, they are only counted. */
const skippedRowsMax = 5000;
/** With more changed paths than this a walk is quicker. */
const changedPathsMax = 200;
/** A file saved so shortly before may be saved again with the same time and size. */
const unsettledMs = 2000;
/** After this much work without waiting for anything, others get their turn. */
const turnMs = 20;
/** First builds and large changes leave the word index in many segments. */
const compactAfterFiles = 300;
const compactStepsMax = 2000;
const progressEveryMs = 100;

/** Throws the signal's reason, `Failure` workspaceBusy, or errors of SQLite as they are. */
export async function runUpdate(task: UpdateTask): Promise<UpdateCounts> {
  return new Update(task).run();
}

/** Skips of the last whole walk that were decided by name, per reason. */
export function walkSkipCounts(meta: unknown): Partial<Record<SkipReason, number>> {
  if (typeof meta !== "string") return {};
  return JSON.parse(meta) as Partial<Record<SkipReason, number>>;
}

type Job =
  | { readonly kind: "parse"; readonly file: FoundFile; readonly stored: StoredFile | null }
  | { readonly kind: "encode"; readonly stored: StoredFile };

/** What a job leads to; writing it is left to the one who keeps the order. */
type Outcome =
  | {
      readonly kind: "parsed";
      readonly file: FoundFile;
      readonly record: FileRecord;
      readonly hash: string;
      readonly bytes: number;
    }
  | { readonly kind: "same"; readonly file: FoundFile; readonly stored: StoredFile; readonly bytes: number }
  | { readonly kind: "encode"; readonly stored: StoredFile }
  | { readonly kind: "skipped"; readonly file: FoundFile; readonly skipped: SkippedFile }
  | { readonly kind: "missing"; readonly path: string }
  | { readonly kind: "failed"; readonly error: unknown };

class Update {
  readonly #task: UpdateTask;
  readonly #reads: ReturnType<typeof prepareReads>;
  readonly #startedMs = Date.now();
  readonly #present = new Set<string>();
  readonly #jobs: Job[] = [];
  readonly #counts: Partial<Record<SkipReason, number>> = {};
  readonly #nameSkips: SkippedFile[] = [];
  #filesFound = 0;
  #filesParsed = 0;
  #filesRemoved = 0;
  #lastPhase: IndexProgress["phase"] | null = null;
  #lastProgressMs = 0;
  readonly #turns = new Turns(turnMs);

  constructor(task: UpdateTask) {
    this.#task = task;
    this.#reads = prepareReads(task.database);
  }

  async run(): Promise<UpdateCounts> {
    const { writer, signal } = this.#task;
    try {
      const changed = await this.#pathsToLookAt();
      await (changed === null ? this.#walk() : this.#inspect(changed));
      if (changed === null && this.#reads.parsedBy.get(this.#task.parserKey) === undefined) writer.removeAllFiles();
      this.#removeMissing(changed);
      const isLarge = this.#jobs.length > compactAfterFiles;
      // A file that replaces another one gets a segment of its own: many of these must be merged on the way.
      const replacing = this.#jobs.filter(({ stored }) => stored !== null && writer.storedFile(stored.path) !== null);
      if (this.#jobs.length > 0) writer.mergeAlong(!isLarge || replacing.length > compactAfterFiles);
      await this.#work();
      if (changed === null) this.#noteWalk();
      writer.commit();
      if (isLarge) await this.#compact();
    } catch (error) {
      // Every file is written completely before anything is awaited, so what is there is worth keeping.
      if (signal.aborted) writer.commit();
      else writer.rollback();
      throw error;
    }
    return { filesParsed: this.#filesParsed, filesRemoved: this.#filesRemoved };
  }

  /** Null: everything. */
  async #pathsToLookAt(): Promise<readonly string[] | null> {
    const { changed, walkKey, workspace } = this.#task;
    const known = this.#reads.meta.get("walkKey")?.["value"] === walkKey;
    if (!known) this.#task.writer.clearSkipped("all");
    if (changed === null || !known) return null;
    const paths = [...new Set(changed.map(plainPath))].filter((path) => path !== null);
    if (paths.length > changedPathsMax || paths.includes("")) return null;
    return (await workspace.needsWalk(paths)) ? null : paths;
  }

  async #walk(): Promise<void> {
    for await (const entry of this.#task.workspace.walk(this.#task.signal)) {
      if (entry.kind === "file") this.#consider(entry.file);
      else this.#noteSkip(entry.skipped);
      this.#progress({ filesDone: this.#filesFound, filesTotal: 0, phase: "walk" });
    }
  }

  async #inspect(paths: readonly string[]): Promise<void> {
    const { workspace, writer, signal } = this.#task;
    for (const path of paths) {
      const skips: SkippedFile[] = [];
      for await (const entry of workspace.inspect(path, signal)) {
        if (entry.kind === "file") this.#consider(entry.file);
        else skips.push(entry.skipped);
      }
      // Kept are skips by content: reading the file again decides on them.
      if (skips.length === 0) continue;
      writer.removeSkipped(path);
      for (const skipped of skips.slice(0, skippedRowsMax)) writer.writeSkipped(skipped, null);
    }
  }

  #consider(file: FoundFile): void {
    this.#filesFound += 1;
    const stored = this.#task.writer.storedFile(file.path);
    if (stored === null) {
      const skip = this.#reads.skippedAt.get(file.path);
      if (skip !== undefined && skip["mtimeMs"] === file.mtimeMs && skip["bytes"] === file.bytes) return;
    }
    this.#present.add(file.path);
    const sameStat = stored !== null && stored.mtimeMs === file.mtimeMs && stored.bytes === file.bytes;
    if (!sameStat || !this.#isParsedAlike(stored, file)) this.#jobs.push({ kind: "parse", file, stored });
    else if (this.#needsEncoding(stored)) this.#jobs.push({ kind: "encode", stored });
  }

  #isParsedAlike(stored: StoredFile, file: FoundFile): boolean {
    return stored.parser === this.#task.parserKey && stored.language === file.language;
  }

  #needsEncoding(stored: StoredFile): boolean {
    const { encoder } = this.#task;
    return encoder !== null && stored.encoder !== encoder.key;
  }

  #noteSkip(skipped: SkippedFile): void {
    this.#counts[skipped.reason] = (this.#counts[skipped.reason] ?? 0) + 1;
    if (this.#nameSkips.length < skippedRowsMax) this.#nameSkips.push(skipped);
  }

  #removeMissing(changed: readonly string[] | null): void {
    const rows =
      changed === null
        ? this.#reads.paths.all()
        : changed.flatMap((path) => this.#reads.pathsBelow.all(path, `${path}/`, `${path}0`));
    for (const row of rows) {
      const path = String(row["path"]);
      if (!this.#present.has(path) && this.#task.writer.removeFile(path)) this.#filesRemoved += 1;
    }
  }

  /** Prepares several files at once and writes them in order, so that equal workspaces give equal indexes. */
  async #work(): Promise<void> {
    const { pool, signal } = this.#task;
    const pending: Promise<Outcome>[] = [];
    let done = 0;
    for (let next = 0; next < this.#jobs.length || pending.length > 0;) {
      const job = this.#jobs[next];
      if (job !== undefined && pending.length < pool.capacity) {
        pending.push(this.#prepare(job));
        next += 1;
        continue;
      }
      const outcome = await pending.shift();
      signal.throwIfAborted();
      if (outcome !== undefined) await this.#write(outcome);
      done += 1;
      this.#progress({ filesDone: done, filesTotal: this.#jobs.length, phase: "parse" });
      await this.#turns.give(this.#task.signal);
    }
    this.#progress({ filesDone: done, filesTotal: this.#jobs.length, phase: "write" });
  }

  async #prepare(job: Job): Promise<Outcome> {
    if (job.kind === "encode") return job;
    const { workspace, pool, encoder, signal } = this.#task;
    const { file, stored } = job;
    try {
      const read = await workspace.read(file);
      if (read.kind === "missing") return { kind: "missing", path: file.path };
      if (read.kind === "skipped") return { kind: "skipped", file, skipped: read.skipped };
      const { text, contentHash: hash, bytes } = read;
      if (stored?.hash === hash && this.#isParsedAlike(stored, file)) return { kind: "same", file, stored, bytes };
      const { path, language } = file;
      const record = await pool.parse({ path, text, language, table: encoder?.file ?? null }, signal);
      return { kind: "parsed", file, record, hash, bytes };
    } catch (error) {
      return { kind: "failed", error };
    }
  }

  async #write(outcome: Outcome): Promise<void> {
    const { writer, parserKey, encoder } = this.#task;
    switch (outcome.kind) {
      case "failed":
        throw outcome.error;
      case "missing":
        if (writer.removeFile(outcome.path)) this.#filesRemoved += 1;
        return;
      case "skipped":
        if (writer.removeFile(outcome.file.path)) this.#filesRemoved += 1;
        writer.writeSkipped(outcome.skipped, { bytes: outcome.file.bytes, mtimeMs: this.#settled(outcome.file) });
        return;
      case "same":
        writer.touchFile(outcome.stored, outcome.bytes, this.#settled(outcome.file));
        if (this.#needsEncoding(outcome.stored)) await this.#encodeAgain(outcome.stored);
        return;
      case "encode":
        await this.#encodeAgain(outcome.stored);
        return;
      case "parsed": {
        const { file, record, hash, bytes } = outcome;
        const encoderKey = record.vectors === null ? "" : (encoder?.key ?? "");
        const mtimeMs = this.#settled(file);
        writer.writeFile(record, { bytes, mtimeMs, hash, parser: parserKey, encoder: encoderKey });
        this.#filesParsed += 1;
      }
    }
  }

  /** Another static table comes with another version of this program only: rare enough to be done without the workers. */
  async #encodeAgain(stored: StoredFile): Promise<void> {
    const { encoder, reader, writer } = this.#task;
    if (encoder === null) return;
    const units = reader.unitsOfFile(stored.path);
    const rows = new Int8Array(units.length * encoder.dimensions);
    for (const [at, unit] of units.entries()) {
      rows.set(unitRows(encoder, [unit]), at * encoder.dimensions);
      await this.#turns.give(this.#task.signal);
    }
    writer.writeVectors(stored, encoder.key, rows);
  }

  #noteWalk(): void {
    const { writer, walkKey } = this.#task;
    writer.clearSkipped("byName");
    for (const skipped of this.#nameSkips) writer.writeSkipped(skipped, null);
    writer.setMeta("walkKey", walkKey);
    writer.setMeta("walkSkips", JSON.stringify(this.#counts));
  }

  async #compact(): Promise<void> {
    const { writer, signal } = this.#task;
    for (let step = 0; step < compactStepsMax && writer.compactStep({ first: step === 0 }); step += 1) {
      await nextEvent();
      signal.throwIfAborted();
    }
    writer.checkpoint();
  }

  #settled(file: FoundFile): number {
    return file.mtimeMs > this.#startedMs - unsettledMs ? -1 : file.mtimeMs;
  }

  #progress(progress: IndexProgress): void {
    const now = performance.now();
    if (progress.phase === this.#lastPhase && now - this.#lastProgressMs < progressEveryMs) return;
    this.#lastPhase = progress.phase;
    this.#lastProgressMs = now;
    this.#task.onProgress(progress);
  }
}

/** Relative with `/`, or null where it does not lie inside the workspace or is git's own. */
function plainPath(path: string): string | null {
  const segments = path.split(/[/\\]/).filter((segment) => segment !== "" && segment !== ".");
  return path.startsWith("/") || segments.includes("..") || segments.includes(".git") ? null : segments.join("/");
}
