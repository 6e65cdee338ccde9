// What llama.cpp logs: forwarded to one sink of the process, and collected while an operation wants to know why it
// failed (llama.cpp reports most failures as a null pointer plus a log line).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "ggml.h"

namespace precis {

// level: debug, info, warning, error. Called on any thread.
using log_sink = std::function<void(const char* level, const std::string& message)>;

// Replaces the sink; an empty one drops everything. Returns after running calls of the old sink have ended.
void set_log_sink(log_sink sink);

// The callback for llama_log_set.
void forward_log(enum ggml_log_level level, const char* text, void* unused);

// Collects the messages of this thread while it lives. Captures nest; the innermost one collects, and says whether the
// messages are forwarded as well.
class log_capture {
 public:
  enum class forwarding { on, off };

  explicit log_capture(forwarding forwarded = forwarding::on);
  ~log_capture();
  log_capture(const log_capture&) = delete;
  log_capture& operator=(const log_capture&) = delete;

  // The first error line, else the last warning, else an empty text.
  std::string reason() const;
  bool mentions(const std::string& text) const;

  // Sum of llama.cpp's "… KV buffer size = … MiB" and "RS buffer size" lines, in bytes. The public C interface has no
  // way to ask for the cache's size; the lines are exact to 0.01 MiB per buffer.
  uint64_t cache_bytes() const { return cache_bytes_; }

  // Whether llama.cpp rotates the keys and the values of a quantised cache (its "attn_rot_k = 1" lines).
  bool rotates_keys() const { return rotates_keys_; }
  bool rotates_values() const { return rotates_values_; }

  void add(enum ggml_log_level level, const std::string& text);
  bool forwards() const { return forwarded_ == forwarding::on; }

 private:
  log_capture* outer_;
  forwarding forwarded_;
  std::string errors_;
  std::string first_error_;
  std::string last_warning_;
  uint64_t cache_bytes_ = 0;
  bool rotates_keys_ = false;
  bool rotates_values_ = false;
};

}  // namespace precis
