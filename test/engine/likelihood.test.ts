import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { openLikelihoodScorer } from "../../extension/engine/likelihood.ts";
import type { OpenedLikelihoodScorer } from "../../extension/engine/likelihood.ts";
import { openLlama } from "../../extension/engine/llama.ts";
import type { Llama } from "../../extension/engine/llama.ts";
import { scoreUnits } from "../../extension/pipeline/likelihoodScores.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { temporaryFolder } from "../support/folders.ts";
import { scorerUnit as unit } from "../support/scorerUnits.ts";
import { writeNotGguf } from "../support/testModels.ts";

const root = path.resolve(import.meta.dirname, "../..");
const never = new AbortController().signal;
let llama: Llama;
let scorer: OpenedLikelihoodScorer;

before(async () => {
  llama = await openLlama({ root, device: "cpu" });
  scorer = await openLikelihoodScorer({ llama, root });
});
after(async () => {
  await scorer.close();
});

/** Scores of one question must not depend on what else is in the batch or in the cache by more than this, in nats. */
const tolerance = 1e-3;

const units = [
  unit("src/http/server.ts", "listen", "Starts the server on a port.", "server.listen(port, host, callback);"),
  unit("src/http/cookies.ts", "parseCookies", "", 'return header.split(";").map((pair) => pair.trim().split("="));'),
  unit("src/cache/lru.ts", "evict", "", "while (this.size > this.limit) this.remove(this.oldest);"),
  unit("src/text/wrap.ts", "wrapLines", "", "for (const word of words) if (width + word.length > columns) flush();"),
  unit("src/math/matrix.ts", "multiply", "", "for (let k = 0; k < n; k++) sum += a[i][k] * b[k][j];"),
  unit("src/auth/password.ts", "hashPassword", "", "return bcrypt.hash(password, await bcrypt.genSalt(rounds));"),
  unit(
    "src/db/migrate.ts",
    "runMigrations",
    "",
    "for (const migration of pending) await database.execute(migration.sql);",
  ),
  unit("src/ui/button.tsx", "Button", "", "return <button onClick={props.onClick}>{props.label}</button>;"),
  unit("src/files/watch.ts", "watchFolder", "", 'watcher.on("change", (file) => queue.push(file));'),
  unit("src/image/resize.ts", "resizeImage", "", "return canvas.drawImage(image, 0, 0, width, height);"),
];

const questions = [
  { question: "parse the cookies of a request header", name: "parseCookies" },
  { question: "remove the oldest entries from the cache", name: "evict" },
  { question: "multiply two matrices", name: "multiply" },
  { question: "hash a password", name: "hashPassword" },
  { question: "run database migrations", name: "runMigrations" },
  { question: "resize an image", name: "resizeImage" },
];

test("the unit that answers an obvious question is the likeliest, and makes it likelier than nothing does", async () => {
  for (const { question, name } of questions) {
    const scores = await scoresOf(scorer, question, units, never);
    const best = scores.indexOf(Math.max(...scores));
    assert.equal(units[best]?.name, name, `${question}: ${scores.join(" ")}`);
    assert.ok(scores[best] !== undefined && scores[best] > 2, `${question}: ${scores.join(" ")}`);
  }
});

test("scores do not depend on the cache, on the order or on the other units", async () => {
  const question = "hash a password";
  const warm = await scoresOf(scorer, question, units, never);
  const fresh = await openLikelihoodScorer({ llama, root });
  try {
    const order = [7, 2, 5, 0, 9, 1, 8, 3, 6, 4];
    const shuffled = await scoresOf(fresh, question, pick(units, order), never);
    const alone = await scoresOf(fresh, question, pick(units, [5]), never);
    for (const [place, index] of order.entries()) close(shuffled[place], warm[index]);
    close(alone[0], warm[5]);
  } finally {
    await fresh.close();
  }
});

test("more units than the cache holds, and the same unit twice, are scored all the same", async () => {
  const question = "multiply two matrices";
  const expected = await scoresOf(scorer, question, units, never);
  const small = await openLikelihoodScorer({ llama, root, cachedUnits: 3 });
  try {
    for (let turn = 0; turn < 2; turn++) {
      const scores = await scoresOf(small, question, [...units, ...pick(units, [4, 4])], never);
      assert.equal(scores.length, units.length + 2);
      for (const [index, score] of scores.entries()) close(score, expected[index < units.length ? index : 4]);
    }
  } finally {
    await small.close();
  }
});

