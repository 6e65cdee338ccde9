import assert from "node:assert/strict";
import test from "node:test";
import { chooseDevice } from "../../extension/engine/deviceChoice.ts";
import type { DeviceRequest } from "../../extension/engine/deviceChoice.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { english, sentence } from "../../extension/protocol/sentence.ts";
import type { Sentence } from "../../extension/protocol/sentence.ts";

const noDriver = sentence("No driver.");

/** On Linux with the given obstacles; a GPU without one works. */
async function choice(
  obstacles: Readonly<Record<string, Sentence>>,
  more: Partial<DeviceRequest> = {},
): Promise<{ device: string; why: string; others: Record<string, string> }> {
  const { library, why, others } = await chooseDevice({
    platform: "linux-x64",
    device: "auto",
    cpuBecause: null,
    obstacleTo: ({ device }) => {
      const why = obstacles[device];
      return Promise.resolve(why === undefined ? null : { why, installable: false });
    },
    ...more,
  });
  const whyNot = others.map((other) => [other.device, english(other.why)] as const);
  return { device: library.device, why: english(why), others: Object.fromEntries(whyNot) };
}

test("the fastest device that works is chosen, and of each other one it is said why not", async () => {
  assert.deepEqual(await choice({}), {
    device: "cuda",
    why: "CUDA is the fastest device that works here.",
    others: { vulkan: "CUDA is faster.", cpu: "CUDA is faster." },
  });
  assert.deepEqual(await choice({ cuda: sentence("No NVIDIA driver was found ({0}).", "libcuda.so.1") }), {
    device: "vulkan",
    why: "Vulkan is the fastest device that works here.",
    others: { cuda: "No NVIDIA driver was found (libcuda.so.1).", cpu: "Vulkan is faster." },
  });
  assert.deepEqual(await choice({ cuda: noDriver, vulkan: sentence("No loader.") }), {
    device: "cpu",
    why: "No GPU can be used.",
    others: { cuda: "No driver.", vulkan: "No loader." },
  });
});

test("a device that was chosen in the settings is the reason for all others", async () => {
  const vulkan = await choice({ cuda: noDriver }, { device: "vulkan" });
  assert.deepEqual(vulkan.others, { cuda: "The settings choose Vulkan.", cpu: "The settings choose Vulkan." });
  const cpu = await choice({}, { device: "cpu" });
  assert.equal(cpu.device, "cpu");
  assert.deepEqual(cpu.others, { cuda: "The settings choose the CPU.", vulkan: "The settings choose the CPU." });
});

test("the CPU that was asked for until the next restart beats the settings", async () => {
  const cpu = await choice({}, { device: "cuda", cpuBecause: sentence("You asked for it.") });
  assert.equal(cpu.device, "cpu");
  assert.equal(cpu.why, "You asked for it.");
});

test("a device that was chosen and does not work is refused with its reason", async () => {
  const failed = choice({ cuda: noDriver }, { device: "cuda" });
  await assert.rejects(failed, new Failure("deviceUnavailable", "CUDA: No driver."));
  const foreign = choice({}, { device: "metal" });
  await assert.rejects(foreign, new Failure("deviceUnavailable", "Metal: Not offered for linux-x64."));
  await assert.rejects(choice({}, { platform: "plan9-mips" }), { code: "libraryMissing" });
});

test("a device that only lacks its library is marked as one that can be had", async () => {
  const { others } = await chooseDevice({
    platform: "linux-x64",
    device: "auto",
    cpuBecause: null,
    obstacleTo: ({ device }) => Promise.resolve({ why: sentence("Not here."), installable: device === "cuda" }),
  });
  assert.deepEqual(
    others.map(({ device, installable }) => [device, installable]),
    [
      ["cuda", true],
      ["vulkan", false],
    ],
  );
});
