import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findMentions } from "../../extension/engine/mentions.ts";
import type { Answer, Prompt } from "../../extension/protocol/units.ts";
import { openIndex, updateOptions, workspaceOf, writeFiles } from "../support/indexes.ts";
import { runPrecis } from "../support/terminalProgram.ts";

const files = {
  "src/valve.ts": `export class Valve {
  /** Lets water through. */
  open(litres: number): number {
    return litres;
  }
}

export function openAll(valves: Valve[]): void {
  for (const valve of valves) valve.open(1);
}
`,
  "src/sub/valve_100%.ts": "export const odd = 1;\n",
  "src/sub/my valve.ts": "export function spaced(): number {\n  return 2;\n}\n",
  "docs/watering.md": "# Watering\n\nOpen the valve.\n",
  ".gitignore": "generated/\n",
  "generated/out.ts": "export const made = 1;\n",
  ".env": "PASSWORD=x\n",
};

test("files are found by their beginning, a part, or characters in their order; the best first", async (t) => {
  const find = await searchOf(t);
  const names = (query: string, top = 10) => find("file", query, top).places.map(({ name }) => name);
  assert.deepEqual(names("src/valve.ts", 1), ["src/valve.ts"]);
  assert.equal(names("valve")[0], "src/valve.ts");
  assert.equal(names("wat")[0], "docs/watering.md");
  assert.ok(names("svlv").includes("src/valve.ts"));
  assert.equal(names("SRC\\VALVE.TS")[0], "src/valve.ts");
  assert.equal(names("./src/valve.ts", 1)[0], "src/valve.ts");
  assert.deepEqual(names("zzz"), []);
  assert.ok(names("").length >= 4);
  assert.equal(names("", 2).length, 2);
  assert.ok(find("file", "src/valve.ts", 1).places[0]?.isExact);
  assert.equal(find("file", "src/valve", 1).places[0]?.isExact, false);
});

test("signs that SQLite's patterns use are only signs in a name", async (t) => {
  const find = await searchOf(t);
  assert.deepEqual(
    find("file", "100%", 10).places.map(({ name }) => name),
    ["src/sub/valve_100%.ts"],
  );
  assert.deepEqual(
    find("file", "e_1", 10).places.map(({ name }) => name),
    ["src/sub/valve_100%.ts"],
  );
  assert.deepEqual(find("file", "[", 10).places, []);
  assert.deepEqual(find("file", "x".repeat(1000), 10).places, []);
});

test("symbols come with their place, and by qualified name exactly", async (t) => {
  const find = await searchOf(t);
  const [open] = find("symbol", "Valve.open", 5).places;
  assert.deepEqual(open, { path: "src/valve.ts", startLine: 2, endLine: 5, name: "Valve.open", isExact: true });
  assert.deepEqual(
    find("symbol", "open", 2).places.map(({ name }) => name),
    ["Valve.open", "openAll"],
  );
  assert.equal(find("symbol", "valve.ts", 5).places.length, 0);
});

test("a file that is not indexed is named with the reason, also by the folder around it", async (t) => {
  const find = await searchOf(t);
  assert.equal(find("file", ".env", 5).excluded?.reason, "secret");
  assert.equal(find("file", "generated/out.ts", 5).excluded?.reason, "ignored");
  assert.equal(find("file", "src/valve.ts", 5).excluded, null);
  assert.equal(find("file", "src/nothing.ts", 5).excluded, null);
});

let folder = "";
let repository = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "precis-mentions-"));
  repository = join(folder, "repository");
  await writeFiles(repository, files);
});
after(() => rm(folder, { recursive: true, force: true }));

test("precis ask /find lists places, and does not speak of a missing model", async () => {
  const { code, stdout } = await ask("/find let water through a valve");
  const answer = JSON.parse(stdout) as Answer;
  assert.equal(code, 0);
  assert.equal(answer.source, "extractive");
  assert.match(answer.text, /Valve\.open/);
  assert.doesNotMatch(answer.text, /model/);
  assert.ok(answer.citations.length > 0);
});

test("precis ask takes what a question mentions along as pinned code, and shows it first", async () => {
  const { stdout } = await ask("/explain #symbol:spaced");
  const { prompt, text } = JSON.parse(stdout) as Answer & { readonly prompt: Prompt };
  const pinned = prompt.pieces.filter(({ share, unit }) => share === "pinned" && unit !== undefined);
  assert.deepEqual(
    pinned.map(({ unit }) => unit?.path),
    ["src/sub/my valve.ts"],
  );
  assert.match(text, /1\. `spaced`/);
});

for (const [question, code] of [
  ["/reticulate splines", "commandUnknown"],
  ["/explain", "subjectMissing"],
  ["why #file:src/valv.ts", "mentionMissing"],
  ["why #file:.env", "mentionExcluded"],
  ["why #selection", "selectionMissing"],
] as const) {
  test(`precis ask "${question}" says what is wrong with it`, async () => {
    const ended = await ask(question);
    assert.equal(ended.code, 1);
    assert.equal((JSON.parse(ended.stdout) as { error: { code: string } }).error.code, code);
  });
}

function ask(question: string): ReturnType<typeof runPrecis> {
  return runPrecis(["ask", question, "--repo", repository, "--storage", join(folder, "storage"), "--json"]);
}

async function searchOf(
  t: Parameters<typeof workspaceOf>[0],
): Promise<(kind: "file" | "symbol", query: string, top: number) => ReturnType<typeof findMentions>> {
  const index = await openIndex(t, await workspaceOf(t, files));
  await index.update(updateOptions());
  return (kind, query, top) => findMentions({ kind, query, top }, index);
}
