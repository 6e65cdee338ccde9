import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { codeModelFile } from "../../extension/engine/codeModel.ts";
import { Engine } from "../../extension/engine/engine.ts";
import { protocolVersion } from "../../extension/protocol/engine.ts";
import type { EngineEvents } from "../../extension/protocol/engine.ts";
import { english } from "../../extension/protocol/sentence.ts";
import { failureOf } from "../support/engineClients.ts";
import { temporaryFolder } from "../support/folders.ts";
import { runPrecis, writeExampleRepository } from "../support/terminalProgram.ts";

const root = path.resolve(import.meta.dirname, "../..");
const never = new AbortController().signal;
const question = "try a failed request again";

test("the embedded scorer ranks, and what it has read stays beside the indexes", async (t) => {
  const { engine, storageFolder } = await openEngine(t, {});
  const { ranked } = await engine.handle("rank", { question, ranker: "likelihood", top: 3 }, never);
  assert.ok(ranked.length > 0);
  assert.equal(await scorers(engine), "static table and likelihood model");
  await engine.close();
  assert.ok((await readdir(path.join(storageFolder, "scorer"))).length > 0);
});

test("a chosen model scores instead of the embedded one, also when it is chosen later", async (t) => {
  const { engine } = await openEngine(t, {});
  const params = { question, ranker: "likelihood", top: 100 } as const;
  const scores = async () => (await engine.handle("rank", params, never)).ranked.map(({ score }) => score);
  const embedded = await scores();
  await engine.handle("configure", { "engine.device": "cpu", "model.scorer": codeModelFile(root) }, never);
  const chosen = await scores();
  assert.equal(await scorers(engine), "static table and code.gguf");
  assert.equal(chosen.length, embedded.length);
  assert.notDeepEqual(chosen, embedded);
  await engine.handle("configure", { "engine.device": "cpu" }, never);
  for (const [place, score] of (await scores()).entries()) {
    assert.ok(Math.abs(score - (embedded[place] ?? Number.NaN)) < 1e-3);
  }
});

test("a chosen model that is not there fails where it is needed, and only there", async (t) => {
  const { engine, storageFolder } = await openEngine(t, { "model.scorer": "/nowhere/scorer.gguf" });
  const rank = (ranker: "lexical" | "likelihood" | "longcodezip") =>
    engine.handle("rank", { question, ranker, top: 3 }, never);
  assert.equal((await failureOf(rank("likelihood"))).code, "modelMissing");
  assert.equal((await failureOf(rank("longcodezip"))).code, "modelMissing");
  assert.ok((await rank("lexical")).ranked.length > 0);
  await engine.close();
  assert.ok(!(await readdir(storageFolder)).includes("scorer"));
});

test("an ask tells the order without the likelihood first, and then the final one", async (t) => {
  const { engine, ranked } = await openEngine(t, {});
  const answer = await engine.handle("ask", { askId: "1", question, ranker: "likelihood" }, never);
  assert.equal(answer.stopReason, "end");
  assert.deepEqual(
    ranked.map(({ isFinal }) => isFinal),
    [false, true],
  );
  const [first, last] = ranked.map((event) => event.ranked.map(({ unit }) => unit.id));
  assert.deepEqual([...(first ?? [])].sort(), [...(last ?? [])].sort());
  assert.notDeepEqual(first, last);

  ranked.length = 0;
  await engine.handle("ask", { askId: "2", question, ranker: "lexical" }, never);
  assert.deepEqual(
    ranked.map(({ isFinal }) => isFinal),
    [true],
  );
});

test("the terminal program takes a scorer with --scorer", async (t) => {
  const folder = await temporaryFolder(t);
  const repository = path.join(folder, "repository");
  await writeExampleRepository(repository);
  const rank = (scorer: string) =>
    runPrecis([
      ...["rank", question, "--json", "--ranker", "longcodezip", "--scorer", scorer],
      ...["--repo", repository, "--storage", path.join(folder, "storage")],
    ]);
  const done = await rank(codeModelFile(root));
  assert.equal(done.code, 0, done.stderr);
  assert.ok((JSON.parse(done.stdout) as { results: unknown[] }).results.length > 0);
  const failed = await rank(path.join(folder, "missing.gguf"));
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /modelMissing/);
});

interface OpenedEngine {
  readonly engine: Engine;
  readonly storageFolder: string;
  readonly ranked: EngineEvents["unitsRanked"][];
}

async function scorers(engine: Engine): Promise<string> {
  const { scorer } = await engine.handle("status", {}, never);
  return scorer === null ? "" : english(scorer);
}

async function openEngine(t: TestContext, settings: Readonly<Record<string, unknown>>): Promise<OpenedEngine> {
  const ranked: EngineEvents["unitsRanked"][] = [];
  const engine = new Engine({
    root,
    version: "test",
    emit: (event, payload) => {
      if (event === "unitsRanked") ranked.push(payload as EngineEvents["unitsRanked"]);
    },
    onHello: () => undefined,
  });
  // Before the folder is deleted: closing still stores what was read.
  t.after(() => engine.close());
  const folder = await temporaryFolder(t);
  const repository = path.join(folder, "repository");
  const storageFolder = path.join(folder, "storage");
  await writeExampleRepository(repository);
  await engine.handle("hello", { protocolVersion, storageFolder, parentPid: process.pid }, never);
  await engine.handle("configure", { "engine.device": "cpu", ...settings }, never);
  await engine.handle("openWorkspace", { folder: repository, excludeGlobs: [] }, never);
  return { engine, storageFolder, ranked };
}
