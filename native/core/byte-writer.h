// Builds a sequence of bytes out of numbers in the byte order of the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace precis {

class byte_writer {
 public:
  void reserve(size_t count) { bytes_.reserve(count); }
  size_t size() const { return bytes_.size(); }

  template <class Value>
  void put(Value value) {
    std::memcpy(space(sizeof(value)), &value, sizeof(value));
  }

  void bytes(const std::vector<uint8_t>& from) { bytes_.insert(bytes_.end(), from.begin(), from.end()); }

  // Preceded by its length.
  void text(const std::string& from) {
    put(static_cast<uint32_t>(from.size()));
    bytes_.insert(bytes_.end(), from.begin(), from.end());
  }

  // Preceded by their number.
  template <class Value>
  void list(const std::vector<Value>& from) {
    put(static_cast<uint32_t>(from.size()));
    if (!from.empty()) std::memcpy(space(from.size() * sizeof(Value)), from.data(), from.size() * sizeof(Value));
  }

  // Room for the next `count` bytes; valid until more is written.
  uint8_t* space(size_t count) {
    bytes_.resize(bytes_.size() + count);
    return bytes_.data() + bytes_.size() - count;
  }

  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace precis
