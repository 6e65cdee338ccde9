import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, open, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { WorkspaceIndex } from "../../extension/engine/index.ts";
import { IndexLease } from "../../extension/engine/indexLease.ts";
import { openDatabase, schemaVersion } from "../../extension/engine/indexSchema.ts";
import { indexFailure } from "../../extension/engine/indexErrors.ts";
import { IndexWriter } from "../../extension/engine/indexWriter.ts";
import { recordOf } from "../../extension/engine/parseRecord.ts";
import { parseUnits } from "../../extension/pipeline/parse.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import {
  contentOf,
  failsWith,
  openIndex,
  pythonFiles,
  root,
  updateOptions,
  workspaceOf,
  writeFiles,
} from "../support/indexes.ts";

type Place = Awaited<ReturnType<typeof workspaceOf>>;

/** A process that updates the index; `line` is called with each line of its progress. */
function startProcess(
  place: Place,
  line: (text: string, child: ChildProcess) => void,
  options: { busyWaitMs?: number; uid?: number } = {},
) {
  const script = join(import.meta.dirname, "indexProcess.ts");
  const child = spawn(
    process.execPath,
    [script, place.folder, place.storageFolder, String(options.busyWaitMs ?? 60_000)],
    {
      stdio: ["pipe", "pipe", "inherit"],
      ...(options.uid === undefined ? {} : { uid: options.uid }),
    },
  );
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (text) => {
    lines.push(text);
    line(text, child);
  });
  return { child, lines, closed: once(child, "close") };
}

function integrityOf(file: string): unknown {
  const database = new DatabaseSync(file);
  try {
    database.exec("INSERT INTO words(words) VALUES('integrity-check')");
    return Object.values(database.prepare("PRAGMA integrity_check").get() ?? {})[0];
  } finally {
    database.close();
  }
}

test("an index survives kill -9 at any point, and the next update completes it", { timeout: 300_000 }, async (t) => {
  const count = 120;
  const files = pythonFiles(count);
  const place = await workspaceOf(t, files);
  const clean = await openIndex(t, { ...place, storageFolder: `${place.storageFolder}-clean` });
  await clean.update(updateOptions());
  const expected = contentOf(clean, Object.keys(files));

  // Each process goes on where the last one was killed: while opening, walking, parsing, writing.
  const points = ["opened", "walk 1", "parse 1", "parse 1", "write"];
  for (const [at, point] of points.entries()) {
    const { closed } = startProcess(place, (line, child) => {
      if (line === "opened") child.stdin?.end();
      if (line.startsWith(point)) child.kill("SIGKILL");
    });
    await closed;
    const index = await openIndex(t, place);
    assert.equal(index.rebuiltBecause, null, `killed at ${point}`);
    assert.equal(integrityOf(index.file), "ok", `killed at ${point}`);
    assert.ok(index.counts().files <= count);
    await index.close();
    // Something to do for the next one.
    await writeFiles(place.folder, {
      [`pkg${at % 7}/part${at}.py`]: `${files[`pkg${at % 7}/part${at}.py`] ?? ""}# changed\n`,
    });
  }
  await writeFiles(place.folder, files);
  const index = await openIndex(t, place);
  await index.update(updateOptions());
  assert.deepEqual(contentOf(index, Object.keys(files)), expected);
});

test(
  "of two processes on one workspace, one parses and the other waits; both end with everything",
  { timeout: 120_000 },
  async (t) => {
    const place = await workspaceOf(t, pythonFiles(40));
    let open = 0;
    const children: ChildProcess[] = [];
    const started = [1, 2].map(() =>
      startProcess(place, (line, child) => {
        if (line !== "opened") return;
        children.push(child);
        open += 1;
        if (open === 2) for (const each of children) each.stdin?.end();
      }),
    );
    await Promise.all(started.map(({ closed }) => closed));
    const ends = started.map(({ lines }) => lines.at(-1)).sort();
    assert.deepEqual(ends, ["done 0 40", "done 40 40"]);
  },
);

test("a process that waits too long for another one says so, and readers read meanwhile", async (t) => {
  const place = await workspaceOf(t, pythonFiles(3));
  const index = await openIndex(t, place);
  await index.update(updateOptions());
  const other = openDatabase(index.file).database;
  t.after(() => {
    other.close();
  });
  const lease = new IndexLease(other);
  await lease.acquire({ waitMs: 0, signal: new AbortController().signal });
  await assert.rejects(index.update(updateOptions({ busyWaitMs: 0 })), failsWith("workspaceBusy"));
  assert.equal(index.counts().files, 3);
  const controller = new AbortController();
  const waiting = assert.rejects(index.update(updateOptions({ signal: controller.signal })), failsWith("cancelled"));
  controller.abort();
  await waiting;
  lease.release();
  assert.equal((await index.update(updateOptions({ busyWaitMs: 0 }))).files, 3);
});

