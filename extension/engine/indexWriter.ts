/** Writes files into an index, several per transaction, each completely or not at all. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fields } from "../pipeline/ports.ts";
import type { SkippedFile } from "../protocol/units.ts";
import type { IndexLease } from "./indexLease.ts";
import { rowsPerFile } from "./indexSchema.ts";
import type { FileRecord } from "./parseRecord.ts";

/** What is stored of a file besides its units. */
export interface FileState {
  readonly bytes: number;
  /** -1 where the next update must compare the content. */
  readonly mtimeMs: number;
  readonly hash: string;
  readonly parser: string;
  readonly encoder: string;
}

export interface StoredFile extends FileState {
  readonly id: number;
  readonly path: string;
  readonly language: string;
}

/**
 * A transaction is committed after this many bytes of packed text or files: committing writes the words of all of them
 * at once, and for so long nothing else happens.
 */
const batchBytesMax = 1 << 18;
const batchFilesMax = 400;
/** FTS5 merges segments of the word index as they are written when so many are of one size. */
const autoMergeSegments = 4;
/** Pages merged per step: about 15 ms, so that the engine keeps answering. */
const mergePages = 100;

const totalColumns = ["files", "units", "lines", "bytes", ...fields.map((_, at) => `words${at}`)];

export class IndexWriter {
  readonly #database: DatabaseSync;
  readonly #lease: IndexLease;
  readonly #statements: ReturnType<typeof prepare>;
  #batchBytes = 0;
  #batchFiles = 0;
  #revision = 0;
  /** Whether the transaction at hand has a revision of its own. */
  #raised = false;

  constructor(database: DatabaseSync, lease: IndexLease) {
    this.#database = database;
    this.#lease = lease;
    this.#statements = prepare(database);
  }

