import type { GpuShare } from "../protocol/engine.ts";

/** More crashes than this within `crashWindowMs` and the engine is not started again by itself. */
export const crashesAllowed = 4;
export const crashWindowMs = 3 * 60_000;

export type RestartStep = { readonly kind: "restart"; readonly gpu: GpuShare } | { readonly kind: "giveUp" };

/**
 * What to do after a crash, given the times of all crashes so far (the one just now included), in milliseconds of one
 * clock: the same settings once, then half of the layers on the GPU, then the CPU only, then no more.
 */
export function nextRestartStep(crashTimesMs: readonly number[], nowMs: number): RestartStep {
  const recent = crashTimesMs.filter((timeMs) => nowMs - timeMs <= crashWindowMs).length;
  if (recent > crashesAllowed) return { kind: "giveUp" };
  if (recent <= 1) return { kind: "restart", gpu: "all" };
  return { kind: "restart", gpu: recent === 2 ? "half" : "none" };
}
