#include "gguf-reader.h"

#include <algorithm>

#include "error.h"

namespace precis {

namespace {
constexpr size_t buffer_bytes = 256 * 1024;
}

gguf_reader::gguf_reader(const std::filesystem::path& file) : buffer_(buffer_bytes) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(file, failure)) {
    throw error(error_code::model_missing, "there is no file " + file.u8string());
  }
  file_bytes_ = std::filesystem::file_size(file, failure);
  stream_.open(file, std::ios::binary);
  if (failure || !stream_) throw error(error_code::model_missing, file.u8string() + " cannot be read");
}

std::string gguf_reader::text() {
  const auto length = value<uint64_t>();
  if (length > left()) throw error(error_code::model_truncated, "the file ends inside a string of its header");
  std::string result(static_cast<size_t>(length), '\0');
  bytes(result.data(), length);
  return result;
}

void gguf_reader::bytes(void* target, uint64_t count) {
  if (count > left()) throw error(error_code::model_truncated, "the file ends inside its header");
  auto* to = static_cast<char*>(target);
  while (count > 0) {
    if (buffer_at_ == buffer_end_) fill();
    const size_t part = static_cast<size_t>(std::min<uint64_t>(count, buffer_end_ - buffer_at_));
    std::copy_n(buffer_.data() + buffer_at_, part, to);
    hash_.add(buffer_.data() + buffer_at_, part);
    buffer_at_ += part;
    position_ += part;
    to += part;
    count -= part;
  }
}

void gguf_reader::skip(uint64_t count) {
  if (count > left()) throw error(error_code::model_truncated, "the file ends inside its header");
  while (count > 0) {
    if (buffer_at_ == buffer_end_) fill();
    const size_t part = static_cast<size_t>(std::min<uint64_t>(count, buffer_end_ - buffer_at_));
    hash_.add(buffer_.data() + buffer_at_, part);
    buffer_at_ += part;
    position_ += part;
    count -= part;
  }
}

void gguf_reader::seek(uint64_t position) {
  stream_.clear();
  stream_.seekg(static_cast<std::streamoff>(position));
  position_ = position;
  buffer_at_ = buffer_end_ = 0;
}

void gguf_reader::fill() {
  stream_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  buffer_at_ = 0;
  buffer_end_ = static_cast<size_t>(stream_.gcount());
  if (buffer_end_ == 0) throw error(error_code::model_truncated, "the file became shorter while it was read");
}

}  // namespace precis
