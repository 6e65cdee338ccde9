/** The tables of an index, and opening a database that has them: made new, as it is, or rebuilt. */
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fields } from "../pipeline/ports.ts";
import { Failure } from "../protocol/failure.ts";
import { indexFailure } from "./indexErrors.ts";

/**
 * Raised when tables or the meaning of stored values change; another version's index is thrown away and built anew,
 * which is cheaper than a migration because everything in it can be read from the workspace again.
 */
export const schemaVersion = 6;

/** Another connection's transaction is waited for this long; ours last about a second. */
const busyTimeoutMs = 10_000;
const cacheKiB = 16 * 1024;
/** The write-ahead log is copied back at this size and cut to it afterwards. */
const logPages = 1000;
const pageBytes = 4096;

/** A row of `units` is file × 65536 + ordinal, so that a file's units are one range in every table. */
export const rowsPerFile = 65536;

/** FTS5 keeps this much in memory before it writes a segment; fewer segments are merged less often. */
const wordsHashBytes = 16 << 20;
/**
 * At so many segments of one size FTS5 merges them at once, however long that takes. A large update merges at its end,
 * and FTS5 fails at 2,000 segments.
 */
const crisisMergeSegments = 400;

/** Words come split and lower-case, so every printable character is part of a word and blanks alone separate. */
const punctuation = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)).filter((c) =>
  /[^A-Za-z0-9]/.test(c),
);
const tokenizer = `ascii tokenchars '${punctuation.join("").replaceAll("'", "''")}'`;

const wordColumns = fields.map((_, at) => `words${at}`);

const schema = `
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE files(
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  base TEXT NOT NULL,           -- last segment, lower-case
  stem TEXT NOT NULL,           -- base less its last extension
  language TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  mtimeMs REAL NOT NULL,        -- -1: to be compared by content next time
  hash TEXT NOT NULL,
  lines INTEGER NOT NULL,
  parser TEXT NOT NULL,         -- identity of the grammars and of this code
  encoder TEXT NOT NULL,        -- identity of the static table; empty: no vectors
  units INTEGER NOT NULL,
  ${wordColumns.map((column) => `${column} INTEGER NOT NULL`).join(", ")},
  revision INTEGER NOT NULL     -- the state of the index in which the file was written last
);
CREATE INDEX filesByBase ON files(base);
CREATE INDEX filesByStem ON files(stem);
CREATE TABLE texts(file INTEGER PRIMARY KEY, text BLOB NOT NULL, imports TEXT NOT NULL);
CREATE TABLE units(
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  lowerName TEXT NOT NULL,
  qualifiedName TEXT NOT NULL,
  ranges TEXT NOT NULL
);
CREATE INDEX unitsByName ON units(lowerName);
CREATE TABLE details(unit INTEGER PRIMARY KEY, signature TEXT NOT NULL, doc TEXT NOT NULL, mentions TEXT NOT NULL);
CREATE TABLE wordBags(file INTEGER PRIMARY KEY, bags BLOB NOT NULL);
CREATE TABLE vectors(file INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE TABLE problems(file INTEGER NOT NULL, line INTEGER NOT NULL, message TEXT NOT NULL);  -- a Sentence as JSON
CREATE INDEX problemsByFile ON problems(file);
CREATE TABLE skipped(
  path TEXT PRIMARY KEY, reason TEXT NOT NULL,
  detail TEXT NOT NULL,         -- a Sentence as JSON
  bytes INTEGER NOT NULL, mtimeMs REAL NOT NULL,
  byContent INTEGER NOT NULL    -- 1: found out by reading the file
) WITHOUT ROWID;
-- Sums over the files of a language. Kept by the writer: a trigger would make SQLite open a savepoint for every file, at
-- which FTS5 writes what it holds in memory, a segment per file.
CREATE TABLE totals(
  language TEXT PRIMARY KEY, files INTEGER NOT NULL, units INTEGER NOT NULL, lines INTEGER NOT NULL, bytes INTEGER NOT NULL,
  ${wordColumns.map((column) => `${column} INTEGER NOT NULL`).join(", ")}
) WITHOUT ROWID;
CREATE TABLE lease(id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, pid INTEGER NOT NULL, host TEXT NOT NULL, expiresMs REAL NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(${fields.join(", ")}, content = '', contentless_delete = 1,
  tokenize = "${tokenizer.replaceAll('"', '""')}");
INSERT INTO words(words, rank) VALUES('hashsize', ${wordsHashBytes});
INSERT INTO words(words, rank) VALUES('crisismerge', ${crisisMergeSegments});
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, 'row');
INSERT INTO meta VALUES('revision', 1);
PRAGMA user_version = ${schemaVersion};
`;

export interface OpenedDatabase {
  readonly database: DatabaseSync;
  /** Why an index that was there was thrown away; null where it was not. */
  readonly rebuilt: string | null;
}

/**
 * Opens the index file, makes its folder and tables where missing, and replaces a damaged or differently versioned one.
 * Throws `Failure` indexUnwritable, diskFull, workspaceBusy, or indexCorrupt where a damaged file cannot be deleted.
 */
export function openDatabase(file: string): OpenedDatabase {
  try {
    mkdirSync(dirname(file), { recursive: true });
  } catch (error) {
    throw indexFailure(error, file);
  }
  let database: DatabaseSync | null = null;
  try {
    database = connect(file);
    const version = ensureSchema(database);
    if (version === schemaVersion) return { database, rebuilt: null };
    database.close();
    return replaceDatabase(file, `it has version ${version}, this program needs ${schemaVersion}`);
  } catch (error) {
    if (database?.isOpen === true) database.close();
    const failure = indexFailure(error, file);
    if (!(failure instanceof Failure) || failure.code !== "indexCorrupt") throw failure;
    return replaceDatabase(file, failure.detail);
  }
}

/** Deletes the index file, whatever it holds, and makes an empty one. No connection of this process may be open. */
export function replaceDatabase(file: string, why: string): OpenedDatabase {
  try {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(file + suffix, { force: true });
  } catch (error) {
    throw new Failure("indexCorrupt", `${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  let database: DatabaseSync | null = null;
  try {
    database = connect(file);
    ensureSchema(database);
    return { database, rebuilt: why };
  } catch (error) {
    if (database?.isOpen === true) database.close();
    throw indexFailure(error, file);
  }
}

/** A further connection to an index that is open already. */
export function connect(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs });
  try {
    database.exec(`
      PRAGMA page_size = ${pageBytes};
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA cache_size = -${cacheKiB};
      PRAGMA temp_store = MEMORY;
      PRAGMA wal_autocheckpoint = ${logPages};
      PRAGMA journal_size_limit = ${logPages * pageBytes};`);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** Makes the tables in an empty database and returns the version. Two processes may do so at once: one waits. */
function ensureSchema(database: DatabaseSync): number {
  database.exec("BEGIN IMMEDIATE");
  try {
    const tables = Number(database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"] ?? 0);
    if (tables === 0) database.exec(schema);
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
    // Damage often shows only when the tables are read.
    if (version === schemaVersion) {
      database.prepare("SELECT value FROM meta WHERE key = 'revision'").get();
      for (const table of ["words", "vocabulary"]) database.prepare(`SELECT * FROM ${table}`);
    }
    database.exec("COMMIT");
    return version;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
