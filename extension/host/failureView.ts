import type { Failure, FailureCode } from "../protocol/failure.ts";
import { failureSentences } from "../protocol/failure.ts";
import type { FailureAction, FailureView } from "../protocol/view.ts";

/** A failure as the views show it: its sentence, its detail, and the one button that leads on. */
export function failureView(failure: Failure): FailureView {
  return { sentence: failureSentences[failure.code], detail: failure.detail, action: actions[failure.code] };
}

const actions: Readonly<Record<FailureCode, FailureAction>> = {
  workspaceMissing: "openFolder",
  workspaceEmpty: "openSettings",
  workspaceBusy: "askAgain",
  questionEmpty: "none",
  questionTooLong: "openSettings",
  budgetTooSmall: "openSettings",
  indexUnwritable: "showLog",
  diskFull: "askAgain",
  indexCorrupt: "showLog",
  modelMissing: "chooseModel",
  modelNotGguf: "chooseModel",
  modelTruncated: "chooseModel",
  modelUnsupported: "chooseModel",
  modelLoadFailed: "chooseModel",
  outOfMemory: "openSettings",
  libraryMissing: "showLog",
  libraryMismatch: "showLog",
  deviceUnavailable: "openSettings",
  nativeMissing: "showLog",
  nativeArgument: "showLog",
  nativeFailed: "restartEngine",
  contextFull: "openSettings",
  blobInvalid: "askAgain",
  scorerMissing: "showLog",
  grammarMissing: "showLog",
  rankerUnknown: "openSettings",
  questionsFileInvalid: "none",
  placeMissing: "none",
  engineCrashed: "askAgain",
  engineGivenUp: "restartEngine",
  engineUnresponsive: "askAgain",
  protocolMismatch: "reloadWindow",
  cancelled: "askAgain",
  internal: "showLog",
};
