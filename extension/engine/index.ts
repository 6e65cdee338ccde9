/** The index of one workspace: a SQLite file that outlives the process, brought up to date on demand, read for ranking. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { SerialQueue } from "../base/serialQueue.ts";
import type { CorpusStatistics, ReferenceGraph, StaticVectors, UnitSource } from "../pipeline/ports.ts";
import type { IndexSummary } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import type { WordBag } from "../pipeline/wordBags.ts";
import type { FileProblem, SkippedFile, SkipReason, Unit } from "../protocol/units.ts";
import { realFolder } from "./disk.ts";
import { openGrammars } from "./grammars.ts";
import type { Grammars } from "./grammars.ts";
import { indexFailure } from "./indexErrors.ts";
import { IndexLease } from "./indexLease.ts";
import { IndexReader } from "./indexReader.ts";
import type { FileText } from "./indexReader.ts";
import { prepareReads } from "./indexReads.ts";
import { connect, openDatabase, replaceDatabase } from "./indexSchema.ts";
import { runUpdate, walkSkipCounts } from "./indexUpdate.ts";
import type { IndexProgress, UpdateCounts } from "./indexUpdate.ts";
import { IndexWriter } from "./indexWriter.ts";
import type { MentionedUnit, MentionSource, NamePatterns } from "./mentions.ts";
import { ParsePool } from "./parsePool.ts";
import { decodeRanges, decodeSentence } from "./parseRecord.ts";
import type { TableEncoder } from "./staticTable.ts";
import { Turns } from "./turns.ts";
import { Workspace } from "./workspace.ts";

export interface IndexLocation {
  /** Folder for the indexes of all workspaces; created when missing. */
  readonly storageFolder: string;
  /** The workspace. */
  readonly folder: string;
  /** Package root: where grammars/ lies. */
  readonly root: string;
}

export interface UpdateOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: IndexProgress) => void;
  /** Only these paths, relative to the workspace, may have changed; folders stand for all below. Absent: look at all. */
  readonly changed?: readonly string[];
  readonly excludeGlobs: readonly string[];
  readonly ignoreGlobs: readonly string[];
  readonly maxFileBytes: number;
  /** Makes the units' vectors; null leaves vectors as they are. */
  readonly encoder: TableEncoder | null;
  /** How long to wait for another process that updates the same index; 60 s by default. */
  readonly busyWaitMs?: number;
}

export interface IndexCounts {
  readonly files: number;
  readonly units: number;
  readonly lines: number;
  readonly bytes: number;
  readonly unitsPerLanguage: Readonly<Record<string, number>>;
}

/** Entries of a summary's lists; the counts are complete. */
const listedMax = 1000;
const busyWaitMsDefault = 60_000;
/** Preparing may take seconds; events and questions wait for a slice of it at most. */
const prepareTurnMs = 10;

interface Connections {
  readonly write: DatabaseSync;
  readonly read: DatabaseSync;
  readonly reader: IndexReader;
  readonly reads: ReturnType<typeof prepareReads>;
}

export class WorkspaceIndex implements UnitSource, MentionSource {
  /** Real path of the workspace. */
  readonly folder: string;
  /** The SQLite file. */
  readonly file: string;
  readonly #root: string;
  readonly #pool: ParsePool;
  readonly #updates = new SerialQueue();
  readonly #closing = new AbortController();
  #connections: Connections;
  #grammars: Promise<Grammars> | null = null;
  #parserKey: Promise<string> | null = null;
  #rebuilt: string | null;
  #preparation: Promise<void> | null = null;

  private constructor(place: { folder: string; file: string; root: string }, opened: ReturnType<typeof openDatabase>) {
    this.folder = place.folder;
    this.file = place.file;
    this.#root = place.root;
    this.#pool = new ParsePool({ root: place.root });
    this.#connections = connectReader(opened.database, place.file);
    this.#rebuilt = opened.rebuilt;
  }

