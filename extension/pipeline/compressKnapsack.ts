/** Multiple choice: each unit is dropped, or shown by its declaration, pruned or whole, whatever the budget gains most by. */
import type { Compressed, CompressRequest } from "./compressRequest.ts";
import { Selection, type Choice } from "./compressSelection.ts";
import { candidatesOf, type Candidate } from "./compressValues.ts";
import { pruneLines } from "./prune.ts";
import { parseQuestion } from "./question.ts";
import { keptLines, unitLines } from "./rendering.ts";

export const knapsackWeights = {
  /** The part of a unit's worth that its declaration says. */
  declaration: 0.25,
  /** Below 1: the first lines of a body, the best ones, say more than the last. */
  bodyExponent: 0.5,
  /** Costs of the pruned forms that are offered, as shares of the whole unit's. */
  prunedShares: [0.15, 0.3, 0.55],
} as const;
/**
 * The adaptive rate of prompts: a thousand tokens must be worth this share of the best unit. Where the scores fall fast,
 * few are; where they are flat (a question about everything) all of the budget is. Who asks for a name wants what it
 * names, so more is asked of the tokens then. `npm run bench:compress` shows what each choice finds and spends.
 */
export const worthPerThousandTokens = { name: 0.8, other: 0.2 } as const;

/** For `CompressRequest.worthMin`. */
export function worthAskedOf(question: string): number {
  return parseQuestion(question).isSymbol ? worthPerThousandTokens.name : worthPerThousandTokens.other;
}

/** Shorter units are shown whole or by their declaration. */
const prunedLinesMin = 8;
/** Characters of a heading and a fence beside the path, and of a mark for omitted lines. */
const headingCharacters = 40;
const markCharacters = 24;
/** A step whose estimated cost is this many times what is left is not tried. */
const estimateMax = 1.5;
/** Units that are looked at per token of the budget: more of them could not be shown. */
const candidatesPerToken = 1 / 16;
const candidatesMin = 24;

/** Never exceeds the budget. Deterministic. */
export function compressByKnapsack(request: CompressRequest): Compressed {
  const selection = new Selection(request);
  const looked = Math.max(candidatesMin, Math.ceil(request.budgetTokens * candidatesPerToken));
  const candidates = candidatesOf({
    question: request.question ?? "",
    ranked: request.ranked.slice(0, looked),
    related: request.related ?? [],
    lineGains: request.readings?.lineGains ?? new Map<string, Float64Array>(),
  });
  // Sets the scale of the estimated costs.
  for (const { unit } of request.ranked.slice(0, 3)) selection.rawTokens(unit);
  const worthMin = (request.worthMin ?? 0) / 1000;
  const steps = candidates
    .flatMap((candidate) => stepsOf(candidate, selection.tokensPerCharacter))
    .filter(({ gain, cost, candidate }) => gain / cost >= worthMin || candidate === candidates[0]);
  // Equally good ones stay in the order of the ranking.
  steps.sort((a, b) => b.gain / b.cost - a.gain / a.cost);
  const tried: Step[] = [];
  for (const step of steps) {
    if (!take(step, selection, request)) tried.push(step);
  }
  // What is left is spent on whatever still fits, most worth first.
  for (const step of tried.sort((a, b) => b.gain - a.gain)) take(step, selection, request);
  return selection.result();
}

/** From one form of a unit to the next larger one that is worth it. */
interface Step {
  readonly candidate: Candidate;
  readonly choice: Choice;
  readonly gain: number;
  readonly cost: number;
}

function take({ candidate, choice, cost }: Step, selection: Selection, request: CompressRequest): boolean {
  const { unit } = candidate.ranked;
  const now = selection.choiceOf(unit);
  if (now !== null && now.lines.length >= choice.lines.length) return true;
  // Parsing takes time, too.
  if (cost > selection.tokensLeft * estimateMax) return false;
  if (choice.fidelity !== "full" && request.syntax?.parses(unit, choice.lines) === false) return false;
  return selection.tryAdd(candidate.ranked, choice);
}

/** The forms of a unit on the upper hull of worth over cost, as steps with falling gain per token. */
function stepsOf(candidate: Candidate, tokensPerCharacter: number): Step[] {
  const { unit } = candidate.ranked;
  const forms = formsOf(candidate, tokensPerCharacter);
  const steps: Step[] = [];
  let from = { worth: 0, cost: 0 };
  let left = forms;
  while (left.length > 0) {
    const slope = (form: Form) => (form.worth - from.worth) / Math.max(1, form.cost - from.cost);
    const best = left.reduce((first, form) => (slope(form) > slope(first) ? form : first));
    if (best.worth <= from.worth) break;
    steps.push({
      candidate,
      choice: best.choice,
      gain: candidate.weight * (best.worth - from.worth),
      cost: Math.max(1, best.cost - from.cost),
    });
    from = best;
    left = left.filter((form) => form.cost > best.cost);
  }
  return unit.text === "" ? [] : steps;
}

interface Form {
  readonly choice: Choice;
  /** 0…1 of the unit's worth. */
  readonly worth: number;
  readonly cost: number;
}

function formsOf(candidate: Candidate, tokensPerCharacter: number): Form[] {
  const { unit } = candidate.ranked;
  const lines = unitLines(unit);
  const texts = unit.text.split("\n");
  const costs = Float64Array.from(texts, (text) => (text.trim().length + 2) * tokensPerCharacter);
  const heading = (headingCharacters + unit.path.length) * tokensPerCharacter;
  const markCost = markCharacters * tokensPerCharacter;
  const declaration = keptLines(unit, "signature");
  const form = (choice: Choice): Form => ({
    choice,
    worth: worthOf(candidate, choice.lines, lines, declaration.length > 0),
    cost: heading + costOf(choice.lines, lines, costs, markCost),
  });
  const whole = form({ fidelity: "full", lines });
  const forms: Form[] = [];
  if (declaration.length > 0 && declaration.length < lines.length) {
    forms.push(form({ fidelity: "signature", lines: declaration }));
  } else if (candidate.declarationOnly) return [];
  if (candidate.declarationOnly) return forms;
  if (lines.length >= prunedLinesMin) {
    for (const share of knapsackWeights.prunedShares) {
      const budget = share * (whole.cost - heading);
      const pruned = pruneLines({ unit, values: candidate.lineValues, costs, budget, markCost });
      if (pruned !== null) forms.push(form({ fidelity: "pruned", lines: pruned }));
    }
  }
  return [...forms, whole];
}

function worthOf(
  { lineValues }: Candidate,
  shown: readonly number[],
  lines: readonly number[],
  hasDeclaration: boolean,
): number {
  const chosen = new Set(shown);
  let value = 0;
  lines.forEach((line, at) => {
    if (chosen.has(line)) value += lineValues[at] ?? 0;
  });
  const declared = hasDeclaration ? knapsackWeights.declaration : 0;
  return declared + (1 - declared) * value ** knapsackWeights.bodyExponent;
}

function costOf(shown: readonly number[], lines: readonly number[], costs: Float64Array, markCost: number): number {
  const chosen = new Set(shown);
  let cost = 0;
  let inGap = false;
  lines.forEach((line, at) => {
    if (chosen.has(line)) cost += costs[at] ?? 0;
    else if (!inGap) cost += markCost;
    inGap = !chosen.has(line);
  });
  return cost;
}
