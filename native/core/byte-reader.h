// Reads numbers out of untrusted bytes, never past the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace precis {

class byte_reader {
 public:
  byte_reader(const uint8_t* bytes, size_t count) : bytes_(bytes), count_(count) {}

  size_t position() const { return position_; }
  size_t left() const { return count_ - position_; }

  template <class Value>
  Value value() {
    Value result;
    if (left() < sizeof(result)) throw std::runtime_error("the data ends too early");
    std::memcpy(&result, bytes_ + position_, sizeof(result));
    position_ += sizeof(result);
    return result;
  }

  // The beginning of `items` items of `item_bytes` bytes, which are skipped; safe against products that overflow.
  const uint8_t* skip(uint64_t items, uint64_t item_bytes) {
    if (item_bytes != 0 && items > left() / item_bytes) throw std::runtime_error("the data ends too early");
    const uint8_t* begin = bytes_ + position_;
    position_ += static_cast<size_t>(items * item_bytes);
    return begin;
  }

  // What byte_writer::text and byte_writer::list wrote.
  std::string text() {
    const auto length = value<uint32_t>();
    const uint8_t* begin = skip(length, 1);
    return std::string(begin, begin + length);
  }

  template <class Value>
  std::vector<Value> list() {
    const auto count = value<uint32_t>();
    const uint8_t* begin = skip(count, sizeof(Value));
    std::vector<Value> values(count);
    if (count > 0) std::memcpy(values.data(), begin, count * sizeof(Value));
    return values;
  }

 private:
  const uint8_t* bytes_;
  size_t count_;
  size_t position_ = 0;
};

}  // namespace precis
