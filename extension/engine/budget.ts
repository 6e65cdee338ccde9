import type { Device } from "../protocol/settings.ts";

/** Budgets of product.md for a machine whose owner chose none. */
const cpuBudgetTokens = 4_096;
const gpuBudgetTokens = 16_384;
/** On a GPU, for a model whose window is smaller than the GPU budget. */
const smallWindowBudgetTokens = 8_192;

/** The largest part of the budget that an answer may reserve: by default, and where its length was asked for. */
const defaultReserveShare = 1 / 4;
const askedReserveShare = 1 / 2;

export interface BudgetRequest {
  /** What the question asks for, then what the settings say; 0: not said. */
  readonly askedTokens: number;
  readonly settingsTokens: number;
  readonly askedAnswerTokens: number;
  readonly settingsAnswerTokens: number;
  /** The model's trained context, or null without an assistant. */
  readonly windowTokens: number | null;
  readonly device: Exclude<Device, "auto">;
}

export interface Budget {
  readonly budgetTokens: number;
  /** Part of `budgetTokens` that is kept free for the answer. */
  readonly answerReserveTokens: number;
}

/** The token budget of one question, never more than the model's window. */
export function chooseBudget(request: BudgetRequest): Budget {
  const window = request.windowTokens ?? Number.POSITIVE_INFINITY;
  const wanted = request.askedTokens || request.settingsTokens || defaultBudgetTokens(request.device, window);
  const budgetTokens = Math.min(wanted, window);
  const share = request.askedAnswerTokens > 0 ? askedReserveShare : defaultReserveShare;
  const answerTokens = request.askedAnswerTokens || request.settingsAnswerTokens;
  return { budgetTokens, answerReserveTokens: Math.min(answerTokens, Math.floor(budgetTokens * share)) };
}

function defaultBudgetTokens(device: Exclude<Device, "auto">, windowTokens: number): number {
  if (device === "cpu") return cpuBudgetTokens;
  return windowTokens < gpuBudgetTokens ? smallWindowBudgetTokens : gpuBudgetTokens;
}
