import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { failureSentences } from "../../extension/protocol/failure.ts";
import type { FailureCode } from "../../extension/protocol/failure.ts";
import { writeNotGguf, writeTestModel, writeTruncatedModel } from "../support/testModels.ts";
import { runPrecis, writeExampleRepository } from "../support/terminalProgram.ts";
import type { Ended } from "../support/terminalProgram.ts";

const question = "How is a failed request tried again?";
let folder = "";
let repository = "";
let storage = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-bad-"));
  repository = join(folder, "repository");
  storage = join(folder, "storage");
  await writeExampleRepository(repository);
});
after(() => rm(folder, { recursive: true, force: true }));

test("a missing repository", async () => {
  await expectFailure("workspaceMissing", ["index", "--repo", join(folder, "nowhere")]);
});

test("a repository that is a file", async () => {
  await expectFailure("workspaceMissing", ["ask", question, "--repo", join(repository, "README.md")]);
});

for (const args of [["index"], ["ask", question], ["rank", question], ["context", question]]) {
  test(`an empty repository: ${args[0] ?? ""}`, async () => {
    const empty = join(folder, "empty");
    await mkdir(empty, { recursive: true });
    await expectFailure("workspaceEmpty", [...args, "--repo", empty]);
  });
}

for (const command of ["ask", "rank", "context"]) {
  test(`an empty question: ${command}`, async () => {
    await expectFailure("questionEmpty", [command, " \n", "--repo", repository]);
  });

  test(`a question of 100 kB: ${command}`, async () => {
    await expectFailure("questionTooLong", [command, "why? ".repeat(20_000), "--repo", repository]);
  });
}

test("a budget smaller than the question and what goes with it", async () => {
  await expectFailure("budgetTooSmall", ["ask", question, "--budget", "100", "--repo", repository]);
});

test("a question that leaves no room for code in the budget", async () => {
  const long = "Where is the delay before the next attempt doubled? ".repeat(40);
  await expectFailure("questionTooLong", ["ask", long, "--budget", "600", "--repo", repository]);
});

test("a model file that does not exist", async () => {
  await expectModelFailure("modelMissing", "missing.gguf", () => Promise.resolve());
});

test("a model file that is not GGUF", async () => {
  await expectModelFailure("modelNotGguf", "not.gguf", writeNotGguf);
});

test("a model file that was cut off", async () => {
  await expectModelFailure("modelTruncated", "truncated.gguf", async (file) => {
    const whole = join(folder, "whole.gguf");
    await writeTestModel({ file: whole });
    await writeTruncatedModel(whole, file);
  });
});

test("a model of an architecture that the engine does not know", async () => {
  await expectModelFailure("modelUnsupported", "unknown.gguf", async (file) => {
    await writeTestModel({ file, architectureName: "no-such-architecture" });
  });
});

test("a cache folder that cannot be written", async () => {
  const file = join(folder, "a-file");
  await writeFile(file, "not a folder");
  for (const unwritable of [file, join(file, "below")]) {
    await expectFailure("indexUnwritable", ["index", "--repo", repository], unwritable);
  }
});

test("a damaged index is built again", async () => {
  const damaged = join(folder, "storage-damaged");
  const args = ["rank", question, "--json", "--repo", repository, "--storage", damaged];
  const before = await runPrecis(args);
  assert.equal(before.code, 0, before.stderr);
  const files = await readdir(damaged, { recursive: true, withFileTypes: true });
  const indexes = files.filter((entry) => entry.isFile());
  assert.ok(indexes.length > 0);
  for (const entry of indexes) await writeFile(join(entry.parentPath, entry.name), "garbage ".repeat(1_000));
  const again = await runPrecis(args);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(resultsOf(again), resultsOf(before));
});

test("a ranker that does not exist", async () => {
  await expectFailure("rankerUnknown", ["rank", question, "--ranker", "oracle", "--repo", repository]);
});

for (const [name, text, place] of [
  ["broken JSON", '"fine"\n{"query": \n', /line 2/],
  ["another type", "17\n", /line 1/],
  ["no query", '{"question": "why?"}\n', /line 1/],
] as const) {
  test(`a questions file with ${name}`, async () => {
    const file = join(folder, "questions.jsonl");
    await writeFile(file, text);
    const { stderr } = await expectFailure("questionsFileInvalid", ["rank", "--questions", file, "--repo", repository]);
    assert.match(stderr, place);
  });
}

test("a questions file that does not exist", async () => {
  const file = join(folder, "nowhere.jsonl");
  await expectFailure("questionsFileInvalid", ["rank", "--questions", file, "--repo", repository]);
});

test("a device that this machine does not have", async () => {
  const device = process.platform === "darwin" ? "cuda" : "metal";
  const model = join(folder, "any.gguf");
  await writeTestModel({ file: model });
  await expectFailure("deviceUnavailable", [
    "ask",
    question,
    "--model",
    model,
    "--device",
    device,
    "--repo",
    repository,
  ]);
});

/** Exit code 1, the code and its sentence on standard error, and with --json the same as an object. */
async function expectFailure(code: FailureCode, args: readonly string[], cache = storage): Promise<Ended> {
  const text = await runPrecis([...args, "--storage", cache]);
  assert.equal(text.code, 1, text.stdout + text.stderr);
  assert.ok(text.stderr.includes(`precis: ${code}: ${failureSentences[code]}`), text.stderr);
  const json = await runPrecis([...args, "--storage", cache, "--json"]);
  assert.equal(json.code, 1);
  const { error } = JSON.parse(json.stdout) as { error: { code: string; message: string } };
  assert.equal(error.code, code);
  assert.ok(error.message.startsWith(failureSentences[code]));
  return text;
}

async function expectModelFailure(
  code: FailureCode,
  name: string,
  write: (file: string) => Promise<void>,
): Promise<void> {
  const model = join(folder, name);
  await write(model);
  await expectFailure(code, ["ask", question, "--model", model, "--device", "cpu", "--repo", repository]);
}

function resultsOf({ stdout }: Ended): unknown {
  return (JSON.parse(stdout) as { results: unknown }).results;
}