test("a changed unit is read again although its id is the same", async () => {
  const question = "hash a password";
  const [changed] = pick(units, [4]);
  assert.ok(changed !== undefined);
  const before = await scoresOf(scorer, question, [changed], never);
  const password = { ...changed, text: "function f() { return hash(password); }", signature: "" };
  const now = await scoresOf(scorer, question, [password], never);
  assert.ok((now[0] ?? 0) > (before[0] ?? 0) + 1, `${before[0] ?? 0} ${now[0] ?? 0}`);
});

test("a question without words, and no units, cost nothing and score nothing", async () => {
  assert.deepEqual([...(await scoresOf(scorer, "?!", pick(units, [0, 1]), never))], [0, 0]);
  assert.equal((await scoresOf(scorer, "hash a password", [], never)).length, 0);
});

test("a cancelled question fails as cancelled and leaves the scorer usable", async () => {
  const question = "run database migrations";
  const expected = await scoresOf(scorer, question, units, never);
  const many = Array.from({ length: 60 }, (_, index) => {
    const body = `return value${index} + ${"alpha beta gamma delta ".repeat(30)};`;
    return unit(`src/many/file${String.fromCharCode(97 + (index % 26))}.ts`, `many${index}`, "", body);
  });
  await assert.rejects(scoresOf(scorer, question, many, AbortSignal.abort()), { code: "cancelled" });
  const abort = new AbortController();
  const running = scoresOf(scorer, question, many, abort.signal);
  setImmediate(() => {
    abort.abort();
  });
  await assert.rejects(running, { code: "cancelled" });
  const again = await scoresOf(scorer, question, units, never);
  for (const [index, score] of again.entries()) close(score, expected[index]);
});

test("questions that are asked at the same time wait for each other", async () => {
  const expected = [];
  for (const { question } of questions) expected.push(await scoresOf(scorer, question, units, never));
  const scores = await Promise.all(questions.map(({ question }) => scoresOf(scorer, question, units, never)));
  for (const [place, each] of scores.entries()) {
    for (const [index, score] of each.entries()) close(score, expected[place]?.[index]);
  }
});

test("llama.cpp cuts the word stream into the tokens that the model was trained on", async () => {
  // Computed from the training run's own vocabulary and merges.
  const expected: readonly (readonly [string, readonly number[]])[] = [
    [" how does the http server parse a request", [2517, 1488, 283, 634, 817, 1080, 263, 570]],
    [" src index workspace ts update", [439, 535, 3061, 951, 997]],
    [
      " x 1 2048 qwzx zzzzyyyyxxxx",
      [501, 387, 3260, 52, 56, 1566, 119, 122, 120, 892, 5505, 122, 121, 121, 121, 121, 120, 120, 120, 120],
    ],
    [" tree sitter grammars 0 unit", [1486, 257, 290, 333, 5167, 423, 1519]],
  ];
  const model = await llama.addon.openModel({
    path: path.join(root, "models", "scorer", "likelihood.gguf"),
    gpuLayers: 0,
  });
  try {
    for (const [text, tokens] of expected) {
      assert.deepEqual([...model.tokenize(text, { special: false })], tokens, text);
    }
  } finally {
    await model.close();
  }
});

test("a package without the scorer's model, or with a broken one, fails as scorerMissing", async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(openLikelihoodScorer({ llama, root: folder }), { code: "scorerMissing" });
  await mkdir(path.join(folder, "models", "scorer"), { recursive: true });
  const file = path.join(folder, "models", "scorer", "likelihood.gguf");
  await writeNotGguf(file);
  await assert.rejects(openLikelihoodScorer({ llama, root: folder }), { code: "scorerMissing" });
  await writeFile(file, "");
  await assert.rejects(openLikelihoodScorer({ llama, root: folder }), { code: "scorerMissing" });
});

test("closing ends a running question as cancelled", async () => {
  const closing = await openLikelihoodScorer({ llama, root });
  const running = assert.rejects(scoresOf(closing, "hash a password", units, never), { code: "cancelled" });
  await closing.close();
  await running;
});

function scoresOf(
  likelihood: OpenedLikelihoodScorer,
  question: string,
  scored: readonly Unit[],
  signal: AbortSignal,
): Promise<Float64Array> {
  return scoreUnits("likelihood", question, scored, { likelihood, signal });
}

function pick(from: readonly Unit[], places: readonly number[]): Unit[] {
  return places.flatMap((place) => from[place] ?? []);
}

function close(actual: number | undefined, expected: number | undefined): void {
  assert.ok(actual !== undefined && expected !== undefined);
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} instead of ${expected}`);
}
