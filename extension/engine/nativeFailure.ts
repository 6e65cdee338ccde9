/** The native addon's error codes as failures of Precis. */
import type { NativeErrorCode } from "../../native/addon.ts";
import { Failure, toFailure } from "../protocol/failure.ts";
import type { FailureCode } from "../protocol/failure.ts";

const failureCodes: Readonly<Record<NativeErrorCode, FailureCode>> = {
  NATIVE_ARGUMENT: "nativeArgument",
  NATIVE_STATE: "nativeArgument",
  NATIVE_LIBRARY_MISSING: "libraryMissing",
  NATIVE_LIBRARY_MISMATCH: "libraryMismatch",
  NATIVE_MODEL_MISSING: "modelMissing",
  NATIVE_MODEL_NOT_GGUF: "modelNotGguf",
  NATIVE_MODEL_TRUNCATED: "modelTruncated",
  NATIVE_MODEL_UNSUPPORTED: "modelUnsupported",
  NATIVE_MODEL_FAILED: "modelLoadFailed",
  NATIVE_OUT_OF_MEMORY: "outOfMemory",
  NATIVE_CONTEXT_FULL: "contextFull",
  NATIVE_BLOB_INVALID: "blobInvalid",
  NATIVE_CANCELLED: "cancelled",
  NATIVE_FAILED: "nativeFailed",
};

/** What the addon threw, as a Failure; anything else as `toFailure` sees it. The original error is the cause. */
export function nativeFailure(thrown: unknown): Failure {
  if (!(thrown instanceof Error) || !("code" in thrown) || !isNativeErrorCode(thrown.code)) return toFailure(thrown);
  return new Failure(failureCodes[thrown.code], thrown.message, { cause: thrown });
}

function isNativeErrorCode(code: unknown): code is NativeErrorCode {
  return typeof code === "string" && Object.hasOwn(failureCodes, code);
}
