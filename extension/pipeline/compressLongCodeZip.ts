/**
 * The second stage of LongCodeZip (arXiv 2510.00446): blocks cut at perplexity spikes, an adaptive share of the budget
 * for each function, and a 0/1 knapsack of blocks in each. Unlike the original it never exceeds the budget, spends what
 * rounding leaves over, and marks omissions as the language's comments. Its blocks need not be whole statements.
 */
import type { RankedUnit } from "../protocol/units.ts";
import type { Compressed, CompressRequest } from "./compressRequest.ts";
import { blockLinesMin, type Block } from "./compressReadings.ts";
import { Selection, type Choice } from "./compressSelection.ts";
import { unitLines } from "./rendering.ts";

/** The original's constants at 2,000 tokens. */
export const longCodeZip = {
  /** The best units that together have budget / fineShare tokens reach the fine stage. */
  fineShare: 0.8,
  /** How far a unit's share may depart from the mean share. */
  beta: 0.5,
  /** The knapsack is exact up to so many blocks and tokens, greedy beyond. */
  exactBlocks: 100,
  exactTokens: 2000,
} as const;

export function compressByBlocks(request: CompressRequest): Compressed {
  const selection = new Selection(request);
  const kept = coarse(request, selection);
  const large = kept.filter(({ unit }) => unitLines(unit).length >= blockLinesMin);
  const small = kept.filter((ranked) => !large.includes(ranked));
  const smallTokens = small.reduce((sum, { unit }) => sum + selection.rawTokens(unit), 0);
  const shares = adaptiveShares(large, Math.max(0, request.budgetTokens - smallTokens), selection);
  for (const ranked of kept) {
    const share = shares.get(ranked);
    const choice =
      share === undefined || share >= 1 ? wholeOf(ranked) : chooseBlocks(ranked, share, request, selection);
    if (choice !== null) selection.tryAdd(ranked, choice);
  }
  // The original leaves this part of the budget unused.
  for (const ranked of kept) selection.tryAdd(ranked, wholeOf(ranked));
  return selection.result();
}

function coarse({ ranked, budgetTokens }: CompressRequest, selection: Selection): RankedUnit[] {
  const kept: RankedUnit[] = [];
  let left = budgetTokens / longCodeZip.fineShare;
  for (const entry of ranked) {
    const tokens = selection.rawTokens(entry.unit);
    if (tokens > left) break;
    left -= tokens;
    kept.push(entry);
  }
  return kept.length === 0 ? ranked.slice(0, 1) : kept;
}

/** Better units keep more: base · (1 + β (2 importance − 1)), scaled so that all together fill the budget. */
function adaptiveShares(
  units: readonly RankedUnit[],
  budgetTokens: number,
  selection: Selection,
): ReadonlyMap<RankedUnit, number> {
  const scores = units.map(({ score }) => score);
  const [lowest, highest] = [Math.min(...scores), Math.max(...scores)];
  const biased = scores.map((score) => {
    const importance = highest > lowest ? (score - lowest) / (highest - lowest) : 0.5;
    return 1 + longCodeZip.beta * (2 * importance - 1);
  });
  const weighted = units.reduce((sum, { unit }, at) => sum + (biased[at] ?? 1) * selection.rawTokens(unit), 0);
  return new Map(units.map((ranked, at) => [ranked, ((biased[at] ?? 1) * budgetTokens) / Math.max(1, weighted)]));
}

/** Null where no block is worth anything. */
function chooseBlocks(
  ranked: RankedUnit,
  share: number,
  request: CompressRequest,
  selection: Selection,
): Choice | null {
  const lines = unitLines(ranked.unit);
  const texts = ranked.unit.text.split("\n");
  const blocks = request.readings?.blocks.get(ranked.unit.id) ?? [];
  if (blocks.length <= 1) return wholeOf(ranked);
  const costs = blocks.map(({ first, last }) => request.counter.count(texts.slice(first, last + 1).join("\n")));
  const chosen = knapsack(blocks, costs, Math.floor(share * selection.rawTokens(ranked.unit)));
  const shown = chosen.flatMap(({ first, last }) => lines.slice(first, last + 1));
  return shown.length === 0 ? null : { fidelity: shown.length === lines.length ? "full" : "pruned", lines: shown };
}

/** Blocks of the greatest value within the budget, in order. One that is worth nothing is never among them. */
export function knapsack(blocks: readonly Block[], costs: readonly number[], budget: number): Block[] {
  const useful = blocks.flatMap((block, at) => (block.value > 0 ? [{ block, cost: costs[at] ?? 0 }] : []));
  const exact = useful.length <= longCodeZip.exactBlocks && budget <= longCodeZip.exactTokens;
  const chosen = exact ? exactKnapsack(useful, budget) : greedyKnapsack(useful, budget);
  return chosen.map(({ block }) => block).sort((a, b) => a.first - b.first);
}

interface Item {
  readonly block: Block;
  readonly cost: number;
}

function exactKnapsack(items: readonly Item[], budget: number): Item[] {
  const best = new Float64Array(budget + 1);
  const taken = items.map(({ block, cost }) => {
    const takes = new Uint8Array(budget + 1);
    for (let left = budget; left >= cost; left -= 1) {
      const value = (best[left - cost] ?? 0) + block.value;
      if (value <= (best[left] ?? 0)) continue;
      best[left] = value;
      takes[left] = 1;
    }
    return takes;
  });
  const chosen: Item[] = [];
  let left = budget;
  for (let at = items.length - 1; at >= 0; at -= 1) {
    const item = items[at];
    if (item === undefined || taken[at]?.[left] !== 1) continue;
    chosen.push(item);
    left -= item.cost;
  }
  return chosen;
}

function greedyKnapsack(items: readonly Item[], budget: number): Item[] {
  let left = budget;
  return [...items]
    .sort((a, b) => b.block.value / Math.max(1, b.cost) - a.block.value / Math.max(1, a.cost))
    .filter(({ cost }) => {
      if (cost > left) return false;
      left -= cost;
      return true;
    });
}

function wholeOf({ unit }: RankedUnit): Choice {
  return { fidelity: "full", lines: unitLines(unit) };
}