test("the lease of a process that is gone, or has run out, is taken over", async (t) => {
  const place = await workspaceOf(t, pythonFiles(3));
  const index = await openIndex(t, place);
  const other = openDatabase(index.file).database;
  t.after(() => {
    other.close();
  });
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  const { hostname } = await import("node:os");
  const insert = other.prepare("INSERT OR REPLACE INTO lease VALUES(1, 'x', ?, ?, ?)");
  insert.run(gone, hostname(), Date.now() + 1e9);
  assert.equal((await index.update(updateOptions({ busyWaitMs: 0 }))).files, 3);
  insert.run(process.pid, hostname(), Date.now() - 1);
  assert.equal((await index.update(updateOptions({ busyWaitMs: 0 }))).files, 3);
});

test("an index of another version is thrown away and built anew", async (t) => {
  const place = await workspaceOf(t, pythonFiles(3));
  const index = await openIndex(t, place);
  await index.update(updateOptions());
  await index.close();
  for (const version of [0, schemaVersion + 1]) {
    const database = new DatabaseSync(index.file);
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
    const again = await openIndex(t, place);
    assert.match(again.rebuiltBecause ?? "", new RegExp(`version ${version}`));
    assert.equal((await again.update(updateOptions())).filesParsed, 3);
    await again.close();
  }
});

