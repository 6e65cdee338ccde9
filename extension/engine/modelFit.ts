/** Whether models fit this machine, and how many of their layers its GPU takes. */
import os from "node:os";
import { fitModel } from "../pipeline/modelFit.ts";
import type { FitModelsParams, FitReport, GpuShare } from "../protocol/engine.ts";
import type { MachineMemory, ModelFit, ModelShape } from "../protocol/models.ts";
import type { Settings } from "../protocol/settings.ts";
import { chooseBudget } from "./budget.ts";
import type { Llama } from "./llama.ts";
import { readModelShape } from "./modelHeader.ts";

type FitSettings = Pick<Settings, "budget.contextTokens" | "budget.answerTokens" | "engine.kvType">;

/** Fits files and shapes to the machine, each at the budget that a question to that model would have. */
export async function fitModels(
  { files, shapes }: FitModelsParams,
  { report }: Pick<Llama, "report">,
  settings: FitSettings,
): Promise<FitReport> {
  const memory = machineMemory(report);
  const fit = (shape: ModelShape): ModelFit => {
    const { budgetTokens } = chooseBudget({
      askedTokens: 0,
      settingsTokens: settings["budget.contextTokens"],
      askedAnswerTokens: 0,
      settingsAnswerTokens: settings["budget.answerTokens"],
      windowTokens: shape.contextTokens,
      device: report.device,
    });
    return fitModel(shape, { contextTokens: budgetTokens, kvType: settings["engine.kvType"] }, memory);
  };
  const read = await Promise.all(files.map(readModelShape));
  return {
    device: report,
    memory,
    files: read.map((shape) => (shape === null ? null : fit(shape))),
    shapes: shapes.map(fit),
  };
}

export interface LayersRequest {
  readonly file: string;
  readonly contextTokens: number;
  readonly kvType: Settings["engine.kvType"];
  readonly gpu: GpuShare;
}

/** For `openModel`: the layers that fit the GPU's memory, half of them after a crash. All where the file does not say. */
export async function gpuLayersFor(
  request: LayersRequest,
  llama: Pick<Llama, "report" | "gpuLayers">,
): Promise<number> {
  if (llama.gpuLayers === 0) return 0;
  const shape = await readModelShape(request.file);
  if (shape === null) return llama.gpuLayers;
  const fit = fitModel(shape, request, machineMemory(llama.report));
  const layers = layersOn(fit, llama.gpuLayers);
  return request.gpu === "half" ? Math.floor(Math.min(layers, shape.layers) / 2) : layers;
}

function layersOn(fit: ModelFit, all: number): number {
  if (fit.kind === "partly") return fit.gpuLayers;
  // Too large for both: llama.cpp says so itself, in case the estimate is wrong.
  return fit.kind === "fits" && fit.on === "cpu" ? 0 : all;
}

function machineMemory({ device, memoryBytes }: Llama["report"]): MachineMemory {
  const limit = process.constrainedMemory();
  const ramBytes = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  return { ramBytes, gpuBytes: device === "cpu" ? 0 : memoryBytes };
}
