import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ContextResult, IndexSummary } from "../../extension/protocol/engine.ts";
import { rankerNames } from "../../extension/protocol/settings.ts";
import type { Answer } from "../../extension/protocol/units.ts";
import { defaultStorageFolder } from "../../extension/cli/storageFolder.ts";
import { writeTestModel } from "../support/testModels.ts";
import { exampleFiles, runPrecis, writeExampleRepository } from "../support/terminalProgram.ts";
import type { Ended, RunOptions } from "../support/terminalProgram.ts";

const question = "How does withRetries try a failed request again?";
let folder = "";
let repository = "";
let model = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-cli-"));
  repository = join(folder, "repository");
  model = join(folder, "model.gguf");
  await writeExampleRepository(repository);
  await writeTestModel({ file: model, architecture: "qwen2", trainedContext: 16_384 });
});
after(() => rm(folder, { recursive: true, force: true }));

test("index says what is in a repository, and a second run parses nothing again", async () => {
  const storage = join(folder, "storage-index");
  const first = await precis(["index", "--json", "--storage", storage]);
  const summary = JSON.parse(first.stdout) as IndexSummary;
  assert.equal(first.code, 0);
  assert.equal(summary.files, Object.keys(exampleFiles).length);
  assert.equal(summary.filesParsed, summary.files);
  assert.ok((summary.unitsPerLanguage["typescript"] ?? 0) >= 5);
  assert.ok((summary.unitsPerLanguage["python"] ?? 0) >= 3);
  const second = await precis(["index", "--storage", storage]);
  assert.equal(second.code, 0);
  assert.match(second.stdout, /Units per language/);
  assert.match(second.stdout, /files +5 +0 parsed/);
});

test("rank puts the unit that the question is about first, in text and in JSON", async () => {
  const text = await precis(["rank", question, "--top", "3"]);
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^ +1 +\S+ +src\/retry\.ts:9-21$/m);
  assert.match(text.stdout, /function withRetries/);
  const json = await precis(["rank", question, "--top", "3", "--json"]);
  const { query, results } = JSON.parse(json.stdout) as { query: string; results: Record<string, unknown>[] };
  assert.equal(query, question);
  assert.ok(results.length <= 3);
  const { score, reasons, ...place } = results[0] ?? {};
  assert.deepEqual(place, {
    path: "src/retry.ts",
    startLine: 9,
    endLine: 21,
    kind: "function",
    qualifiedName: "withRetries",
  });
  assert.equal(typeof score, "number");
  assert.ok(Array.isArray(reasons) && reasons.includes("defines `withRetries`"));
});

for (const ranker of rankerNames) {
  test(`rank works with the ranker ${ranker}`, async () => {
    const { code, stdout } = await precis(["rank", question, "--ranker", ranker, "--json"]);
    assert.equal(code, 0);
    const result = JSON.parse(stdout) as { ranker: string; results: { path: string }[] };
    assert.equal(result.ranker, ranker);
    assert.ok(result.results.some(({ path }) => path === "src/retry.ts"));
  });
}

test("rank stays below the folder that it is given", async () => {
  const { stdout } = await precis(["rank", question, "--root", "tools", "--json"]);
  const { results } = JSON.parse(stdout) as { results: { path: string }[] };
  assert.ok(results.length > 0);
  assert.deepEqual([...new Set(results.map(({ path }) => path))], ["tools/cache.py"]);
});

test("rank answers a file of questions with one JSON line each", async () => {
  const file = join(folder, "questions.jsonl");
  await writeFile(file, `${JSON.stringify(question)}\n\n{"query": "evict least recently used", "id": 7}\n`);
  const { code, stdout } = await precis(["rank", "--questions", file, "--top", "2"]);
  assert.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { query: string; results: { path: string }[] });
  assert.deepEqual(
    lines.map(({ query, results }) => [query, results[0]?.path]),
    [
      [question, "src/retry.ts"],
      ["evict least recently used", "tools/cache.py"],
    ],
  );
});

