import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { ParsePool } from "../../extension/engine/parsePool.ts";
import type { ParsePoolOptions } from "../../extension/engine/parsePool.ts";
import { decodeImports, decodeReferences, unitOf, unpackText } from "../../extension/engine/parseRecord.ts";
import type { FileRecord } from "../../extension/engine/parseRecord.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { english } from "../../extension/protocol/sentence.ts";

const root = join(import.meta.dirname, "../..");

function poolOf(t: TestContext, options: Partial<ParsePoolOptions> = {}): ParsePool {
  const pool = new ParsePool({ root, threads: 1, ...options });
  t.after(() => pool.close());
  return pool;
}

/** A worker that obeys the file's text: `crash`, `hang`, or anything else, which it refuses politely. */
async function obedientWorker(t: TestContext): Promise<URL> {
  const folder = await mkdtemp(join(tmpdir(), "precis-pool-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "worker.mjs");
  await writeFile(
    file,
    `import { parentPort } from "node:worker_threads";
     parentPort.on("message", ({ text }) => {
       if (text === "crash") process.exit(3);
       if (text === "throw") throw new Error("out of luck");
       if (text === "hang") for (;;);
       parentPort.postMessage({ kind: "failed", message: "refused " + text });
     });
     parentPort.postMessage({ kind: "ready" });`,
  );
  return pathToFileURL(file);
}

const failure = (code: string) => (error: unknown) => error instanceof Failure && error.code === code;
const task = (text: string, path = "a.py") => ({ path, text, language: "python", table: null });

test("a file comes back cut into units, its text packed, its words counted", async (t) => {
  const text = 'import os.path\n\n\ndef readFile(name):\n    """Reads it."""\n    return open(os.path.join(name))\n';
  const record = await poolOf(t).parse(task(text, "src/files.py"));
  assert.equal(record.path, "src/files.py");
  assert.equal(record.language, "python");
  assert.equal(record.lines, 6);
  assert.equal(unpackText(record.packedText), text);
  assert.deepEqual(record.problems, []);
  const unit = record.units.find(({ name }) => name === "readFile");
  assert.ok(unit !== undefined);
  assert.equal(unit.kind, "function");
  assert.equal(unit.doc, "Reads it.");
  assert.deepEqual(unit.words[0], "src files py");
  assert.deepEqual(unit.words[1], "read file readfile");
  assert.ok(decodeReferences(unit.references).some(({ name, role }) => name === "open" && role === "call"));
  assert.equal(decodeImports(record.imports)[0]?.module, "os.path");
  const whole = unitOf(unit, { path: record.path, language: record.language, lines: text.split("\n") });
  assert.equal(whole.id, `src/files.py#${unit.ordinal}`);
  assert.match(whole.text, /^def readFile\(name\):\n {4}"""Reads it\."""\n {4}return open/);
  const words = record.units.reduce((sum, { words }) => sum + (words[4] ?? "").split(" ").length, 0);
  assert.equal(record.wordCounts[4], words);
});

test("prose needs no grammar", async (t) => {
  const record = await poolOf(t).parse({
    path: "README.md",
    text: "# Title\n\nWords.\n",
    language: "text",
    table: null,
  });
  assert.deepEqual(
    record.units.map(({ kind, name }) => ({ kind, name })),
    [{ kind: "file", name: "README.md" }],
  );
});

test("a worker that crashes costs its file the units, is replaced, and the next file is parsed", async (t) => {
  const pool = poolOf(t, { workerFile: await obedientWorker(t) });
  const [crashed, thrown, after] = await Promise.all(["crash", "throw", "x"].map((text) => pool.parse(task(text))));
  assert.match(problemOf(crashed), /crashed: exit code 3/);
  assert.deepEqual(
    crashed?.units.map(({ kind }) => kind),
    ["file"],
  );
  assert.equal(crashed.language, "python");
  assert.match(problemOf(thrown), /crashed: out of luck/);
  assert.match(problemOf(after), /refused x/);
  assert.equal(pool.threads, 1);
});

test("a file that takes too long is given up", async (t) => {
  const pool = poolOf(t, { workerFile: await obedientWorker(t), fileTimeoutMs: 50 });
  const record = await pool.parse(task("hang"));
  assert.match(problemOf(record), /took longer/);
  assert.equal(unpackText(record.packedText), "hang");
});

test("workers that do not start are a failure, not a problem per file", async (t) => {
  const pool = poolOf(t, { workerFile: pathToFileURL("/nowhere/worker.mjs") });
  await assert.rejects(pool.parse(task("x")), failure("internal"));
});

test("closing settles everyone who waits, and nothing is taken on afterwards", async (t) => {
  const pool = poolOf(t, { workerFile: await obedientWorker(t) });
  const running = [pool.parse(task("hang")), pool.parse(task("x"))].map((result) =>
    assert.rejects(result, failure("cancelled")),
  );
  await pool.close();
  await Promise.all(running);
  assert.equal(pool.threads, 0);
  await assert.rejects(pool.parse(task("x")), failure("cancelled"));
});

test("a waiting file is dropped when its signal is aborted; too many waiting files are refused", async (t) => {
  const pool = poolOf(t, { workerFile: await obedientWorker(t) });
  const controller = new AbortController();
  const waiting = Array.from({ length: pool.capacity }, () => pool.parse(task("hang"), controller.signal));
  await assert.rejects(pool.parse(task("x")), failure("internal"));
  const dropped = waiting.map((result) => assert.rejects(result, failure("cancelled")));
  controller.abort();
  await Promise.all(dropped);
});

test("idle threads can be ended; the next file starts one again", async (t) => {
  const pool = poolOf(t, { threads: 2, workerFile: await obedientWorker(t) });
  await Promise.all([pool.parse(task("x")), pool.parse(task("y"))]);
  await pool.shrink(0);
  assert.equal(pool.threads, 0);
  assert.match(problemOf(await pool.parse(task("z"))), /refused z/);
});

function problemOf(record: FileRecord | undefined): string {
  const [problem] = record?.problems ?? [];
  return problem === undefined ? "" : english(problem.message);
}
