/** Every way in which Precis can fail, with the sentence that tells a person what to do about it. */
export const failureSentences = {
  workspaceMissing: "The folder does not exist or is not a folder. Check the path.",
  workspaceEmpty: "No file in this folder can be indexed. Open a folder with source code, or check the ignore globs.",
  workspaceBusy:
    "Another Precis process is writing this workspace's index and did not finish in time. Close it, or try again.",
  placeMissing: "There is no such place. Check the file, line and column.",
  questionEmpty: "The question is empty. Type a question.",
  questionTooLong: "The question is too long. Shorten it or raise the context budget.",
  commandUnknown: "There is no such command. Use /explain, /find, /tests or /doc.",
  subjectMissing: "Say what the command is about: a name, a mention such as #file, or select code in an editor.",
  mentionMissing: "The question mentions something that the index does not have. Edit the question, or index again.",
  mentionExcluded: "The question mentions code that is never sent to a model. Edit the question.",
  mentionAmbiguous: "The question mentions a name that too many places have. Mention the file instead.",
  selectionMissing: "Nothing is selected. Select code in an editor, then ask again.",
  answerInterrupted: "The window closed while this answer was written. Ask again.",
  budgetTooSmall: "The budget is too small for this question. Raise the budget or shorten the question.",
  indexUnwritable: "The index cannot be written. Check the permissions of the cache folder, or choose another one.",
  diskFull: "The disk is full, so the index could not be written. Free some space and try again.",
  indexCorrupt: "The index file is damaged and could not be rebuilt. Delete it and try again.",
  modelMissing: "The model file does not exist. Check the path, or choose another model.",
  modelNotGguf: "The model file is not a GGUF file. Choose a file that ends in .gguf and was downloaded completely.",
  modelTruncated: "The model file is incomplete. Download it again.",
  modelUnsupported: "This version of the engine cannot run the model's architecture. Choose another model.",
  modelLoadFailed: "The model could not be loaded. See the log for the engine's reason, or choose another model.",
  outOfMemory: "Not enough memory for this model and context. Lower the budget or choose a smaller model.",
  libraryMissing: "The llama.cpp library for this machine is missing. Reinstall Precis.",
  libraryMismatch: "The llama.cpp library is of another release than the engine was built for. Reinstall Precis.",
  deviceUnavailable: "The chosen device cannot be used. Choose another device, or `auto`.",
  nativeMissing: "The native engine is not built. Run `npm run build`.",
  nativeArgument: "The engine refused a request with a bad argument. This is a bug in Precis; please report it.",
  nativeFailed: "The native engine failed. See the log; the engine can be restarted.",
  contextFull: "The model's context is full. Lower the budget or ask a shorter question.",
  blobInvalid: "A saved cache is damaged or belongs to another model. It was not used.",
  scorerMissing: "The embedded scorer is missing. Reinstall Precis.",
  grammarMissing: "A language's grammar could not be loaded. Reinstall Precis.",
  rankerUnknown: "There is no ranker of that name. See `precis rank --help` for the names.",
  questionsFileInvalid:
    'The questions file is not valid. It needs one JSON string, or one object with "query", per line.',
  downloadAddressInvalid:
    "This is not the address of a model. Give an https:// address of a .gguf file, or hf:user/repository:quantisation.",
  downloadRefused:
    "The server refuses this download. The model may need an account: download it in a browser, then choose the file.",
  downloadMissing: "There is no such file on the server. Check the address.",
  downloadServerFailed: "The server could not send the file. Try again later; what is here already is kept.",
  downloadUnreachable: "The server cannot be reached. Check the network and the proxy settings, then resume.",
  downloadStalled: "The download stood still. Resume it; what is here already is kept.",
  downloadBroken: "The download broke off. Resume it.",
  downloadNotModel:
    "The server sent something else than a model, perhaps a proxy's page. It was deleted. Check the address and the proxy settings.",
  downloadWrongBytes: "The downloaded file is not the one that was published. It was deleted. Download it again.",
  downloadNoSpace: "There is not enough space on the disk for this download. Free some, then resume.",
  downloadNameTaken: "There is a file of that name in the models folder already. Use it, or delete it first.",
  downloadBusy: "This file is being downloaded already, perhaps by another window. Wait for it.",
  downloadFolderUnwritable: "The models folder cannot be written. Check its permissions, or choose another one.",
  modelNotDeletable: "The model file could not be deleted. Choose another model first, so that it is not in use.",
  engineCrashed: "The engine stopped unexpectedly and was restarted. Ask again.",
  engineGivenUp: "The engine stopped too often. See the log, choose the CPU or another model, then restart it.",
  engineUnresponsive: "The engine did not respond and was restarted. Ask again.",
  protocolMismatch: "The engine is of another version than the extension. Reload the window.",
  cancelled: "Stopped.",
  internal: "Something went wrong inside Precis. See the log and please report it.",
} as const;

export type FailureCode = keyof typeof failureSentences;

/** A failure that may cross a boundary: a code of the closed list, its sentence, and what happened in detail. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: FailureCode;
  /** What exactly happened, e.g. the path or the operating system's message; may be empty. */
  readonly detail: string;

  constructor(code: FailureCode, detail = "", options?: ErrorOptions) {
    super(detail === "" ? failureSentences[code] : `${failureSentences[code]} (${detail})`, options);
    this.code = code;
    this.detail = detail;
  }
}

export function isFailureCode(value: unknown): value is FailureCode {
  return typeof value === "string" && Object.hasOwn(failureSentences, value);
}

/** Whatever was thrown, as a Failure; unknown errors become `internal`. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError") return new Failure("cancelled", "", { cause: thrown });
  return new Failure("internal", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}
