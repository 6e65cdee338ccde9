import assert from "node:assert/strict";
import test from "node:test";
import { deviceNodes, modelNodes, modelTarget } from "../../extension/host/modelNodes.ts";
import type { ModelFacts } from "../../extension/host/modelNodes.ts";
import type { DeviceReport, EngineStatus } from "../../extension/protocol/engine.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { sentence } from "../../extension/protocol/sentence.ts";

const facts: ModelFacts = {
  inUse: { assistant: "/models/a.gguf", completer: "", scorer: "" },
  installed: [
    { file: "/models/a.gguf", name: "a.gguf", bytes: 3 * 1024 ** 3 },
    { file: "/models/b.gguf", name: "b.gguf", bytes: 1024 ** 3 },
  ],
  downloads: [],
  hasRuntime: false,
};
const device: DeviceReport = {
  device: "vulkan",
  name: "A GPU",
  why: sentence("{0} is the fastest device that works here.", "Vulkan"),
  memoryBytes: 8 * 1024 ** 3,
  others: [
    {
      device: "cuda",
      why: sentence("Its library is not installed ({0}).", "@node-llama-cpp/linux-x64-cuda"),
      installable: true,
    },
    { device: "cpu", why: sentence("{0} is faster.", "Vulkan"), installable: false },
  ],
};
const status = { device, scorer: sentence("static table") } as unknown as EngineStatus;

test("each role has a row with its model, device and size, which leads to choosing another", () => {
  const [assistant, completer, scorer] = modelNodes(status, facts);
  assert.equal(assistant?.description, "a.gguf · Vulkan · 3.0 GiB");
  assert.match(assistant.tooltip ?? "", /\/models\/a\.gguf/);
  assert.equal(completer?.description, "the assistant, or the one that comes with Precis");
  assert.equal(scorer?.description, "static table");
  for (const node of [assistant, completer, scorer]) assert.equal(node.command, "precis.chooseModel");
  assert.deepEqual(modelTarget(completer), { kind: "role", role: "completer" });
});

test("the models that are here are listed with what they are used for", () => {
  const library = modelNodes(null, facts).find(({ context }) => context === "modelFolder");
  assert.equal(library?.description, "2, 4.0 GiB");
  assert.deepEqual(
    library.children?.map(({ label, description }) => [label, description]),
    [
      ["a.gguf", "3.0 GiB · Assistant"],
      ["b.gguf", "1.0 GiB"],
    ],
  );
  assert.deepEqual(modelTarget(library.children.at(1)), { kind: "file", file: "/models/b.gguf" });
});

test("a download is a row that can be paused while it runs, and resumed when it does not", () => {
  const job = {
    uri: "https://x/y.gguf",
    folder: "/models",
    kind: "model",
    checksum: null,
    role: null,
    stallMs: 1,
  } as const;
  const rows = (state: ModelFacts["downloads"][number]["state"]) =>
    modelNodes(null, { ...facts, downloads: [{ id: 7, job, name: "Y", state }] }).filter(({ label }) => label === "Y");
  const [running] = rows({ kind: "starting" });
  assert.equal(running?.context, "downloadActive");
  assert.deepEqual(modelTarget(running), { kind: "download", id: 7 });
  const [failed] = rows({ kind: "failed", failure: new Failure("downloadStalled") });
  assert.deepEqual([failed?.context, failed?.icon], ["downloadStopped", "error"]);
});

test("the device row says why it is this one, and of each other one why not", () => {
  const [row] = deviceNodes(status, facts);
  assert.equal(row?.description, "Vulkan: A GPU, 8.0 GiB");
  assert.deepEqual(
    row.children?.map(({ label, description }) => `${label}: ${description}`),
    [
      "Vulkan: Vulkan is the fastest device that works here.",
      "CUDA: Its library is not installed (@node-llama-cpp/linux-x64-cuda).",
      "CPU: Vulkan is faster.",
    ],
  );
  assert.equal(row.children.at(1)?.command, "precis.installCuda");
  assert.equal(row.context, "deviceGpu");
  assert.equal(deviceNodes(status, { ...facts, hasRuntime: true })[0]?.context, "deviceGpuWithRuntime");
});

test("what is no row of these leads nowhere", () => {
  for (const value of [
    undefined,
    null,
    "assistant",
    {},
    { kind: "role", role: "x" },
    { kind: "file" },
    { argument: 3 },
  ]) {
    assert.equal(modelTarget(value), null, JSON.stringify(value));
  }
});
