/** Which of a platform's devices runs the models, and why each of the others does not. */
import type { OtherDevice } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import { english, sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
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
  /** The CPU whatever the settings say, and why; null: as in the settings. */
  readonly cpuBecause: Sentence | null;
  /** Why a library cannot be used, or null where it can. Asked for GPUs only. */
  readonly obstacleTo: (library: LlamaLibrary) => Promise<Obstacle | null>;
}

export interface Obstacle {
  /** E.g. "No NVIDIA driver was found (libcuda.so.1)." */
  readonly why: Sentence;
  /** As in `OtherDevice`. */
  readonly installable: boolean;
}

export interface DeviceChoice {
  readonly library: LlamaLibrary;
  readonly why: Sentence;
  /** Every other device of the platform, the fastest first. */
  readonly others: readonly OtherDevice[];
}

/** Fails with libraryMissing, or with deviceUnavailable where a device other than `auto` cannot be used. */
export async function chooseDevice(request: DeviceRequest): Promise<DeviceChoice> {
  const { platform, device, cpuBecause } = request;
  const libraries = librariesOf(platform);
  const cpu = libraries.find((library) => library.device === "cpu");
  const obstacles = new Map<RealDevice, Obstacle>();
  if (cpu === undefined) throw new Failure("libraryMissing", `there is none for ${platform}`);
  if (cpuBecause !== null) return choose(cpu, cpuBecause, () => sentence("Not used while the CPU is."));
  if (device === "cpu") {
    const chosen = sentence("The CPU was chosen in the settings.");
    return choose(cpu, chosen, () => sentence("The settings choose the CPU."));
  }
  for (const library of libraries) {
    if (library.device === "cpu" || (device !== "auto" && device !== library.device)) continue;
    const label = deviceLabels[library.device];
    const obstacle = await request.obstacleTo(library);
    if (obstacle !== null) {
      obstacles.set(library.device, obstacle);
      continue;
    }
    if (device !== "auto") {
      const chosen = sentence("{0} was chosen in the settings.", label);
      return choose(library, chosen, () => sentence("The settings choose {0}.", label));
    }
    const slower = sentence("{0} is faster.", label);
    const fastest = sentence("{0} is the fastest device that works here.", label);
    return choose(library, fastest, (other) => obstacles.get(other)?.why ?? slower);
  }
  if (device !== "auto") {
    const obstacle = obstacles.get(device);
    const reason = obstacle === undefined ? `Not offered for ${platform}.` : english(obstacle.why);
    throw new Failure("deviceUnavailable", `${deviceLabels[device]}: ${reason}`);
  }
  const why =
    obstacles.size === 0 ? sentence("There is no GPU library for {0}.", platform) : sentence("No GPU can be used.");
  return choose(cpu, why, (other) => obstacles.get(other)?.why ?? why);

  function choose(library: LlamaLibrary, reason: Sentence, whyNot: (other: RealDevice) => Sentence): DeviceChoice {
    const others = libraries.flatMap(({ device: other }) =>
      other === library.device
        ? []
        : [{ device: other, why: whyNot(other), installable: obstacles.get(other)?.installable ?? false }],
    );
    return { library, why: reason, others };
  }
}
