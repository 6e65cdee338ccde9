import { t } from "@vscode/l10n";
import type { Failure, FailureCode } from "../protocol/failure.ts";
import { failureSentences } from "../protocol/failure.ts";
import type { FailureAction, FailureView } from "../protocol/view.ts";

/** A failure as the views show it: its sentence, its detail, and the one button that leads on. */
export function failureView(failure: Failure): FailureView {
  return { sentence: t(failureSentences[failure.code]), detail: failure.detail, action: actions[failure.code] };
}

/** A failure in one line: its sentence, and what happened in detail. */
export function failureText({ code, detail }: Failure): string {
  const sentence = t(failureSentences[code]);
  return detail === "" ? sentence : `${sentence} (${detail})`;
}

const actions: Readonly<Record<FailureCode, FailureAction>> = {
  workspaceMissing: "openFolder",
  workspaceEmpty: "openSettings",
  workspaceBusy: "askAgain",
  questionEmpty: "none",
  questionTooLong: "openSettings",
  commandUnknown: "editQuestion",
  subjectMissing: "editQuestion",
  mentionMissing: "editQuestion",
  mentionExcluded: "editQuestion",
  mentionAmbiguous: "editQuestion",
  selectionMissing: "askAgain",
  answerInterrupted: "askAgain",
  budgetTooSmall: "openSettings",
  indexUnwritable: "showLog",
  diskFull: "askAgain",
  indexCorrupt: "showLog",
  modelMissing: "chooseModel",
  modelNotGguf: "chooseModel",
  modelTruncated: "chooseModel",
  modelUnsupported: "chooseModel",
  modelLoadFailed: "chooseModel",
  outOfMemory: "useCpu",
  libraryMissing: "showLog",
  libraryMismatch: "showLog",
  deviceUnavailable: "useCpu",
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
  downloadAddressInvalid: "chooseModel",
  downloadRefused: "chooseModel",
  downloadMissing: "chooseModel",
  downloadServerFailed: "chooseModel",
  downloadUnreachable: "openSettings",
  downloadStalled: "chooseModel",
  downloadBroken: "chooseModel",
  downloadNotModel: "chooseModel",
  downloadWrongBytes: "chooseModel",
  downloadNoSpace: "openSettings",
  downloadNameTaken: "chooseModel",
  downloadBusy: "none",
  downloadFolderUnwritable: "openSettings",
  modelNotDeletable: "chooseModel",
  engineCrashed: "askAgain",
  engineGivenUp: "restartEngine",
  engineUnresponsive: "askAgain",
  protocolMismatch: "reloadWindow",
  cancelled: "askAgain",
  internal: "showLog",
};
