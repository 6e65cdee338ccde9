#include "log.h"

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <utility>

namespace precis {

namespace {

std::mutex sink_lock;
log_sink current_sink;
thread_local log_capture* innermost = nullptr;

const char* level_name(enum ggml_log_level level);
std::string trimmed(const char* text);

}  // namespace

void set_log_sink(log_sink sink) {
  const std::lock_guard<std::mutex> lock(sink_lock);
  current_sink = std::move(sink);
}

void forward_log(enum ggml_log_level level, const char* text, void*) {
  const std::string message = trimmed(text);
  if (message.empty()) return;
  if (innermost != nullptr) {
    innermost->add(level, message);
    if (!innermost->forwards()) return;
  }
  const std::lock_guard<std::mutex> lock(sink_lock);
  if (current_sink) current_sink(level_name(level), message);
}

log_capture::log_capture(forwarding forwarded) : outer_(innermost), forwarded_(forwarded) { innermost = this; }

log_capture::~log_capture() { innermost = outer_; }

std::string log_capture::reason() const { return first_error_.empty() ? last_warning_ : first_error_; }

bool log_capture::mentions(const std::string& text) const { return errors_.find(text) != std::string::npos; }

void log_capture::add(enum ggml_log_level level, const std::string& text) {
  if (level == GGML_LOG_LEVEL_ERROR) {
    if (first_error_.empty()) first_error_ = text;
    constexpr size_t kept_characters = 8192;
    if (errors_.size() < kept_characters) errors_ += text + "\n";
    return;
  }
  if (level == GGML_LOG_LEVEL_WARN) last_warning_ = text;
  if (text.find("attn_rot_k = 1") != std::string::npos) rotates_keys_ = true;
  if (text.find("attn_rot_v = 1") != std::string::npos) rotates_values_ = true;
  for (const char* marker : {"KV buffer size =", "RS buffer size ="}) {
    const size_t at = text.find(marker);
    if (at == std::string::npos) continue;
    const double mebibytes = std::strtod(text.c_str() + at + std::string(marker).size(), nullptr);
    cache_bytes_ += static_cast<uint64_t>(std::llround(mebibytes * 1024 * 1024));
  }
}

namespace {

const char* level_name(enum ggml_log_level level) {
  switch (level) {
    case GGML_LOG_LEVEL_ERROR: return "error";
    case GGML_LOG_LEVEL_WARN: return "warning";
    case GGML_LOG_LEVEL_INFO: return "info";
    default: return "debug";
  }
}

// Without the line end; the dots that llama.cpp prints as loading progress become an empty text.
std::string trimmed(const char* text) {
  std::string message = text == nullptr ? "" : text;
  const size_t end = message.find_last_not_of(" \r\n\t");
  message.erase(end == std::string::npos ? 0 : end + 1);
  return message.find_first_not_of('.') == std::string::npos ? "" : message;
}

}  // namespace

}  // namespace precis
