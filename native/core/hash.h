// A fast 64-bit content hash, for fingerprints and checksums. Not cryptographic: it finds damage, not an attacker;
// forged data is caught by the structural checks that follow it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace precis {

class hash64 {
 public:
  void add(const void* bytes, size_t count) {
    const auto* from = static_cast<const unsigned char*>(bytes);
    for (; count >= 8; from += 8, count -= 8) {
      uint64_t word;
      std::memcpy(&word, from, 8);
      mix(word);
    }
    if (count == 0) return;
    uint64_t word = 0;
    std::memcpy(&word, from, count);
    mix(word ^ (static_cast<uint64_t>(count) << 56));
  }

  template <class Value>
  void add_value(const Value& value) {
    add(&value, sizeof(value));
  }

  uint64_t value() const {
    uint64_t mixed = state_;
    mixed ^= mixed >> 32;
    mixed *= odd_a;
    return mixed ^ (mixed >> 29);
  }

 private:
  static constexpr uint64_t odd_a = 0x9e3779b97f4a7c15;
  static constexpr uint64_t odd_b = 0xc2b2ae3d27d4eb4f;

  void mix(uint64_t word) {
    const uint64_t mixed = (state_ ^ word) * odd_a;
    state_ = ((mixed << 29) | (mixed >> 35)) * odd_b + 1;
  }

  uint64_t state_ = odd_b;
};

}  // namespace precis