  /**
   * Opens the workspace's index, or makes an empty one. Throws `Failure` workspaceMissing, indexUnwritable, diskFull,
   * workspaceBusy, or indexCorrupt where a damaged file can be neither read nor replaced.
   */
  static async open({ storageFolder, folder, root }: IndexLocation): Promise<WorkspaceIndex> {
    const real = await realFolder(folder);
    const hash = createHash("sha256").update(real).digest("hex").slice(0, 16);
    const name = basename(real)
      .replace(/[^A-Za-z0-9._-]/g, "_")
      .slice(0, 40);
    const file = join(storageFolder, `${name}-${hash}`, "index.sqlite");
    const opened = openDatabase(file);
    try {
      return new WorkspaceIndex({ folder: real, file, root }, opened);
    } catch (error) {
      if (opened.database.isOpen) opened.database.close();
      throw indexFailure(error, file);
    }
  }

  /** Why the index that was there had to be thrown away (damage, another version); null where it was not. */
  get rebuiltBecause(): string | null {
    return this.#rebuilt;
  }

  /** Whether an update runs or waits. */
  get updating(): boolean {
    return this.#updates.length > 0;
  }

  /** Raised with every change of content. */
  get revision(): number {
    return this.#guard(() => this.#connections.reader.revision);
  }

