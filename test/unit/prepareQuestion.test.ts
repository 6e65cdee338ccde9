import assert from "node:assert/strict";
import { test } from "node:test";
import { prepareQuestion } from "../../extension/client/prepareQuestion.ts";
import type { EditorPlace, PrepareOptions } from "../../extension/client/prepareQuestion.ts";
import { findMentions } from "../../extension/engine/mentions.ts";
import type { FindMentionsParams } from "../../extension/protocol/engine.ts";
import type { FailureCode } from "../../extension/protocol/failure.ts";
import { sentence } from "../../extension/protocol/sentence.ts";

const nothingOpen: EditorPlace = { openFile: null, selection: null };
const valve: EditorPlace = {
  openFile: "src/valve.ts",
  selection: { path: "src/valve.ts", startLine: 3, endLine: 5 },
};

test("a bare question goes to the engine as it is, and a command goes beside its question", async () => {
  assert.deepEqual(await prepare(" why? "), { question: "why?", pinned: [] });
  assert.deepEqual(await prepare("/find open valves"), { question: "open valves", command: "find", pinned: [] });
});

test("mentions become pinned code, and their names stay in the question", async () => {
  assert.deepEqual(await prepare("How does #symbol:Valve.open use #file:src/valve.ts and #selection?", valve), {
    question: "How does Valve.open use src/valve.ts and the selected code?",
    pinned: [
      { path: "src/valve.ts", startLine: 4, endLine: 9, qualifiedName: "Valve.open", why: "mentioned" },
      { path: "src/valve.ts", startLine: 0, endLine: 0, why: "mentioned" },
      { path: "src/valve.ts", startLine: 3, endLine: 5, why: "selected" },
    ],
  });
});

test("a command without words is about the selection, else about the open file", async () => {
  const selected = await prepare("/explain", valve);
  assert.deepEqual(selected.pinned, [{ path: "src/valve.ts", startLine: 3, endLine: 5, why: "selected" }]);
  assert.match(selected.question, /src\/valve\.ts, lines 3 to 5/);
  const open = await prepare("/doc", { ...valve, selection: null });
  assert.deepEqual(open.pinned, [{ path: "src/valve.ts", startLine: 0, endLine: 0, why: "mentioned" }]);
  assert.equal(open.command, "doc");
});

const secret = { ...valve, selection: { path: ".env", startLine: 1, endLine: 1 } };
const refused: readonly (readonly [string, FailureCode, RegExp, EditorPlace])[] = [
  ["/reticulate x", "commandUnknown", /^\/reticulate$/, nothingOpen],
  ["/explain", "subjectMissing", /explain/, nothingOpen],
  ["/find", "subjectMissing", /find/, valve],
  ["why #selection", "selectionMissing", /^$/, nothingOpen],
  ["why #file:src/valv.ts", "mentionMissing", /there is #file:src\/valve\.ts/, nothingOpen],
  ["why #symbol:nobody", "mentionMissing", /^nobody$/, nothingOpen],
  ["why #file:.env", "mentionExcluded", /secret/, nothingOpen],
  ["why #selection", "mentionExcluded", /\.env: secret/, secret],
  ["why #symbol:many", "mentionAmbiguous", /many/, nothingOpen],
  [`why ${Array.from({ length: 21 }, (_, at) => `#file:f${at}`).join(" ")}`, "mentionAmbiguous", /21/, nothingOpen],
];
for (const [question, code, detail, editor] of refused) {
  test(`"${question.slice(0, 30)}" is refused with ${code}`, async () => {
    await assert.rejects(prepare(question, editor), { code, detail });
  });
}

/** The engine's own search, over an index of three files. */
function prepare(question: string, editor = nothingOpen): ReturnType<typeof prepareQuestion> {
  const files = ["src/valve.ts", "src/sensor.ts", "README.md"];
  const units = [
    { path: "src/valve.ts", qualifiedName: "Valve.open", startLine: 4, endLine: 9 },
    ...Array.from({ length: 12 }, (_, at) => {
      return { path: "src/sensor.ts", qualifiedName: "many", startLine: at + 1, endLine: at + 1 };
    }),
  ];
  const like = (pattern: string) => new RegExp(`^${pattern.replace(/[.()]/g, "\\$&").replaceAll("%", ".*")}$`, "i");
  const client = {
    request: (_method: string, params: FindMentionsParams) =>
      Promise.resolve(
        findMentions(params, {
          filesLike: ([, , , pattern]) => files.filter((file) => like(pattern).test(file)),
          unitsLike: ([, , , pattern]) => units.filter(({ qualifiedName }) => like(pattern).test(qualifiedName)),
          skippedAt: (path) =>
            path === ".env" ? { path, reason: "secret", detail: sentence("its name says so") } : null,
        }),
      ),
  };
  const { signal } = new AbortController();
  return prepareQuestion(question, { client: client as PrepareOptions["client"], editor, signal });
}
