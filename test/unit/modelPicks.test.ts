import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { modelPicks } from "../../extension/host/modelPicks.ts";
import { downloadText, fitText } from "../../extension/host/modelText.ts";
import { entriesFor, readCatalogue } from "../../extension/models/catalogue.ts";
import { checkedSentence } from "../../extension/models/modelSentences.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import type { ModelFit } from "../../extension/protocol/models.ts";

const catalogue = await readCatalogue(path.resolve(import.meta.dirname, "../.."));
const installed = [{ file: "/models/a.gguf", name: "a.gguf", bytes: 5 * 1024 ** 3 }];
const needs = { weightBytes: 4 * 1024 ** 3, kvBytes: 1024 ** 3, computeBytes: 0 };
const fits: ModelFit = { kind: "fits", on: "cpu", needs };
const tooLarge: ModelFit = { kind: "tooLarge", availableBytes: 1024 ** 3, needs };

test("installed models come first, then the role's own from the list, then the other ways", () => {
  const picks = modelPicks({ role: "completer", inUse: "", installed, catalogue, fits: null });
  const kinds = picks.map(({ choice }) => choice.kind);
  const entries = entriesFor("completer", catalogue).length;
  assert.deepEqual(kinds, [
    ...["separator", "file", "separator"],
    ...Array.from({ length: entries }, () => "entry"),
    ...["separator", "browse", "address", "default"],
  ]);
  assert.ok(picks.every(({ label, choice }) => label !== "" || choice.kind === "separator"));
});

test("without installed models there is no empty section for them", () => {
  const picks = modelPicks({ role: "scorer", inUse: "", installed: [], catalogue, fits: null });
  assert.deepEqual(
    picks.slice(0, 2).map(({ choice }) => choice.kind),
    ["separator", "entry"],
  );
});

test("each model says its size, its licence and whether it fits; what is too large comes last", () => {
  const shapes = entriesFor("assistant", catalogue).map((_, index) => (index === 0 ? tooLarge : fits));
  const picks = modelPicks({ role: "assistant", inUse: "", installed, catalogue, fits: { files: [fits], shapes } });
  const file = picks.find(({ choice }) => choice.kind === "file");
  assert.deepEqual([file?.description, file?.detail], ["5.0 GiB", "fits in memory, needs 5.0 GiB"]);
  const entries = picks.filter(({ choice }) => choice.kind === "entry");
  for (const { description } of entries) assert.match(description, /^about [\d.]+ [GM]iB · [\w.-]+$/);
  assert.match(entries.at(-1)?.detail ?? "", /^too large: needs 5\.0 GiB, 1\.0 GiB can be used$/);
  assert.ok(entries.slice(0, -1).every(({ detail }) => detail.startsWith("fits")));
});

test("a file that is no model says so", () => {
  const shapes = entriesFor("assistant", catalogue).map(() => fits);
  const picks = modelPicks({ role: "assistant", inUse: "", installed, catalogue, fits: { files: [null], shapes } });
  assert.equal(picks[1]?.detail, "not readable as a model");
});

test("what is in use is marked, also where it is the default", () => {
  const marked = (inUse: string): string[] =>
    modelPicks({ role: "assistant", inUse, installed, catalogue, fits: null })
      .filter(({ label }) => label.startsWith("$(check)"))
      .map(({ choice }) => choice.kind);
  assert.deepEqual(marked("/models/a.gguf"), ["file"]);
  assert.deepEqual(marked(""), ["default"]);
});

test("a fit is told in half a sentence", () => {
  assert.equal(fitText({ kind: "fits", on: "gpu", needs }), "fits on the GPU, needs 5.0 GiB");
  const partly: ModelFit = { kind: "partly", gpuLayers: 20, layers: 28, needs };
  assert.equal(fitText(partly), "fits with 20 of 28 layers on the GPU, needs 5.0 GiB");
});

test("a download tells what is there, how fast it comes, and what is left", () => {
  const mib = 1024 ** 2;
  const since = { ms: 0, bytes: 0 };
  const running = { kind: "running", bytesDone: 512 * mib, bytesTotal: 1024 * mib, since } as const;
  assert.equal(downloadText({ ...running, bytesPerSecond: 0 }), "512 MiB of 1.0 GiB");
  assert.equal(
    downloadText({ ...running, bytesPerSecond: 4 * mib }),
    "512 MiB of 1.0 GiB, 4 MiB per second, 2 min left",
  );
  assert.equal(downloadText({ ...running, bytesTotal: 0, bytesPerSecond: 0 }), "512 MiB");
  assert.equal(downloadText({ kind: "paused", bytesDone: mib, bytesTotal: 2 * mib }), "paused: 1 MiB of 2 MiB");
  const failed = downloadText({ kind: "failed", failure: new Failure("downloadStalled", "nothing came for 30 s") });
  assert.match(failed, /stood still.*\(nothing came for 30 s\)/);
});

test("a finished file says what it was checked against, or its checksum", () => {
  const done = { sha256: "0123456789abcdef".repeat(4) } as const;
  assert.match(checkedSentence({ ...done, checkedAgainst: "published" }), /published/);
  assert.match(checkedSentence({ ...done, checkedAgainst: "nothing" }), /SHA-256 0123456789abcdef…/);
  assert.equal(checkedSentence({ ...done, sha256: "", checkedAgainst: "nothing" }), "no checksum is known");
});