test("context prints the exact prompt, whose pieces add up and fit the budget", async () => {
  const { code, stdout } = await precis(["context", question, "--budget", "1500", "--json"]);
  assert.equal(code, 0);
  const { prompt, promptText } = JSON.parse(stdout) as ContextResult;
  assert.equal(prompt.pieces.map(({ text }) => text).join(""), promptText);
  assert.ok(promptText.includes(question));
  assert.ok(promptText.includes("delayMs *= 2;"));
  assert.equal(prompt.budgetTokens, 1500);
  assert.equal(
    prompt.pieces.reduce((sum, { tokensSent }) => sum + tokensSent, 0),
    prompt.tokensSent,
  );
  assert.ok(prompt.tokensSent + prompt.answerReserveTokens <= 1500);
  const text = await precis(["context", question, "--budget", "1500"]);
  assert.ok(text.stdout.includes(promptText));
  assert.match(text.stdout, /budget +1,500/);
  assert.match(text.stdout, /Pieces, in the prompt's order/);
});

test("context counts with the tokenizer of the model that it is given", async () => {
  const counts = await Promise.all(
    [[], ["--model", model]].map(async (extra) => {
      const { code, stdout, stderr } = await precis(["context", question, "--json", ...extra]);
      assert.equal(code, 0, stderr);
      return (JSON.parse(stdout) as ContextResult).prompt.tokenizer;
    }),
  );
  assert.notEqual(counts[0], counts[1]);
});

test("ask without a model answers with the code itself and citations that exist", async () => {
  const { code, stdout } = await precis(["ask", question, "--json"]);
  assert.equal(code, 0);
  const answer = JSON.parse(stdout) as Answer;
  assert.equal(answer.source, "extractive");
  assert.ok(answer.text.includes("withRetries"));
  assert.ok(answer.citations.length > 0);
  for (const citation of answer.citations) {
    const lines = exampleFiles[citation.path]?.split("\n").length ?? 0;
    assert.ok(citation.resolved && citation.startLine >= 1 && citation.endLine <= lines, JSON.stringify(citation));
  }
});

test("ask prints ranked units, the token account, the answer, citations and figures", async () => {
  const { code, stdout, stderr } = await precis(["ask", question]);
  assert.equal(code, 0);
  const order = [/^Ranked units/m, /^Context: /m, /kept for the answer/, /^Answer$/m, /^Citations$/m, / → .* tokens ·/];
  const places = order.map((pattern) => stdout.search(pattern));
  assert.ok(
    places.every((place) => place >= 0),
    stdout,
  );
  assert.deepEqual(
    [...places].sort((a, b) => a - b),
    places,
  );
  assert.match(stdout, /^src\/retry\.ts:9-21/m);
  assert.ok(stdout.split("\n").every((line) => line.length <= 400));
  assert.doesNotMatch(stderr, /error/i);
});

test("ask with a model writes with it, the same again for the same seed", async () => {
  const args = ["ask", question, "--model", model, "--device", "cpu", "--max-tokens", "16", "--seed", "7", "--json"];
  // A compressed cache, as the second question finds it, is not quite what was read for the first.
  args.push("--keep", "1");
  const answers = [];
  for (let time = 0; time < 2; time += 1) {
    const { code, stdout, stderr } = await precis(args);
    assert.equal(code, 0, stderr);
    answers.push(JSON.parse(stdout) as Answer);
  }
  const [first, second] = answers;
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(first.source, "assistant");
  assert.ok(first.figures.tokensWritten > 0 && first.figures.tokensWritten <= 16);
  assert.ok(first.figures.readTokensPerSecond > 0 && first.figures.kvBytes > 0);
  assert.equal(first.figures.tokensSent, first.prompt.tokensSent);
  assert.equal(first.text, second.text);
});

test("files that match --ignore are not indexed", async () => {
  const storage = join(folder, "storage-ignore");
  const { stdout } = await precis([
    "index",
    "--json",
    "--storage",
    storage,
    "--ignore",
    "*.py",
    "--ignore",
    "README.md",
  ]);
  const summary = JSON.parse(stdout) as IndexSummary;
  assert.equal(summary.files, 3);
  assert.equal(summary.unitsPerLanguage["python"], undefined);
});

test("progress goes to standard error, and --quiet silences it", async () => {
  const loud = await precis(["index", "--storage", join(folder, "storage-loud")]);
  assert.match(loud.stderr, /Indexing: file/);
  const quiet = await precis(["index", "--quiet", "--storage", join(folder, "storage-quiet")]);
  assert.equal(quiet.stderr, "");
  assert.equal(quiet.code, 0);
});

test("a wrong command line exits with 2 and help with 0", async () => {
  for (const args of [["ask"], ["rank"], ["rank", "x", "--top", "0"], ["index", "--no-such-option"], ["dance"]]) {
    const { code, stderr } = await runPrecis(args);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, /error|Usage/);
  }
  for (const args of [["--help"], ["ask", "--help"]]) {
    const { code, stdout } = await runPrecis(args);
    assert.equal(code, 0);
    assert.match(stdout, /Usage: precis/);
  }
});

test("Ctrl+C stops an answer and keeps what was written", async () => {
  const args = ["ask", question, "--model", model, "--device", "cpu", "--budget", "16384", "--max-tokens", "8000"];
  let interrupted = false;
  const { code, stdout } = await precis(args, {
    onStdout: (text, child) => {
      if (interrupted || !/^Answer\n─+\n[^]+/m.test(text)) return;
      interrupted = true;
      child.kill("SIGINT");
    },
  });
  assert.equal(code, 130);
  assert.match(stdout, /\(stopped\)/);
});

test("a reader that closes the pipe early is no failure", async () => {
  const { code, stderr } = await precis(["ask", question], {
    onChild: (child) => child.stdout?.once("data", () => child.stdout?.destroy()),
  });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /EPIPE/);
});

test("two processes on one workspace at once both succeed", async () => {
  const storage = join(folder, "storage-two");
  const both = await Promise.all([0, 1].map(() => precis(["rank", question, "--json", "--storage", storage])));
  for (const { code, stdout, stderr } of both) {
    assert.equal(code, 0, stderr);
    assert.match(stdout, /src\/retry\.ts/);
  }
});

test("the default storage folder follows the platform's custom", () => {
  assert.equal(defaultStorageFolder("linux", { XDG_CACHE_HOME: "/c" }), join("/c", "precis"));
  assert.match(defaultStorageFolder("linux", { XDG_CACHE_HOME: "relative" }), /\.cache.precis$/);
  assert.match(defaultStorageFolder("darwin", {}), /Library.Caches.precis$/);
  assert.equal(defaultStorageFolder("win32", { LOCALAPPDATA: "L" }), join("L", "precis"));
});

/** Runs a command on the example repository, with storage of its own unless `args` names one. */
function precis(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const storage = args.includes("--storage") ? [] : ["--storage", join(folder, "storage")];
  return runPrecis([...args, "--repo", repository, ...storage], options);
}
