/** How likely a definition of another file is needed next, from the features of completionCandidates.ts. */
import type { CandidateFeature } from "./completionCandidates.ts";

/**
 * Log odds per unit of a feature: a softmax over the candidates of one cursor, fitted to cuts of 13 repositories in five
 * languages that are not among those of the benchmark (`npm run bench:complete -- --fit --more-repo FOLDER …`).
 */
export const candidateWeights: Readonly<Record<CandidateFeature, number>> = {
  isInScope: -0.54,
  isInFile: 1.84,
  nameInScope: 0.58,
  nameInFile: 0.52,
  nameAmbiguous: -1.89,
  nameImported: 0.73,
  fileImported: 0.3,
  fileMentioned: 0.34,
  sameFolder: -0.24,
  folderDistance: -0.53,
  ownerInScope: 0.21,
  ownerInFile: 0.12,
  popularity: 0.02,
  references: 0.35,
  together: 0.81,
  nameWords: 2.19,
  isType: -0.08,
  isMethod: -0.42,
  isHidden: -0.4,
  isOffPath: -1.2,
};

/** Higher is likelier; comparable among the candidates of one cursor. */
export function candidateValue(
  features: Readonly<Record<CandidateFeature, number>>,
  weights: Readonly<Record<CandidateFeature, number>> = candidateWeights,
): number {
  let value = 0;
  for (const [name, feature] of Object.entries(features)) value += feature * weights[name as CandidateFeature];
  return value;
}
