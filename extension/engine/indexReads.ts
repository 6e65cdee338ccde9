import type { DatabaseSync } from "node:sqlite";
import { fields } from "../pipeline/ports.ts";
import { rowsPerFile } from "./indexSchema.ts";

/** The statements of IndexReader. */
export function prepareReads(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  const sums = ["units", ...fields.map((_, at) => `words${at}`)]
    .map((column) => `sum(${column}) AS ${column}`)
    .join(", ");
  const bm25 = `bm25(words, ${fields.map(() => "?").join(", ")}) AS score`;
  const [like, escape] = ["LIKE ?", "ESCAPE '\\'"];
  const bestFirst = (column: string) => [1, 2, 3].map((at) => `${column} ${like}${at} ${escape} DESC`).join(", ");
  const unitColumns = "units.id, kind, name, qualifiedName, ranges, signature, doc, mentions";
  return {
    revision: sql("SELECT value FROM meta WHERE key = 'revision'"),
    totals: sql(`SELECT ${sums} FROM totals`),
    totalsBelow: sql(`SELECT ${sums} FROM files WHERE path >= ? AND path < ?`),
    documentFrequency: sql("SELECT doc FROM vocabulary WHERE term = ?"),
    search: sql(`SELECT rowid, ${bm25} FROM words WHERE words MATCH ? ORDER BY score LIMIT ?`),
    searchBelow: sql(`SELECT rowid, ${bm25} FROM words WHERE words MATCH ?
      AND rowid / ${rowsPerFile} IN (SELECT id FROM files WHERE path >= ? AND path < ?) ORDER BY score LIMIT ?`),
    pathOfFile: sql("SELECT path FROM files WHERE id = ?"),
    named:
      sql(`SELECT path, units.id % ${rowsPerFile} AS ordinal FROM units JOIN files ON files.id = units.id / ${rowsPerFile}
      WHERE lowerName = ? AND ((path >= ? AND path < ?) OR ?) ORDER BY path, ordinal LIMIT ?`),
    filesNamed: sql("SELECT id, path FROM files WHERE base = ? OR stem = ? ORDER BY path"),
    rowsOfFile: sql("SELECT id FROM units WHERE id BETWEEN ? AND ? LIMIT ?"),
    file: sql("SELECT id, language FROM files WHERE path = ?"),
    textOfFile: sql("SELECT text FROM texts WHERE file = ?"),
    unit: sql(`SELECT ${unitColumns} FROM units JOIN details ON unit = units.id WHERE units.id = ?`),
    unitsOfFile: sql(
      `SELECT ${unitColumns} FROM units JOIN details ON unit = units.id WHERE units.id BETWEEN ? AND ? ORDER BY units.id`,
    ),
    wordBagsOfFile: sql("SELECT bags FROM wordBags JOIN files ON id = file WHERE path = ?"),
    parsedBy: sql("SELECT 1 FROM files WHERE parser = ? LIMIT 1"),
    fileStates: sql("SELECT id, revision FROM files"),
    graphFile: sql("SELECT path, language, imports FROM files JOIN texts ON file = id WHERE id = ?"),
    graphUnits: sql(
      "SELECT units.id, kind, name, mentions FROM units JOIN details ON unit = units.id WHERE units.id BETWEEN ? AND ? ORDER BY units.id",
    ),
    filesByPath: sql("SELECT id, path, units, revision FROM files ORDER BY path"),
    vectorDimensions: sql(
      "SELECT length(rows) / units AS dimensions FROM vectors JOIN files ON id = file WHERE units > 0 LIMIT 1",
    ),
    vectorsOfFile: sql("SELECT rows FROM vectors WHERE file = ?"),
    problems: sql(
      "SELECT path, line, message FROM problems JOIN files ON files.id = problems.file ORDER BY path, line LIMIT ?",
    ),
    totalsByLanguage: sql("SELECT language, files, units, lines, bytes FROM totals ORDER BY language"),
    meta: sql("SELECT value FROM meta WHERE key = ?"),
    skipped: sql("SELECT path, reason, detail FROM skipped ORDER BY path LIMIT ?"),
    skippedByContent: sql("SELECT reason, count(*) AS n FROM skipped WHERE byContent = 1 GROUP BY reason"),
    skippedAt: sql("SELECT reason, detail, bytes, mtimeMs FROM skipped WHERE path = ? AND byContent = 1"),
    filesLike: sql(`SELECT path FROM files WHERE path ${like}4 ${escape}
      ORDER BY ${bestFirst("path")}, length(path), path LIMIT ?5`),
    unitsLike: sql(`SELECT path, qualifiedName, ranges FROM units JOIN files ON files.id = units.id / ${rowsPerFile}
      WHERE qualifiedName ${like}4 ${escape} AND kind NOT IN ('header', 'file')
      ORDER BY ${bestFirst("qualifiedName")}, length(qualifiedName), qualifiedName, path, units.id LIMIT ?5`),
    skippedPath: sql("SELECT path, reason, detail FROM skipped WHERE path = ?"),
    paths: sql("SELECT path FROM files"),
    pathsBelow: sql("SELECT path FROM files WHERE path = ? OR (path >= ? AND path < ?)"),
  };
}
