import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { embeddedConfidenceMin } from "../../extension/engine/completions.ts";
import { Engine } from "../../extension/engine/engine.ts";
import type { CompleteParams, Completion } from "../../extension/protocol/complete.ts";
import { protocolVersion } from "../../extension/protocol/engine.ts";
import { writeTestModel } from "../support/testModels.ts";

const root = path.resolve(import.meta.dirname, "../..");
const { signal } = new AbortController();
let folder: string;
let engine: Engine;
let answering: string;
/** Called when an answer goes on. */
let onAnswer: () => void = () => undefined;

const settings = { "engine.threads": 1, "engine.device": "cpu" };

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "precis-completions-"));
  answering = path.join(folder, "answering.gguf");
  await writeTestModel({ file: answering, architecture: "qwen2" });
  const workspace = path.join(folder, "workspace");
  await mkdir(path.join(workspace, "src"), { recursive: true });
  await writeFile(
    path.join(workspace, "src", "paths.ts"),
    "export function joinPaths(first: string, second: string): string {\n  return `${first}/${second}`;\n}\n",
  );
  await writeFile(path.join(workspace, "src", "open.ts"), `${open.before}\n${open.after}`);
  engine = new Engine({
    ...{ root, version: "test", onHello: () => undefined },
    emit: (event) => {
      if (event === "answerDelta") onAnswer();
    },
  });
  await engine.handle(
    "hello",
    { protocolVersion, storageFolder: path.join(folder, "storage"), parentPid: process.pid },
    signal,
  );
  await engine.handle("configure", settings, signal);
});
after(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** The fill-in format's own marks and the open file's name. */
const controlTokensMax = 16;
/** Each calls the one before it, so that all but the last count as central. */
const moreDeclarations = ["One", "Two", "Three", "Four", "Five"]
  .map(
    (name, at, all) =>
      `export function folder${name}(path: string): string {\n  return folder${all[at - 1] ?? name}(path);\n}\n`,
  )
  .join("\n");

const open = {
  before: 'import { joinPaths } from "./paths";\n\nexport function target(name: string): string {\n  const folder = ',
  after: "\n  return folder;\n}\n",
};

function paramsOf(more: Partial<CompleteParams> = {}): CompleteParams {
  return {
    ...{ path: "src/open.ts", language: "typescript", startLine: 1, trigger: "explicit", maxTokens: 12 },
    ...open,
    ...more,
  };
}

async function complete(more: Partial<CompleteParams> = {}, abort: AbortSignal = signal): Promise<Completion> {
  return engine.handle("complete", paramsOf(more), abort);
}

function checkAccount({ pieces, figures, budgetTokens }: Completion): void {
  const tokens = pieces.reduce((sum, piece) => sum + piece.tokens, 0);
  assert.equal(figures.promptTokens, tokens);
  assert.equal(figures.tokensRead + figures.tokensReused, tokens);
  assert.ok(tokens <= budgetTokens, `${tokens} of ${budgetTokens}`);
}

test("code is completed before any folder is open, and says which model did it", async () => {
  const completion = await complete({ path: null });
  assert.deepEqual([completion.model?.role, completion.mode], ["embedded", "line"]);
  assert.ok(!completion.text.includes("\n"));
  assert.ok(completion.pieces.every(({ unit }) => unit === undefined));
  checkAccount(completion);
});

test("the engine's status tells which model completes, what its cache holds and what the last completion took", async () => {
  const { model, figures } = await complete();
  const { completer } = await engine.handle("status", {}, signal);
  assert.ok(completer !== null);
  const { cells, usedCells, kvBytes, lastMs, ...rest } = completer;
  assert.deepEqual(rest, model);
  assert.equal(lastMs, figures.totalMs);
  assert.ok(usedCells >= figures.promptTokens - 1 && usedCells <= cells && kvBytes > 0);
});

test("with an index the prompt holds the declarations that the open file imports", async () => {
  await engine.handle("openWorkspace", { folder: path.join(folder, "workspace"), excludeGlobs: [] }, signal);
  await engine.handle("index", {}, signal);
  const completion = await complete();
  const piece = completion.pieces.find(({ unit }) => unit?.name === "joinPaths");
  assert.equal(piece?.text, "export function joinPaths(first: string, second: string): string\n");
  assert.ok(piece.reasons.length > 0);
  assert.ok(!completion.pieces.some(({ unit }) => unit?.path === "src/open.ts"));
  checkAccount(completion);
});

test("the embedded model gets a quarter of the budget from other files, and a digest of the repository where that has room", async () => {
  const stable = ({ pieces }: Completion) => pieces.filter(({ share }) => !["prefix", "suffix"].includes(share));
  const tokens = (pieces: Completion["pieces"]) => pieces.reduce((sum, piece) => sum + piece.tokens, 0);
  const small = await complete();
  assert.ok(!small.pieces.some(({ share }) => share === "digest"));
  assert.ok(tokens(stable(small)) <= 0.25 * small.budgetTokens + controlTokensMax);
  await engine.handle("configure", { ...settings, "complete.budgetTokens": 2048, "budget.digestPercent": 10 }, signal);
  await writeFile(path.join(folder, "workspace", "src", "more.ts"), moreDeclarations);
  await engine.handle("index", {}, signal);
  const large = await complete();
  checkAccount(large);
  const digest = large.pieces.filter(({ share }) => share === "digest");
  assert.equal(digest.length, 1);
  assert.ok(digest.every(({ text }) => text.startsWith("// # Central declarations")));
  assert.ok(tokens(digest) <= 0.25 * large.budgetTokens);
  await rm(path.join(folder, "workspace", "src", "more.ts"));
  await engine.handle("index", {}, signal);
  await engine.handle("configure", settings, signal);
});

test("the same request again reads one token, and a typed character a few", async () => {
  const first = await complete();
  const again = await complete();
  assert.equal(again.figures.tokensRead, 1);
  assert.equal(again.text, first.text);
  const typed = await complete({ before: `${open.before}j` });
  assert.ok(typed.figures.tokensRead <= 4, `${typed.figures.tokensRead} tokens`);
  checkAccount(typed);
});

test("what was reused does not change what is written", async () => {
  await complete({ before: `${open.before}joinP` });
  const warm = await complete({ before: `${open.before}joinPaths(` });
  await complete({ before: "x = ", after: "", path: null });
  const cold = await complete({ before: `${open.before}joinPaths(` });
  assert.ok(cold.figures.tokensRead > warm.figures.tokensRead);
  assert.equal(cold.text, warm.text);
});

test("a newer request cancels the one that runs, and a signal does the same", async () => {
  const older = complete({ maxTokens: 128 });
  const newer = complete({ before: `${open.before}n` });
  assert.equal((await older).nothing, "cancelled");
  assert.notEqual((await newer).nothing, "cancelled");
  const abort = new AbortController();
  const stopped = complete({ maxTokens: 128 }, abort.signal);
  abort.abort();
  assert.equal((await stopped).nothing, "cancelled");
  assert.notEqual((await complete()).nothing, "cancelled");
});

const reasons: readonly (readonly [why: string, more: Partial<CompleteParams>, expected: string])[] = [
  ["a cursor in a string", { before: 'const a = "b', after: '";\n' }, "insideString"],
  ["a cursor in a comment", { before: "// say ", after: "\n" }, "insideComment"],
  [
    "a cursor between the halves of a character",
    { before: "const a = '\ud83d", after: "\ude00';\n" },
    "insideCharacter",
  ],
  ["a cursor before a combining mark", { before: "const e", after: "\u0301 = 1;\n" }, "insideCharacter"],
  ["a cursor in a word", { before: "cons", after: "t a = 1;\n" }, "insideWord"],
  ["a file of secrets", { path: "deploy/.env", language: "text", before: "TOKEN=", after: "\n" }, "secretFile"],
  [
    "one outside of the workspace",
    { path: null, location: "/home/x/.aws/credentials", before: "key = " },
    "secretFile",
  ],
  [
    "a private key in a file of any name",
    { before: `-----BEGIN RSA PRIVATE KEY-----\n${"A".repeat(64)}\n`, after: "\n" },
    "secretFile",
  ],
  ["an empty document", { before: "", after: "", path: null }, "documentEmpty"],
];
for (const [why, more, expected] of reasons) {
  test(`${why}: ${expected}`, async () => {
    const { nothing, text } = await complete(more);
    assert.deepEqual([nothing, text], [expected, ""]);
  });
}

test("a language without a grammar, an unknown one and a very long line are completed like any other", async () => {
  for (const language of ["swift", "text", "klingon"]) assert.notEqual((await complete({ language })).mode, null);
  const long = await complete({ before: `const a = [${"12345, ".repeat(3_000)}`.slice(0, 24_000), after: "\n" });
  assert.equal(long.mode, "line");
  checkAccount(long);
});

test("an unsure suggestion of the embedded model is shown only where somebody asks for it", async () => {
  const before = "zq = ";
  const asked = await complete({ before, after: "\n", language: "python", path: null });
  const automatic = await complete({ before, after: "\n", language: "python", path: null, trigger: "automatic" });
  if (asked.confidence < embeddedConfidenceMin) assert.equal(automatic.nothing, "unsure");
  else assert.equal(automatic.text, asked.text);
  // The second request reads one token where the first read all, and llama.cpp rounds that differently.
  assert.ok(Math.abs(automatic.confidence - asked.confidence) < 0.01);
});

test("an assistant with fill-in tokens completes, one is chosen by its path, and none completes nothing", async () => {
  await engine.handle("configure", { ...settings, "model.assistant": answering }, signal);
  const byAssistant = await complete();
  assert.deepEqual(byAssistant.model, { name: "answering.gguf", role: "assistant", fillIn: "prefix-suffix-middle" });
  checkAccount(byAssistant);
  await engine.handle("configure", { ...settings, "model.completer": answering }, signal);
  assert.equal((await complete()).model?.role, "completer");
  await engine.handle("configure", { ...settings, "model.completer": "none" }, signal);
  assert.equal((await complete()).nothing, "noModel");
  await engine.handle("configure", { ...settings, "model.completer": path.join(folder, "missing.gguf") }, signal);
  await assert.rejects(complete(), { code: "modelMissing" });
  await engine.handle("configure", settings, signal);
  assert.equal((await complete()).model?.role, "embedded");
});

test("a model without fill-in tokens completes from the prefix alone, and says so", async () => {
  const plain = path.join(folder, "plain.gguf");
  await writeTestModel({ file: plain, architecture: "llama" });
  await engine.handle("configure", { ...settings, "model.completer": plain }, signal);
  const completion = await complete();
  assert.equal(completion.model?.fillIn, "prefix-only");
  assert.ok(completion.pieces.some(({ share }) => share === "prefix"));
  assert.ok(!completion.pieces.some(({ share }) => share === "suffix"));
  checkAccount(completion);
  await engine.handle("configure", settings, signal);
});

test("a completion does not wait for an answer that is being written", async () => {
  await engine.handle("configure", { ...settings, "model.assistant": answering, "model.completer": "" }, signal);
  await complete();
  const begun = Promise.withResolvers<undefined>();
  onAnswer = () => {
    begun.resolve(undefined);
  };
  const abort = new AbortController();
  let isAnswering = true;
  const answer = engine
    .handle("ask", { question: "What joins paths?", askId: "1", maxTokens: 2_000, budgetTokens: 3_000 }, abort.signal)
    .finally(() => (isAnswering = false));
  await begun.promise;
  const completion = await complete({ before: `${open.before}jo` });
  assert.ok(isAnswering, "the answer is still being written");
  assert.notEqual(completion.nothing, "cancelled");
  abort.abort();
  assert.equal((await answer).stopReason, "cancelled");
});
