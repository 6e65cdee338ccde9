// Failures of the native engine. Each has a code that crosses into JavaScript unchanged (native/addon.ts).
#pragma once

#include <stdexcept>
#include <string>

namespace precis {

enum class error_code {
  argument,
  state,
  library_missing,
  library_mismatch,
  model_missing,
  model_not_gguf,
  model_truncated,
  model_unsupported,
  model_failed,
  out_of_memory,
  context_full,
  blob_invalid,
  cancelled,
  failed,
};

// The name of the code in native/addon.ts, such as NATIVE_ARGUMENT.
const char* code_name(error_code code);

class error : public std::runtime_error {
 public:
  error(error_code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  error_code code() const { return code_; }

 private:
  error_code code_;
};

// Throws error(argument, message) unless the condition holds.
void require(bool condition, const std::string& message);

}  // namespace precis
