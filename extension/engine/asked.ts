/** What a question asks of the engine, before any work is done with it. */
import { likelihoodWeight } from "../pipeline/rank.ts";
import { Failure } from "../protocol/failure.ts";
import type { RankerName } from "../protocol/settings.ts";

/** Longer questions are refused. Characters. */
const questionLimit = 20_000;

export function usesMeaning(ranker: RankerName): boolean {
  return ranker === "static" || ranker === "fused" || usesLikelihood(ranker);
}

export function usesLikelihood(ranker: RankerName): boolean {
  return ranker === "longcodezip" || ranker === "likelihood" || (ranker === "fused" && likelihoodWeight !== 0);
}

export function checkQuestion(question: string): void {
  if (question.trim() === "") throw new Failure("questionEmpty");
  if (question.length > questionLimit) {
    throw new Failure("questionTooLong", `${question.length} characters, at most ${questionLimit}`);
  }
}

/** As the index has it: `/` as separator, none at either end; `.` is the whole workspace. */
export function trimmedRoot(root = ""): string {
  const trimmed = root.replaceAll("\\", "/").replace(/^(?:\.?\/)+|\/+$/g, "");
  return trimmed === "." ? "" : trimmed;
}
