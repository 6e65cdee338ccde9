/** Fits the weights of extension/pipeline/completionValues.ts to cuts of repositories that no row is measured on. */
import {
  candidateFeatures,
  completionCandidates,
  type CandidateFeature,
  type CandidateSource,
} from "../../extension/pipeline/completionCandidates.ts";
import type { CompleteCase, OpenedCase } from "./completeCases.ts";

/** One cut: the features of every candidate, and which one is named there. */
export interface FitCase {
  readonly features: readonly Float64Array[];
  readonly target: number;
}

/** Null where the definition is not among the candidates. */
export function fitCase(found: CompleteCase, { open }: OpenedCase, source: CandidateSource): FitCase | null {
  const candidates = completionCandidates(open, source);
  const target = candidates.findIndex(({ unit }) => unit.id === found.definition?.id);
  if (target < 0) return null;
  const features = candidates.map(({ features: of }) => Float64Array.from(candidateFeatures, (name) => of[name]));
  return { features, target };
}

const rounds = 400;
const rate = 0.05;
/** Keeps weights small that the cases say little about. */
const ridge = 0.02;

/** Softmax over the candidates of each case, by Adam's steps over all cases; the same cases give the same weights. */
export function fitWeights(cases: readonly FitCase[]): Record<CandidateFeature, number> {
  const count = candidateFeatures.length;
  const weights = new Float64Array(count);
  const mean = new Float64Array(count);
  const square = new Float64Array(count);
  for (let round = 1; round <= rounds; round += 1) {
    const gradient = gradientOf(cases, weights);
    for (let at = 0; at < count; at += 1) {
      const slope = (gradient[at] ?? 0) / Math.max(1, cases.length) - ridge * (weights[at] ?? 0);
      mean[at] = 0.9 * (mean[at] ?? 0) + 0.1 * slope;
      square[at] = 0.99 * (square[at] ?? 0) + 0.01 * slope * slope;
      const step = (mean[at] ?? 0) / (1 - 0.9 ** round);
      weights[at] = (weights[at] ?? 0) + (rate * step) / (Math.sqrt((square[at] ?? 0) / (1 - 0.99 ** round)) + 1e-8);
    }
  }
  return Object.fromEntries(
    candidateFeatures.map((name, at) => [name, Number((weights[at] ?? 0).toFixed(2))]),
  ) as Record<CandidateFeature, number>;
}

function gradientOf(cases: readonly FitCase[], weights: Float64Array): Float64Array {
  const gradient = new Float64Array(weights.length);
  for (const { features, target } of cases) {
    const values = features.map((row) => row.reduce((sum, value, at) => sum + value * (weights[at] ?? 0), 0));
    const highest = Math.max(...values);
    const shares = values.map((value) => Math.exp(value - highest));
    const total = shares.reduce((sum, share) => sum + share, 0);
    features.forEach((row, place) => {
      const pull = Number(place === target) - (shares[place] ?? 0) / total;
      row.forEach((value, at) => (gradient[at] = (gradient[at] ?? 0) + pull * value));
    });
  }
  return gradient;
}
