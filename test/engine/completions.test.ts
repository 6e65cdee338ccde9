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

test("the same request again reads one token, and a typed character a few", async () => {
  const first = await complete();
  const again = await complete();
  assert.equal(again.figures.tokensRead, 1);
  assert.deepEqual([again.text, again.confidence], [first.text, first.confidence]);
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
  assert.equal(automatic.confidence, asked.confidence);
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