test("a damaged index is built anew, wherever the damage is", async (t) => {
  const place = await workspaceOf(t, pythonFiles(30));
  const index = await openIndex(t, place);
  await index.update(updateOptions());
  await index.close();
  const { size } = await stat(index.file);
  const damages: Record<string, () => Promise<void>> = {
    "not a database": () =>
      writeFile(index.file, "This is no database, but it is long enough to look like one. ".repeat(100)),
    "cut off": () => truncate(index.file, Math.floor(size / 3)),
    "overwritten in the middle": async () => {
      const handle = await open(index.file, "r+");
      for (let at = 4096 * 2; at < size; at += 4096) await handle.write(Buffer.alloc(4000, 0xa5), 0, 4000, at);
      await handle.close();
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    await damage();
    const again = await openIndex(t, place);
    const summary = await again.update(updateOptions());
    assert.equal(summary.files, 30, name);
    assert.notEqual(again.rebuiltBecause, null, name);
    assert.equal(again.searchWords(["number"], 5, "").length, 5, name);
    assert.equal(again.fileText("pkg1/part1.py")?.lines.length, 9, name);
    await again.close();
    assert.equal(integrityOf(index.file), "ok", name);
  }
});

test("damage that shows only while reading is a failure, and the next update repairs it", async (t) => {
  const place = await workspaceOf(t, pythonFiles(30));
  const index = await openIndex(t, place);
  await index.update(updateOptions());
  await index.close();
  const handle = await open(index.file, "r+");
  const { size } = await handle.stat();
  for (let at = 4096 * 6; at < size; at += 4096) await handle.write(Buffer.alloc(4000, 0xa5), 0, 4000, at);
  await handle.close();
  const again = await openIndex(t, place);
  if (again.rebuiltBecause === null) {
    assert.throws(() => {
      again.graph();
      again.searchWords(["number"], 5, "");
    }, failsWith("indexCorrupt"));
  }
  assert.equal((await again.update(updateOptions())).files, 30);
  assert.equal(again.searchWords(["number"], 5, "").length, 5);
});

test("a damaged index that cannot be deleted is a failure of its own", async (t) => {
  const place = await workspaceOf(t, pythonFiles(3));
  const index = await openIndex(t, place);
  await index.close();
  await rm(index.file);
  // A folder in the file's place cannot be opened, nor deleted as a file.
  await mkdir(join(index.file, "inner"), { recursive: true });
  await assert.rejects(openIndex(t, place), (error) => {
    return error instanceof Failure && (error.code === "indexUnwritable" || error.code === "indexCorrupt");
  });
});

test("a storage folder that cannot be written is a failure", { timeout: 60_000 }, async (t) => {
  const place = await workspaceOf(t, pythonFiles(3));
  await writeFile(`${place.folder}.file`, "");
  await assert.rejects(
    openIndex(t, { ...place, storageFolder: `${place.folder}.file/below` }),
    failsWith("indexUnwritable"),
  );
  await mkdir(place.storageFolder);
  if (process.getuid?.() !== 0) {
    await chmod(place.storageFolder, 0o500);
    t.after(() => chmod(place.storageFolder, 0o700));
    await assert.rejects(openIndex(t, place), failsWith("indexUnwritable"));
    return;
  }
  // Permissions do not bind root, so another user tries.
  const nobody = 65534;
  for (const folder of [dirname(place.folder), place.folder]) await chown(folder, nobody, nobody);
  const { lines, closed } = startProcess(place, () => undefined, { uid: nobody });
  await closed;
  assert.deepEqual(lines, ["failed indexUnwritable"]);
});

test(
  "a full disk is a failure; what was committed stays readable and the update goes on when there is space",
  { timeout: 120_000 },
  async (t) => {
    const files: Record<string, string> = {};
    for (let at = 0; at < 60; at += 1) {
      const body = Array.from(
        { length: 60 },
        (_, n) => `    value_${at}_${n} = compute_${at * 61 + n}(${at}, ${n * 7919})`,
      ).join("\n");
      files[`part${at}.py`] = `def function_${at}():\n${body}\n`;
    }
    const place = await workspaceOf(t, files);
    await mkdir(place.storageFolder);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=400k", "tmpfs", place.storageFolder]).status === 0;
    if (!mounted) {
      t.skip("only root may mount a small disk");
      return;
    }
    const index = await WorkspaceIndex.open({ ...place, root });
    try {
      await assert.rejects(index.update(updateOptions()), failsWith("diskFull"));
      const { files: kept } = index.counts();
      assert.ok(kept < 60);
      for (const path of Object.keys(files)) {
        const text = index.fileText(path);
        if (text !== null) assert.equal(`${text.lines.join("\n")}\n`, files[path]);
      }
      assert.equal(spawnSync("mount", ["-o", "remount,size=64m", place.storageFolder]).status, 0);
      assert.equal((await index.update(updateOptions())).files, 60);
      assert.equal(integrityOf(index.file), "ok");
    } finally {
      // The disk can only be taken away when nothing on it is open.
      await index.close();
      spawnSync("umount", [place.storageFolder]);
    }
  },
);

test("a write that finds no space undoes its transaction and leaves the rest as it was", async (t) => {
  const place = await workspaceOf(t, {});
  const file = join(place.storageFolder, "index.sqlite");
  const { database } = openDatabase(file);
  t.after(() => {
    database.close();
  });
  const lease = new IndexLease(database);
  await lease.acquire({ waitMs: 0, signal: new AbortController().signal });
  const writer = new IndexWriter(database, lease);
  const state = { bytes: 1, mtimeMs: 1, hash: "x", parser: "p", encoder: "" };
  const recordAt = (path: string, lines: number) => {
    const text = Array.from({ length: lines }, (_, at) => `word${at} other${at * 7919}`).join("\n");
    return recordOf(parseUnits({ path, text }, null), { text, language: "text" }, null);
  };
  writer.writeFile(recordAt("kept.txt", 5), state);
  writer.commit();
  const pages = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
  database.exec(`PRAGMA max_page_count = ${pages + 20}`);
  let thrown: unknown;
  try {
    for (let at = 0; at < 100; at += 1) writer.writeFile(recordAt(`lost${at}.txt`, 500), state);
    writer.commit();
  } catch (error) {
    thrown = indexFailure(error, file);
  }
  assert.ok(thrown instanceof Failure && thrown.code === "diskFull", String(thrown));
  writer.rollback();
  assert.ok(writer.storedFile("kept.txt") !== null);
  assert.equal(
    database.prepare("SELECT sum(files) AS n FROM totals").get()?.["n"],
    database.prepare("SELECT count(*) AS n FROM files").get()?.["n"],
  );
  assert.equal(Object.values(database.prepare("PRAGMA integrity_check").get() ?? {})[0], "ok");
});

test("a workspace without code, and one that is missing, are failures", async (t) => {
  const place = await workspaceOf(t, { "data.json": "{}", ".env": "KEY=1" });
  const index = await openIndex(t, place);
  await assert.rejects(
    index.update(updateOptions()),
    (error) => failsWith("workspaceEmpty")(error) && String(error).includes("secret"),
  );
  await writeFiles(place.folder, { "a.py": "x = 1\n" });
  assert.equal((await index.update(updateOptions())).files, 1);
  await rm(join(place.folder, "a.py"));
  await assert.rejects(index.update(updateOptions()), failsWith("workspaceEmpty"));
  assert.equal(index.counts().files, 0, "what is gone is not shown any longer");
  await rm(place.folder, { recursive: true });
  await assert.rejects(index.update(updateOptions()), failsWith("workspaceMissing"));
  await assert.rejects(openIndex(t, place), failsWith("workspaceMissing"));
  assert.equal((await readdir(place.storageFolder)).length, 1);
});