  storedFile(path: string): StoredFile | null {
    return (this.#statements.fileByPath.get(path) ?? null) as StoredFile | null;
  }

  /** Adds the file or replaces what is stored of it. */
  writeFile(record: FileRecord, state: FileState): void {
    this.#beginContent();
    const known = this.storedFile(record.path);
    if (known !== null) this.#deleteRows(known.id);
    const statements = this.#statements;
    const base = record.path.slice(record.path.lastIndexOf("/") + 1).toLowerCase();
    const { lastInsertRowid } = statements.insertFile.run(
      known?.id ?? null,
      record.path,
      base,
      stemOf(base),
      record.language,
      state.bytes,
      state.mtimeMs,
      state.hash,
      record.lines,
      state.parser,
      state.encoder,
      record.units.length,
      ...record.wordCounts,
      this.#revision,
    );
    const file = Number(lastInsertRowid);
    statements.addLanguage.run(record.language);
    this.#changeTotals(file, 1);
    statements.insertText.run(file, record.packedText, record.imports);
    for (const unit of record.units) {
      const row = file * rowsPerFile + unit.ordinal;
      statements.insertUnit.run(row, unit.kind, unit.name, unit.name.toLowerCase(), unit.qualifiedName, unit.ranges);
      statements.insertDetail.run(row, unit.signature, unit.doc, unit.references);
      statements.insertWords.run(row, ...unit.words);
    }
    statements.insertWordBags.run(file, record.wordBags);
    if (record.vectors !== null) statements.insertVectors.run(file, record.vectors);
    for (const { line, message } of record.problems) {
      statements.insertProblem.run(file, line, JSON.stringify(message));
    }
    statements.deleteSkipped.run(record.path);
    this.#count(record.packedText.length);
  }

  /** Puts new vectors in place of a file's old ones. */
  writeVectors(file: StoredFile, encoder: string, vectors: Int8Array): void {
    this.#beginContent();
    this.#statements.insertVectors.run(file.id, vectors);
    this.#statements.setEncoder.run(encoder, this.#revision, file.id);
    this.#count(0);
  }

  /** The file's content is what is stored, but it was saved again. */
  touchFile(file: StoredFile, bytes: number, mtimeMs: number): void {
    this.#begin();
    this.#statements.touchFile.run(bytes, mtimeMs, file.id);
    this.#count(0);
  }

  removeFile(path: string): boolean {
    const known = this.storedFile(path);
    if (known === null) return false;
    this.#beginContent();
    this.#deleteRows(known.id);
    this.#count(0);
    return true;
  }

  /** Removes all files at once, which is much cheaper than one by one. */
  removeAllFiles(): void {
    this.#beginContent();
    for (const statement of this.#statements.deleteAll) statement.run();
    this.#count(0);
  }

  /** Notes why a file is not indexed. `state` is given where reading it was necessary to know. */
  writeSkipped(skipped: SkippedFile, state: { readonly bytes: number; readonly mtimeMs: number } | null): void {
    this.#begin();
    const { path, reason, detail } = skipped;
    this.#statements.insertSkipped.run(
      path,
      reason,
      JSON.stringify(detail),
      state?.bytes ?? 0,
      state?.mtimeMs ?? 0,
      state === null ? 0 : 1,
    );
    this.#count(0);
  }

  /** Forgets all skips, or all that needed no look into the file. */
  clearSkipped(which: "all" | "byName"): void {
    this.#begin();
    this.#database.exec(which === "all" ? "DELETE FROM skipped" : "DELETE FROM skipped WHERE byContent = 0");
  }

  /** Forgets the skips of a path and of what lies below it. */
  removeSkipped(path: string): void {
    this.#begin();
    this.#statements.deleteSkippedBelow.run(path, `${path}/`, `${path}0`);
  }

  setMeta(key: string, value: string): void {
    this.#begin();
    this.#statements.setMeta.run(key, value);
  }

  /** Makes what was written so far durable and visible. */
  commit(): void {
    if (!this.#database.isTransaction) return;
    this.#lease.renew();
    this.#database.exec("COMMIT");
    this.#batchBytes = 0;
    this.#batchFiles = 0;
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    this.#batchBytes = 0;
    this.#batchFiles = 0;
  }

  /**
   * Whether segments of the word index are merged while they are written. A large update is done sooner without, and
   * with `compactStep` at its end. Stays so for the next update.
   */
  mergeAlong(isOn: boolean): void {
    this.#begin();
    this.#statements.autoMergeWords.run(isOn ? BigInt(autoMergeSegments) : 0n);
  }

  /**
   * One step towards fewer segments of the word index: smaller, and quicker to search. Returns whether there is more to
   * do. Worth it after a first build.
   */
  compactStep({ first }: { readonly first: boolean }): boolean {
    this.#begin();
    const before = this.#changes();
    this.#statements.mergeWords.run(BigInt(first ? -mergePages : mergePages));
    // FTS5's documented sign of completion: a merge that changes less than two rows did nothing.
    const more = this.#changes() - before >= 2;
    this.commit();
    return more;
  }

  /** Copies the write-ahead log into the database and empties it, unless a reader is in the way. */
  checkpoint(): void {
    this.#database.exec("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
  }

  #changes(): number {
    return Number(this.#statements.totalChanges.get()?.["n"]);
  }

  #begin(): void {
    if (this.#database.isTransaction) return;
    this.#database.exec("BEGIN IMMEDIATE");
    this.#raised = false;
  }

  /** As `#begin`, for what readers keep copies of. */
  #beginContent(): void {
    this.#begin();
    if (this.#raised) return;
    this.#statements.raiseRevision.run();
    this.#revision = Number(this.#statements.revision.get()?.["value"]);
    this.#raised = true;
  }

  #count(bytes: number): void {
    this.#batchBytes += bytes;
    this.#batchFiles += 1;
    if (this.#batchBytes >= batchBytesMax || this.#batchFiles >= batchFilesMax) this.commit();
  }

  /** Adds what is stored of a file to the sums of its language, or takes it away. */
  #changeTotals(file: number, sign: 1 | -1): void {
    const { language, ...sizes } = this.#statements.sizesOfFile.get(file) ?? {};
    const changes = totalColumns.map((column) => sign * Number(sizes[column]));
    this.#statements.changeTotals.run(...changes, String(language));
  }

  #deleteRows(file: number): void {
    this.#changeTotals(file, -1);
    this.#statements.deleteEmptyTotals.run();
    const first = file * rowsPerFile;
    for (const statement of this.#statements.deleteRanges) statement.run(first, first + rowsPerFile - 1);
    for (const statement of this.#statements.deleteOfFile) statement.run(file);
  }
}

function stemOf(base: string): string {
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(0, dot) : base;
}

function prepare(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  const marks = (count: number): string => Array.from({ length: count }, () => "?").join(", ");
  return {
    fileByPath: sql("SELECT id, path, language, bytes, mtimeMs, hash, parser, encoder FROM files WHERE path = ?"),
    insertFile: sql(`INSERT INTO files VALUES(${marks(13 + fields.length)})`),
    sizesOfFile: sql(`SELECT language, 1 AS ${totalColumns.join(", ")} FROM files WHERE id = ?`),
    addLanguage: sql(`INSERT OR IGNORE INTO totals VALUES(?, ${totalColumns.map(() => "0").join(", ")})`),
    changeTotals: sql(
      `UPDATE totals SET ${totalColumns.map((column) => `${column} = ${column} + ?`).join(", ")} WHERE language = ?`,
    ),
    deleteEmptyTotals: sql("DELETE FROM totals WHERE files = 0"),
    insertText: sql("INSERT INTO texts VALUES(?, ?, ?)"),
    insertUnit: sql("INSERT INTO units VALUES(?, ?, ?, ?, ?, ?)"),
    insertDetail: sql("INSERT INTO details VALUES(?, ?, ?, ?)"),
    insertWords: sql(`INSERT INTO words(rowid, ${fields.join(", ")}) VALUES(${marks(1 + fields.length)})`),
    insertWordBags: sql("INSERT INTO wordBags VALUES(?, ?)"),
    insertVectors: sql("INSERT OR REPLACE INTO vectors VALUES(?, ?)"),
    insertProblem: sql("INSERT INTO problems VALUES(?, ?, ?)"),
    insertSkipped: sql("INSERT OR REPLACE INTO skipped VALUES(?, ?, ?, ?, ?, ?)"),
    deleteSkipped: sql("DELETE FROM skipped WHERE path = ?"),
    deleteSkippedBelow: sql("DELETE FROM skipped WHERE path = ? OR (path >= ? AND path < ?)"),
    touchFile: sql("UPDATE files SET bytes = ?, mtimeMs = ? WHERE id = ?"),
    setEncoder: sql("UPDATE files SET encoder = ?, revision = ? WHERE id = ?"),
    setMeta: sql("INSERT OR REPLACE INTO meta VALUES(?, ?)"),
    raiseRevision: sql("UPDATE meta SET value = value + 1 WHERE key = 'revision'"),
    // FTS5's settings must be integers, and numbers are bound as reals; hence BigInt.
    autoMergeWords: sql("INSERT INTO words(words, rank) VALUES('automerge', ?)"),
    mergeWords: sql("INSERT INTO words(words, rank) VALUES('merge', ?)"),
    totalChanges: sql("SELECT total_changes() AS n"),
    revision: sql("SELECT value FROM meta WHERE key = 'revision'"),
    deleteAll: [
      ...["files", "texts", "units", "details", "wordBags", "vectors", "problems", "totals"].map((table) =>
        sql(`DELETE FROM ${table}`),
      ),
      sql("INSERT INTO words(words) VALUES('delete-all')"),
    ],
    deleteRanges: [
      sql("DELETE FROM units WHERE id BETWEEN ? AND ?"),
      sql("DELETE FROM details WHERE unit BETWEEN ? AND ?"),
      sql("DELETE FROM words WHERE rowid BETWEEN ? AND ?"),
    ],
    deleteOfFile: [
      sql("DELETE FROM wordBags WHERE file = ?"),
      sql("DELETE FROM vectors WHERE file = ?"),
      sql("DELETE FROM texts WHERE file = ?"),
      sql("DELETE FROM problems WHERE file = ?"),
      sql("DELETE FROM files WHERE id = ?"),
    ],
  };
}
