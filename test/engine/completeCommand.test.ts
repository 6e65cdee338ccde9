import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parsePlace } from "../../extension/cli/completeCommand.ts";
import { nothingReasons } from "../../extension/protocol/complete.ts";
import type { Completion } from "../../extension/protocol/complete.ts";
import { runPrecis, writeExampleRepository } from "../support/terminalProgram.ts";
import type { Ended } from "../support/terminalProgram.ts";

let folder = "";
let line = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-complete-"));
  await writeExampleRepository(folder);
  const lines = (await readFile(join(folder, "src/retry.ts"), "utf8")).split("\n");
  line = lines.findIndex((text) => text.trim() === "" && lines.indexOf(text) > 0) + 1;
});
after(() => rm(folder, { recursive: true, force: true }));

function complete(place: string, ...more: readonly string[]): Promise<Ended> {
  const storage = join(folder, ".storage");
  const flags = ["--repo", folder, "--storage", storage, "--device", "cpu", "--budget", "256", "--max-tokens", "8"];
  return runPrecis(["complete", place, ...flags, ...more]);
}

test("complete prints what would be suggested at a place, with its prompt, model and times", async () => {
  const { code, stdout, stderr } = await complete(`src/retry.ts:${line}:1`, "--json");
  assert.equal(code, 0, stderr);
  const completion = JSON.parse(stdout) as Completion;
  assert.equal(completion.model?.role, "embedded");
  assert.equal(completion.mode, "lines");
  assert.equal(completion.text === "", completion.nothing !== null);
  assert.ok(completion.pieces.some(({ share }) => share === "prefix"));
  assert.ok(completion.figures.promptTokens > 0 && completion.figures.promptTokens <= 256);
  assert.ok(completion.figures.totalMs > 0);
});

test("complete says why there is nothing", async () => {
  const { code, stdout } = await complete("src/retry.ts:1:3");
  assert.equal(code, 0);
  assert.equal(stdout, "(nothing: The cursor is inside a word.)\n");
});

test("complete reads nothing of a file that may hold secrets", async () => {
  await writeFile(join(folder, ".env"), "TOKEN=\n");
  const { code, stdout } = await complete(".env:1:7");
  assert.equal(code, 0);
  assert.equal(stdout, `(nothing: ${nothingReasons.secretFile})\n`);
});

test("complete fails for places that there are none of, and names what is there", async () => {
  for (const place of ["src/missing.ts:1:1", "src/retry.ts:9999:1", "src/retry.ts:1:999"]) {
    const { code, stderr } = await complete(place);
    assert.equal(code, 1, place);
    assert.match(stderr, /placeMissing/);
  }
  const { code, stderr } = await complete("src/retry.ts");
  assert.equal(code, 2);
  assert.match(stderr, /FILE:LINE:COLUMN/);
});

test("a place is a file, a line and a column, both from 1; a file may have colons", () => {
  assert.deepEqual(parsePlace("C:/a/b.ts:12:3"), { file: "C:/a/b.ts", line: 12, column: 3 });
  for (const text of ["a.ts", "a.ts:1", "a.ts:0:1", "a.ts:1:0", "a.ts:x:1", ":1:1"])
    assert.equal(parsePlace(text), null);
});
