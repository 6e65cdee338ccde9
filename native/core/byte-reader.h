// Reads numbers out of untrusted bytes, never past the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>

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

  // Skips `items` items of `item_bytes` bytes; safe against products that overflow.
  void skip(uint64_t items, uint64_t item_bytes) {
    if (item_bytes != 0 && items > left() / item_bytes) throw std::runtime_error("the data ends too early");
    position_ += static_cast<size_t>(items * item_bytes);
  }

 private:
  const uint8_t* bytes_;
  size_t count_;
  size_t position_ = 0;
};

}  // namespace precis
