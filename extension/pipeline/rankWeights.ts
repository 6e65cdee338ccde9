/**
 * How much each feature counts, in log odds: over the files of one question, the softmax of their best units' scores
 * is about the chance that a file answers it.
 */
import type { Feature } from "./rankFeatures.ts";

export type FeatureWeights = Readonly<Partial<Record<Feature, number>>>;

/** What `npm run bench:rank -- --fit` prints: fitted on the questions that it reports on by halves (docs/benchmarks.md). */
export const fittedWeights = {
  lexical: {
    unitText: 2.28,
    fileText: 1.59,
    fileName: 0.59,
    wholeFileName: 2.14,
    folderName: 1.1,
    unitName: 1.49,
    definition: 0.83,
    references: 1.83,
    usedBy: 0.2,
    uses: 0.3,
    tests: -1.97,
    aside: -0.96,
    superseded: -1.19,
    declarations: -0.25,
    types: -1.21,
  },
  /** The embedding table alone. */
  static: {
    closeness: 7.01,
    fileCloseness: 6,
    tests: -2.66,
    aside: -1.79,
  },
  fused: {
    unitText: 1.57,
    fileText: 1.38,
    fileName: 0.05,
    wholeFileName: 1.55,
    folderName: 0.69,
    unitName: 1.08,
    definition: 0.77,
    references: 1.63,
    usedBy: 0.25,
    uses: 0.3,
    closeness: 2.5,
    fileCloseness: 3.56,
    tests: -1.93,
    aside: -0.86,
    superseded: -1.16,
    declarations: -0.29,
    types: -1.1,
  },
} as const satisfies Readonly<Record<string, FeatureWeights>>;

/**
 * Set by judgement, where the questions cannot tell: none of them names a path or a line, or asks for tests or callers,
 * and all are about files, so that they do not see which unit of a file is the one that is named.
 */
const judgedWeights: FeatureWeights = { definition: 2, namedFile: 4, namedLine: 6, usesNamed: 8, wantedKind: 2 };

/** Words, names, paths and references. */
export const lexicalWeights: FeatureWeights = { ...fittedWeights.lexical, ...judgedWeights };
export const staticWeights: FeatureWeights = fittedWeights.static;
/** All of it. */
export const fusedWeights: FeatureWeights = { ...fittedWeights.fused, ...judgedWeights };

/**
 * The weights above say which files come first. For a prompt it matters more which units of them do. The three numbers
 * were chosen on SWE-QA, which also reports them (docs/benchmarks.md); the docstring needles there are independent.
 */
export function forPrompt(weights: FeatureWeights): FeatureWeights {
  const times = (feature: "unitText" | "closeness", factor: number): FeatureWeights =>
    weights[feature] === undefined ? {} : { [feature]: weights[feature] * factor };
  return { ...weights, ...times("unitText", 3), ...times("closeness", 2), callable: 1.5 };
}
