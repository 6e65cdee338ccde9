import assert from "node:assert/strict";
import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { IndexLease } from "../../extension/engine/indexLease.ts";
import { openDatabase } from "../../extension/engine/indexSchema.ts";
import { IndexWriter } from "../../extension/engine/indexWriter.ts";
import type { FileRecord } from "../../extension/engine/parseRecord.ts";
import { recordOf } from "../../extension/engine/parseRecord.ts";
import { parseUnits } from "../../extension/pipeline/parse.ts";
import { workspaceOf } from "../support/indexes.ts";

const state = { bytes: 7, mtimeMs: 1, hash: "x", parser: "p", encoder: "" };

async function writerOf(t: TestContext): Promise<{ database: DatabaseSync; writer: IndexWriter }> {
  const place = await workspaceOf(t, {});
  const { database } = openDatabase(join(place.storageFolder, "index.sqlite"));
  t.after(() => {
    database.close();
  });
  const lease = new IndexLease(database);
  await lease.acquire({ waitMs: 0, signal: new AbortController().signal });
  return { database, writer: new IndexWriter(database, lease) };
}

function recordAt(path: string, lines: number, language = "text"): FileRecord {
  const text = Array.from({ length: lines }, (_, at) => `word${at} other${at * 7919}`).join("\n");
  return recordOf(parseUnits({ path, text }, null), { text, language }, null);
}

test("the word index gets one segment per commit, not one per file", async (t) => {
  const { database, writer } = await writerOf(t);
  writer.mergeAlong(false);
  for (let at = 0; at < 50; at += 1) writer.writeFile(recordAt(`file${at}.txt`, 20), state);
  writer.commit();
  for (let at = 50; at < 75; at += 1) writer.writeFile(recordAt(`file${at}.txt`, 30), state);
  writer.commit();
  const segments = database.prepare("SELECT count(DISTINCT segid) AS n FROM words_idx");
  assert.equal(segments.get()?.["n"], 2);
  let hasMore = writer.compactStep({ first: true });
  while (hasMore) hasMore = writer.compactStep({ first: false });
  assert.equal(segments.get()?.["n"], 1);
  const found = database.prepare("SELECT count(*) AS n FROM words WHERE words MATCH ?");
  assert.equal(found.get("body : 29")?.["n"], 25);
});

test("the sums per language are those of the files after files were added, replaced and removed", async (t) => {
  const { database, writer } = await writerOf(t);
  const sums = () =>
    database
      .prepare(
        `SELECT language, count(*) AS files, sum(units) AS units, sum(lines) AS lines, sum(bytes) AS bytes,
           sum(words0) AS words0, sum(words4) AS words4 FROM files GROUP BY language ORDER BY language`,
      )
      .all();
  const stored = () =>
    database.prepare("SELECT language, files, units, lines, bytes, words0, words4 FROM totals ORDER BY language").all();
  writer.writeFile(recordAt("a.txt", 3), state);
  writer.writeFile(recordAt("b.txt", 4), state);
  writer.writeFile(recordAt("c.py", 5, "python"), state);
  assert.deepEqual(stored(), sums());
  writer.writeFile(recordAt("a.txt", 9), { ...state, bytes: 11 });
  writer.writeFile(recordAt("b.txt", 4, "python"), state);
  writer.commit();
  assert.deepEqual(stored(), sums());
  assert.ok(writer.removeFile("a.txt"));
  assert.deepEqual(stored(), sums());
  assert.equal(stored().length, 1);
  writer.removeFile("b.txt");
  writer.removeFile("c.py");
  assert.deepEqual(stored(), []);
  writer.rollback();
  assert.deepEqual(stored(), sums());
  assert.equal(stored().length, 2);
});

test("thousands of files can be replaced without merging, and removed all at once", async (t) => {
  const { database, writer } = await writerOf(t);
  const paths = Array.from({ length: 2100 }, (_, at) => `file${at}.txt`);
  const found = database.prepare("SELECT count(*) AS n FROM words WHERE words MATCH ?");
  writer.mergeAlong(false);
  for (const path of paths) writer.writeFile(recordAt(path, 2), state);
  for (const path of paths) writer.writeFile(recordAt(path, 3), state);
  writer.commit();
  assert.equal(found.get("body : word2")?.["n"], paths.length);
  writer.removeAllFiles();
  writer.commit();
  assert.equal(found.get("body : word2")?.["n"], 0);
  writer.writeFile(recordAt("file7.txt", 4), state);
  writer.commit();
  assert.equal(found.get("body : word2")?.["n"], 1);
  assert.deepEqual(
    { ...database.prepare("SELECT files, units FROM totals").get() },
    { ...database.prepare("SELECT count(*) AS files, sum(units) AS units FROM files").get() },
  );
});