  /**
   * Brings the index up to date. Updates of one WorkspaceIndex run one after another; other processes wait for each
   * other. A damaged index is replaced and built anew. Throws `Failure` workspaceMissing, workspaceEmpty (nothing can
   * be indexed; the index is then empty), workspaceBusy, indexUnwritable, diskFull, indexCorrupt or cancelled; what was
   * committed before stays readable.
   */
  update(options: UpdateOptions): Promise<IndexSummary> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    return this.#updates.run(async () => {
      try {
        return await this.#update({ ...options, signal });
      } catch (error) {
        const failure = this.#failureOf(error, signal);
        if (!(failure instanceof Failure) || failure.code !== "indexCorrupt") throw failure;
        this.#replace(failure.detail);
        try {
          return await this.#update({ ...options, signal });
        } catch (again) {
          throw this.#failureOf(again, signal);
        }
      }
    });
  }

  /**
   * Makes what ranking needs and what takes long for the index as it is now, in slices, and only while no update runs:
   * `graph` and `staticVectors` then answer at once. They do without, too. Throws `Failure` cancelled or indexCorrupt.
   */
  prepare(): Promise<void> {
    this.#preparation ??= this.#prepare().finally(() => (this.#preparation = null));
    return this.#preparation;
  }

  /** Stops a running update, ends the workers and closes the file. */
  async close(): Promise<void> {
    this.#closing.abort(new Failure("cancelled", "the index was closed"));
    await this.#pool.close();
    await Promise.allSettled([this.#updates.idle(), this.#preparation]);
    for (const database of [this.#connections.read, this.#connections.write]) if (database.isOpen) database.close();
  }

  statistics(root: string): CorpusStatistics {
    return this.#guard(() => this.#connections.reader.statistics(root));
  }
  documentFrequency(words: readonly string[]): ReadonlyMap<string, number> {
    return this.#guard(() => this.#connections.reader.documentFrequency(words));
  }
  searchWords(words: readonly string[], limit: number, root: string): readonly string[] {
    return this.#guard(() => this.#connections.reader.searchWords(words, limit, root));
  }
  unitsNamed(names: readonly string[], limit: number, root: string): readonly string[] {
    return this.#guard(() => this.#connections.reader.unitsNamed(names, limit, root));
  }
  unitsInPaths(suffixes: readonly string[], limit: number, root: string): readonly string[] {
    return this.#guard(() => this.#connections.reader.unitsInPaths(suffixes, limit, root));
  }
  unitsAtLines(lines: readonly { readonly path: string; readonly line: number }[], root: string): readonly string[] {
    return this.#guard(() => this.#connections.reader.unitsAtLines(lines, root));
  }
  units(ids: readonly string[]): readonly Unit[] {
    return this.#guard(() => this.#connections.reader.units(ids));
  }
  graph(): ReferenceGraph {
    return this.#guard(() => this.#connections.reader.graph());
  }
  staticVectors(): StaticVectors | null {
    return this.#guard(() => this.#connections.reader.staticVectors());
  }
  wordBags(units: readonly Unit[]): readonly WordBag[] {
    return this.#guard(() => this.#connections.reader.wordBags(units));
  }
  /** An indexed file's lines, as they were indexed; null where it is not. */
  fileText(path: string): FileText | null {
    return this.#guard(() => this.#connections.reader.file(path));
  }
  /** Units of a file in order; empty where it is not indexed. */
  unitsOfFile(path: string): readonly Unit[] {
    return this.#guard(() => this.#connections.reader.unitsOfFile(path));
  }
  /** By path and line. */
  problems(limit = listedMax): readonly FileProblem[] {
    return this.#guard(() => this.#connections.reader.problems(limit));
  }
  /** By path. */
  skipped(limit = listedMax): readonly SkippedFile[] {
    return this.#guard(() => this.#connections.reads.skipped.all(limit).map(skippedFile));
  }

  filesLike(patterns: NamePatterns, limit: number): readonly string[] {
    const { filesLike } = this.#connections.reads;
    return this.#guard(() => filesLike.all(...patterns, limit).map((row) => String(row["path"])));
  }
  unitsLike(patterns: NamePatterns, limit: number): readonly MentionedUnit[] {
    const { unitsLike } = this.#connections.reads;
    return this.#guard(() => unitsLike.all(...patterns, limit).map(mentionedUnit));
  }
  skippedAt(path: string): SkippedFile | null {
    return this.#guard(() => {
      const row = this.#connections.reads.skippedPath.get(path);
      return row === undefined ? null : skippedFile(row);
    });
  }

  counts(): IndexCounts {
    return this.#guard(() => {
      const rows = this.#connections.reads.totalsByLanguage.all();
      const sum = (column: string) => rows.reduce((total, row) => total + Number(row[column]), 0);
      const unitsPerLanguage = Object.fromEntries(rows.map((row) => [String(row["language"]), Number(row["units"])]));
      return { files: sum("files"), units: sum("units"), lines: sum("lines"), bytes: sum("bytes"), unitsPerLanguage };
    });
  }

  async #prepare(): Promise<void> {
    const { signal } = this.#closing;
    const turns = new Turns(prepareTurnMs);
    for (;;) {
      await this.#updates.idle();
      signal.throwIfAborted();
      const { reader } = this.#connections;
      try {
        if (await reader.prepare({ turns, signal, isPaused: () => this.updating })) return;
      } catch (error) {
        // Where a damaged index was replaced meanwhile, there is another reader.
        if (signal.aborted || reader === this.#connections.reader) throw this.#failureOf(error, signal);
      }
    }
  }

  async #update(options: UpdateOptions): Promise<IndexSummary> {
    const started = performance.now();
    const { signal, excludeGlobs, ignoreGlobs, maxFileBytes } = options;
    signal.throwIfAborted();
    this.#grammars ??= openGrammars({ root: this.#root });
    const grammars = await this.#grammars;
    const grammarOf = (path: string): string | null => grammars.languageOf(path)?.id ?? null;
    const workspace = await Workspace.open({ folder: this.folder, excludeGlobs, ignoreGlobs, maxFileBytes, grammarOf });
    this.#parserKey ??= parserKeyOf(this.#root);
    const parserKey = await this.#parserKey;
    const walkKey = JSON.stringify([parserKey, excludeGlobs, ignoreGlobs, maxFileBytes]);
    const done = await this.#runLeased(options, { workspace, parserKey, walkKey });
    await this.#pool.shrink(1);
    const counts = this.counts();
    const skippedCounts = this.#skippedCounts();
    if (counts.files === 0) {
      const reasons = Object.entries(skippedCounts).map(([reason, count]) => `${count} × ${reason}`);
      throw new Failure("workspaceEmpty", [this.folder, ...reasons].join(", "));
    }
    return {
      ...counts,
      ...done,
      indexBytes: ["", "-wal"].reduce((bytes, suffix) => bytes + sizeOf(this.file + suffix), 0),
      ms: performance.now() - started,
      skipped: this.skipped(),
      skippedCounts,
      problems: this.problems(),
      parser: grammars.why,
    };
  }

  async #runLeased(
    options: UpdateOptions,
    found: { readonly workspace: Workspace; readonly parserKey: string; readonly walkKey: string },
  ): Promise<UpdateCounts> {
    const { signal, changed = null, encoder, busyWaitMs = busyWaitMsDefault } = options;
    const onProgress = options.onProgress ?? (() => undefined);
    const { write } = this.#connections;
    const lease = new IndexLease(write);
    await lease.acquire({ waitMs: busyWaitMs, signal });
    try {
      const writer = new IndexWriter(write, lease);
      const reader = new IndexReader(write);
      const pool = this.#pool;
      return await runUpdate({ ...found, database: write, writer, reader, pool, changed, encoder, onProgress, signal });
    } finally {
      releaseLease(lease);
    }
  }

  #skippedCounts(): Partial<Record<SkipReason, number>> {
    const { reads } = this.#connections;
    const counts = walkSkipCounts(reads.meta.get("walkSkips")?.["value"]);
    for (const row of reads.skippedByContent.all()) {
      const reason = String(row["reason"]) as SkipReason;
      counts[reason] = (counts[reason] ?? 0) + Number(row["n"]);
    }
    return counts;
  }

  #replace(why: string): void {
    for (const database of [this.#connections.read, this.#connections.write]) if (database.isOpen) database.close();
    const opened = replaceDatabase(this.file, why);
    this.#connections = connectReader(opened.database, this.file);
    this.#rebuilt = why;
  }

  #failureOf(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted && !(error instanceof Failure)) return new Failure("cancelled", "", { cause: error });
    return indexFailure(error, this.file);
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw indexFailure(error, this.file);
    }
  }
}

