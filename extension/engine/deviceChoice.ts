/** Which of a platform's devices runs the models, and why each of the others does not. */
import type { OtherDevice } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import type { Device } from "../protocol/settings.ts";
import { librariesOf } from "./llamaLibraries.ts";
import type { LlamaLibrary, RealDevice } from "./llamaLibraries.ts";

export const deviceLabels: Readonly<Record<RealDevice, string>> = {
  cpu: "CPU",
  cuda: "CUDA",
  vulkan: "Vulkan",
  metal: "Metal",
};

export interface DeviceRequest {
  /** `process.platform`-`process.arch`. */
  readonly platform: string;
  readonly device: Device;
  /** The CPU whatever the settings say, and the sentence that says why; null: as in the settings. */
  readonly cpuBecause: string | null;
  /** Why a library cannot be used, or null where it can. Asked for GPUs only. */
  readonly obstacleTo: (library: LlamaLibrary) => Promise<Obstacle | null>;
}

export interface Obstacle {
  /** Half a sentence, e.g. "no NVIDIA driver was found (libcuda.so.1)". */
  readonly why: string;
  /** As in `OtherDevice`. */
  readonly installable: boolean;
}

export interface DeviceChoice {
  readonly library: LlamaLibrary;
  /** One sentence. */
  readonly why: string;
  /** Every other device of the platform, the fastest first, each with one sentence. */
  readonly others: readonly OtherDevice[];
}

/** Fails with libraryMissing, or with deviceUnavailable where a device other than `auto` cannot be used. */
export async function chooseDevice(request: DeviceRequest): Promise<DeviceChoice> {
  const { platform, device, cpuBecause } = request;
  const libraries = librariesOf(platform);
  const cpu = libraries.find((library) => library.device === "cpu");
  const obstacles = new Map<RealDevice, Obstacle>();
  if (cpu === undefined) throw new Failure("libraryMissing", `there is none for ${platform}`);
  if (cpuBecause !== null) return choose(cpu, cpuBecause, () => "Not used while the CPU is.");
  if (device === "cpu") {
    return choose(cpu, "The CPU was chosen in the settings.", () => "The settings choose the CPU.");
  }
  for (const library of libraries) {
    if (library.device === "cpu" || (device !== "auto" && device !== library.device)) continue;
    const label = deviceLabels[library.device];
    const obstacle = await request.obstacleTo(library);
    if (obstacle !== null) {
      obstacles.set(library.device, { ...obstacle, why: sentence(obstacle.why) });
      continue;
    }
    if (device !== "auto") {
      return choose(library, `${label} was chosen in the settings.`, () => `The settings choose ${label}.`);
    }
    const slower = (other: RealDevice): string => obstacles.get(other)?.why ?? `${label} is faster.`;
    return choose(library, `${label} is the fastest device that works here.`, slower);
  }
  if (device !== "auto") {
    const reason = obstacles.get(device)?.why ?? `Not offered for ${platform}.`;
    throw new Failure("deviceUnavailable", `${deviceLabels[device]}: ${reason}`);
  }
  const why = obstacles.size === 0 ? `There is no GPU library for ${platform}.` : "No GPU can be used.";
  return choose(cpu, why, (other) => obstacles.get(other)?.why ?? why);

  function choose(library: LlamaLibrary, reason: string, whyNot: (other: RealDevice) => string): DeviceChoice {
    const others = libraries.flatMap(({ device: other }) =>
      other === library.device
        ? []
        : [{ device: other, why: whyNot(other), installable: obstacles.get(other)?.installable ?? false }],
    );
    return { library, why: reason, others };
  }
}

function sentence(half: string): string {
  return `${half.charAt(0).toUpperCase()}${half.slice(1)}.`;
}
