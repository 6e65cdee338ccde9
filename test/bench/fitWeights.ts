/**
 * Fits the weights of ranking features: the listwise loss of ListNet (Cao et al. 2007) over the files of a question,
 * each standing for its best unit.
 */
import { type Feature, type Featured, featureNames } from "../../extension/pipeline/rankFeatures.ts";
import type { FeatureWeights } from "../../extension/pipeline/rankWeights.ts";

/** One question: its candidates and the paths that answer it. */
export interface FitQuestion {
  /** Candidates × features, row by row, in the order of `featureNames`. */
  readonly values: Float32Array;
  /** Number of each candidate's file. */
  readonly files: Uint16Array;
  /** Numbers of the files that answer the question; none where no candidate does. */
  readonly right: readonly number[];
  readonly fileCount: number;
}

const steps = 200;
const rate = 0.1;
/** Of squared weights: a few hundred questions do not say much. */
const decay = 0.003;
const momentum = { mean: 0.9, square: 0.999, floor: 1e-8 } as const;

export function fitQuestion(candidates: readonly Featured[], rightPaths: ReadonlySet<string>): FitQuestion {
  const numbers = new Map<string, number>();
  const files = Uint16Array.from(candidates, ({ unit }) => {
    const number = numbers.get(unit.path) ?? numbers.size;
    numbers.set(unit.path, number);
    return number;
  });
  const values = new Float32Array(candidates.length * featureNames.length);
  candidates.forEach((candidate, row) => {
    featureNames.forEach((feature, at) => (values[row * featureNames.length + at] = candidate.values[feature]));
  });
  const right = [...rightPaths].flatMap((path) => numbers.get(path) ?? []);
  return { values, files, right, fileCount: numbers.size };
}

/** Weights of the chosen features that make the right files likeliest; the others have none. Deterministic. */
export function fitWeights(questions: readonly FitQuestion[], features: readonly Feature[]): FeatureWeights {
  const usable = questions.filter(({ right }) => right.length > 0);
  const columns = features.map((feature) => featureNames.indexOf(feature));
  // From 0, the first of a file's units would stand for it, whatever it is.
  const weights = new Float64Array(features.length).fill(1);
  const mean = new Float64Array(features.length);
  const square = new Float64Array(features.length);
  for (let step = 1; step <= steps; step += 1) {
    const gradient = weights.map((weight) => 2 * decay * weight);
    for (const question of usable) addGradient(question, { columns, weights, gradient, share: 1 / usable.length });
    for (let at = 0; at < weights.length; at += 1) {
      const slope = gradient[at] ?? 0;
      mean[at] = momentum.mean * (mean[at] ?? 0) + (1 - momentum.mean) * slope;
      square[at] = momentum.square * (square[at] ?? 0) + (1 - momentum.square) * slope * slope;
      const direction = (mean[at] ?? 0) / (1 - momentum.mean ** step);
      const size = Math.sqrt((square[at] ?? 0) / (1 - momentum.square ** step)) + momentum.floor;
      weights[at] = (weights[at] ?? 0) - (rate * direction) / size;
    }
  }
  return Object.fromEntries(features.map((feature, at) => [feature, weights[at] ?? 0]));
}

interface Fit {
  readonly columns: readonly number[];
  readonly weights: Float64Array;
  readonly gradient: Float64Array;
  readonly share: number;
}

/** Cross-entropy of the right files and the softmax over all files: its gradient by the weights. */
function addGradient(
  { values, files, right, fileCount }: FitQuestion,
  { columns, weights, gradient, share }: Fit,
): void {
  const best = new Float64Array(fileCount).fill(Number.NEGATIVE_INFINITY);
  const bestRow = new Int32Array(fileCount).fill(-1);
  for (let row = 0; row < files.length; row += 1) {
    let score = 0;
    for (let at = 0; at < columns.length; at += 1) {
      score += (values[row * featureNames.length + (columns[at] ?? 0)] ?? 0) * (weights[at] ?? 0);
    }
    const file = files[row] ?? 0;
    if (score <= (best[file] ?? 0)) continue;
    best[file] = score;
    bestRow[file] = row;
  }
  const highest = best.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const total = best.reduce((sum, score) => sum + Math.exp(score - highest), 0);
  for (let file = 0; file < fileCount; file += 1) {
    const wanted = right.includes(file) ? 1 / right.length : 0;
    const pull = (Math.exp((best[file] ?? 0) - highest) / total - wanted) * share;
    const row = (bestRow[file] ?? 0) * featureNames.length;
    columns.forEach((column, at) => (gradient[at] = (gradient[at] ?? 0) + pull * (values[row + column] ?? 0)));
  }
}