function connectReader(write: DatabaseSync, file: string): Connections {
  const read = connect(file);
  return { write, read, reader: new IndexReader(read), reads: prepareReads(read) };
}

function mentionedUnit(row: Readonly<Record<string, unknown>>): MentionedUnit {
  const ranges = decodeRanges(String(row["ranges"]));
  return {
    path: String(row["path"]),
    qualifiedName: String(row["qualifiedName"]),
    startLine: ranges[0]?.startLine ?? 1,
    endLine: ranges.at(-1)?.endLine ?? 1,
  };
}

function skippedFile(row: Readonly<Record<string, unknown>>): SkippedFile {
  return {
    path: String(row["path"]),
    reason: row["reason"] as SkipReason,
    detail: decodeSentence(String(row["detail"])),
  };
}

/** A lease that cannot be given back runs out by itself; the reason why is the failure that is already under way. */
function releaseLease(lease: IndexLease): void {
  try {
    lease.release();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

/** Identity of grammars and parsing code: with another one, every file is parsed again. */
async function parserKeyOf(root: string): Promise<string> {
  const files: string[] = [];
  for await (const file of glob(["languages.json", "*/units.scm"], { cwd: join(root, "grammars") })) {
    files.push(join(root, "grammars", file));
  }
  if (import.meta.url.endsWith(".ts")) {
    const source = fileURLToPath(new URL("..", import.meta.url));
    const patterns = ["pipeline/{parse*,stem,wordBags,words}.ts", "engine/{parse*,syntaxTree}.ts"];
    for await (const file of glob(patterns, { cwd: source })) files.push(join(source, file));
  } else files.push(fileURLToPath(new URL("./parseWorker.mjs", import.meta.url)));
  const hash = createHash("sha256");
  for (const file of files.sort()) hash.update(await readFile(file));
  return hash.digest("hex").slice(0, 16);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
