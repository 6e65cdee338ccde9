#include "error.h"

namespace precis {

const char* code_name(error_code code) {
  switch (code) {
    case error_code::argument: return "NATIVE_ARGUMENT";
    case error_code::state: return "NATIVE_STATE";
    case error_code::library_missing: return "NATIVE_LIBRARY_MISSING";
    case error_code::library_mismatch: return "NATIVE_LIBRARY_MISMATCH";
    case error_code::model_missing: return "NATIVE_MODEL_MISSING";
    case error_code::model_not_gguf: return "NATIVE_MODEL_NOT_GGUF";
    case error_code::model_truncated: return "NATIVE_MODEL_TRUNCATED";
    case error_code::model_unsupported: return "NATIVE_MODEL_UNSUPPORTED";
    case error_code::model_failed: return "NATIVE_MODEL_FAILED";
    case error_code::out_of_memory: return "NATIVE_OUT_OF_MEMORY";
    case error_code::context_full: return "NATIVE_CONTEXT_FULL";
    case error_code::blob_invalid: return "NATIVE_BLOB_INVALID";
    case error_code::cancelled: return "NATIVE_CANCELLED";
    case error_code::failed: return "NATIVE_FAILED";
  }
  return "NATIVE_FAILED";
}

void require(bool condition, const std::string& message) {
  if (!condition) throw error(error_code::argument, message);
}

}  // namespace precis
