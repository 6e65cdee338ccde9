// Buffered reading of an untrusted file; running out of bytes is error(model_truncated).
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "hash.h"

namespace precis {

class gguf_reader {
 public:
  explicit gguf_reader(const std::filesystem::path& file);

  uint64_t file_bytes() const { return file_bytes_; }
  uint64_t position() const { return position_; }
  uint64_t left() const { return file_bytes_ - position_; }

  template <class Value>
  Value value() {
    Value result;
    bytes(&result, sizeof(result));
    return result;
  }

  // A length-prefixed string; a length beyond the end of the file is a truncated file.
  std::string text();
  void skip_text() { skip(value<uint64_t>()); }
  void bytes(void* target, uint64_t count);
  void skip(uint64_t count);
  void seek(uint64_t position);

  // Hash of everything that was read or skipped since the beginning.
  const hash64& hash() const { return hash_; }

 private:
  void fill();

  std::ifstream stream_;
  uint64_t file_bytes_ = 0;
  uint64_t position_ = 0;
  std::vector<char> buffer_;
  size_t buffer_at_ = 0;
  size_t buffer_end_ = 0;
  hash64 hash_;
};

}  // namespace precis
