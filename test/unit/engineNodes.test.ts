import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineNode } from "../../extension/host/engineNode.ts";
import {
  completionNode,
  memoryNode,
  presetNode,
  processNode,
  settingsNode,
  speedNode,
} from "../../extension/host/engineNodes.ts";
import { indexNodes } from "../../extension/host/indexNodes.ts";
import type { EngineStatus, IndexSummary } from "../../extension/protocol/engine.ts";
import { Failure, failureSentences } from "../../extension/protocol/failure.ts";
import { sentence } from "../../extension/protocol/sentence.ts";

const MiB = 1024 ** 2;
const status: EngineStatus = {
  workspace: "/greenhouse",
  files: 10,
  units: 40,
  indexing: false,
  assistant: null,
  scorer: null,
  device: null,
  kvBytes: 0,
  kv: null,
  completer: null,
  cache: { files: 0, bytes: 0 },
  speeds: null,
  residentBytes: 300 * MiB,
};
const summary: IndexSummary = {
  files: 1200,
  filesParsed: 3,
  filesRemoved: 0,
  units: 5400,
  unitsPerLanguage: { python: 1400, typescript: 4000 },
  lines: 90_000,
  bytes: 1,
  indexBytes: 20 * MiB,
  ms: 1,
  skipped: [],
  skippedCounts: {},
  problems: [{ path: "src/a.ts", line: 7, message: sentence("Syntax error.") }],
  parser: sentence("native: native tree-sitter loads"),
};

function line({ label, description }: EngineNode): string {
  return `${label}: ${description}`;
}

test("the engine says where it runs, and what crashes have cost", () => {
  const ready = { kind: "ready", gpu: "all", after: null, pid: 7, engineVersion: "1" } as const;
  assert.equal(line(processNode(ready, "this machine")), "Engine: running on this machine");
  const crashed = { ...ready, gpu: "none", after: new Failure("engineCrashed") } as const;
  assert.equal(line(processNode(crashed, "WSL")), "Engine: running on WSL, on the CPU after crashes");
  const asked = processNode({ ...crashed, after: null }, "WSL");
  assert.equal(line(asked), "Engine: running on WSL, on the CPU until it is restarted");
  const givenUp = processNode({ kind: "givenUp", failure: new Failure("engineGivenUp") }, "WSL");
  assert.deepEqual([givenUp.description, givenUp.command], [failureSentences.engineGivenUp, "precis.restartEngine"]);
});

test("the index tells what is in it and when it was updated, and its problems open their files", () => {
  const [index, problems] = indexNodes({ kind: "indexed", summary }, Date.UTC(2026, 4, 3, 12));
  assert.equal(index === undefined ? "" : line(index), "Index: 1,200 files, 5,400 units");
  const [updated, ...languages] = index?.children ?? [];
  assert.match(updated === undefined ? "" : line(updated), /^Updated: May 3, 2026/);
  assert.deepEqual(languages.slice(0, 2).map(line), ["typescript: 4,000 units", "python: 1,400 units"]);
  const [problem] = problems?.children ?? [];
  assert.deepEqual(
    [problem?.label, problem?.command, problem?.argument],
    ["src/a.ts:7", "precis.openPiece", { path: "src/a.ts", startLine: 7, endLine: 7 }],
  );
});

test("the index says that it is not there, how far it is, and why it failed", () => {
  const texts = [
    indexNodes({ kind: "none" }, null),
    indexNodes({ kind: "indexing", filesDone: 0, filesTotal: 0 }, null),
    indexNodes({ kind: "indexing", filesDone: 5, filesTotal: 1000 }, null),
    indexNodes({ kind: "failed", failure: new Failure("diskFull", "/cache") }, null),
  ].map((nodes) => nodes.map(line).join());
  assert.deepEqual(texts, [
    "Index: not built yet",
    "Index: looking for files…",
    "Index: 5 of 1,000 files",
    `Index: ${failureSentences.diskFull} (/cache)`,
  ]);
});

test("memory and speeds are told where they are known", () => {
  assert.equal(line(memoryNode(status)), "Memory: 300 MiB");
  assert.equal(line(memoryNode({ ...status, kvBytes: 64 * MiB })), "Memory: 300 MiB, KV caches 64 MiB");
  assert.equal(speedNode(status), null);
  const speeds = { readTokensPerSecond: 1234.4, writeTokensPerSecond: 12.34 };
  const speed = speedNode({ ...status, speeds });
  assert.equal(speed?.description, "read 1,234 tokens/s, wrote 12.3 tokens/s");
  const cached = speedNode({ ...status, speeds: { ...speeds, readTokensPerSecond: 0 } });
  assert.equal(cached?.description, "nothing was read, wrote 12.3 tokens/s");
});

test("completion tells its model, its state and what the last suggestion took", () => {
  const ready = { kind: "ready", answeredMs: 80, problem: null } as const;
  assert.equal(line(completionNode(status, ready)), "Completion: ready");
  const completer = {
    name: "precis-code",
    role: "embedded",
    fillIn: "prefixFirst",
    cells: 1024,
    usedCells: 300,
    kvBytes: 12 * MiB,
    lastMs: 81.4,
  } as unknown as NonNullable<EngineStatus["completer"]>;
  const node = completionNode({ ...status, completer }, { kind: "off", language: "markdown" });
  assert.equal(line(node), "Completion: off for markdown · precis-code");
  assert.deepEqual(node.children?.map(line), [
    "Model: precis-code, comes with Precis",
    "Last suggestion: 81 ms",
    "Cache: 300 of 1,024 cells, 12 MiB",
  ]);
  const failing = completionNode(status, { ...ready, problem: "no model" });
  assert.deepEqual([failing.description, failing.icon], ["no model", "warning"]);
});

test("settings that are not valid are named, and the preset in force, too", () => {
  assert.equal(settingsNode([]), null);
  const node = settingsNode([sentence("precis.{0}: not valid; the default {1} is used.", "kv.keepRatio", "0.5")]);
  assert.deepEqual(
    [node?.description, node?.children?.map(({ label }) => label)],
    ["1 is not valid", ["precis.kv.keepRatio: not valid; the default 0.5 is used."]],
  );
  assert.deepEqual([presetNode("Eco").description, presetNode(null).description], ["Eco", "your own settings"]);
});
