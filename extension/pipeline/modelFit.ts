/**
 * Whether a model fits a machine: weights + KV cache + buffers of one batch. As llama.cpp allocates them: the cache in
 * `llama_kv_cache` (cells × layers × heads × head size, keys and values, whole also for layers with a sliding window),
 * outputs in `output_reserve`, the rest measured against node-llama-cpp's GgufInsights, which lets llama.cpp plan its
 * buffers without allocating them (test/engine/modelFit.test.ts holds this formula to it).
 */
import type { MachineMemory, ModelFit, ModelNeeds, ModelShape } from "../protocol/models.ts";
import type { KvType } from "../protocol/settings.ts";

export interface FitRequest {
  readonly contextTokens: number;
  readonly kvType: KvType;
}

/** Bytes that a model needs for a context of so many tokens, or of its whole window where that is smaller. */
export function modelNeeds(shape: ModelShape, request: FitRequest, on: "cpu" | "gpu"): ModelNeeds {
  const cells = Math.min(request.contextTokens, shape.contextTokens);
  const rows = shape.kvHeads * (shape.headSize + (shape.valueHeadSize ?? shape.headSize));
  const batch = Math.min(batchTokens, cells);
  const rowBytes = batch * shape.embedding * floatBytes;
  const outputBytes = Math.min(batch * shape.vocabulary * floatBytes, outputBytesMax);
  // A layer's buffers are free again when the outputs are computed, so the larger of the two counts.
  const layerBytes = batch * cells * maskBytes + layerRows * rowBytes;
  return {
    weightBytes: shape.bytes,
    kvBytes: Math.round(cells * shape.layers * rows * bytesPerValue(request.kvType, on)),
    computeBytes: Math.max(outputBytes, layerBytes) + heldRows * rowBytes,
  };
}

/** Where a model runs on a machine, if it does. `memory.gpuBytes` 0: without a GPU. */
export function fitModel(shape: ModelShape, request: FitRequest, memory: MachineMemory): ModelFit {
  const ram = memory.ramBytes * ramShare;
  if (memory.gpuBytes > 0) {
    const needs = modelNeeds(shape, request, "gpu");
    const gpu = memory.gpuBytes * gpuShare;
    if (total(needs) <= gpu) return { kind: "fits", on: "gpu", needs };
    const perLayer = (needs.weightBytes + needs.kvBytes) / (shape.layers + outputLayers);
    const gpuLayers = Math.max(0, Math.min(shape.layers - 1, Math.floor((gpu - needs.computeBytes) / perLayer)));
    const left = total(needs) - gpuLayers * perLayer;
    if (gpuLayers > 0 && left <= ram) return { kind: "partly", gpuLayers, layers: shape.layers, needs };
  }
  const needs = modelNeeds(shape, request, "cpu");
  if (total(needs) <= ram) return { kind: "fits", on: "cpu", needs };
  return { kind: "tooLarge", availableBytes: Math.round(Math.max(ram, memory.gpuBytes * gpuShare)), needs };
}

/** All of it, in bytes. */
export function total({ weightBytes, kvBytes, computeBytes }: ModelNeeds): number {
  return weightBytes + kvBytes + computeBytes;
}

/** What is left to the editor, the system and everything else. */
const ramShare = 0.75;
const gpuShare = 0.9;
/** The native engine's default, and its limit for the outputs of one batch (native/core/context-open.cpp). */
const batchTokens = 512;
const outputBytesMax = 128 * 1024 ** 2;
const floatBytes = 4;
/** One value of the attention mask, 16 bits. */
const maskBytes = 2;
/** Vectors as long as the embedding: while a layer is computed, its feed-forward's included; and beside it, always. */
const layerRows = 12;
const heldRows = 2;
/** llama.cpp counts what turns the last layer's result into tokens as one layer more. */
const outputLayers = 1;

/** ggml's blocks: 32 values of 8 or 4 bits, and a scale of two bytes. */
function bytesPerValue(kvType: KvType, on: "cpu" | "gpu"): number {
  switch (kvType) {
    case "auto":
      return bytesPerValue(on === "gpu" ? "q8_0" : "f16", on);
    case "f16":
      return 2;
    case "q8_0":
      return 34 / 32;
    case "q4_0":
      return 18 / 32;
  }
}
