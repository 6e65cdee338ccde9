// The positions that a sequence holds, as disjoint ranges. llama.cpp tells only the first and the last one.
#pragma once

#include <cstdint>
#include <vector>

namespace precis {

struct position_range {
  int32_t from;  // inclusive
  int32_t to;    // exclusive
};

class position_set {
 public:
  // The range must lie behind all positions held so far.
  void append(int32_t from, int32_t to);
  void remove(int32_t from, int32_t to);
  void clear() { ranges_.clear(); }

  int64_t count() const;
  // Last position + 1; 0 when empty.
  int32_t next() const { return ranges_.empty() ? 0 : ranges_.back().to; }

 private:
  std::vector<position_range> ranges_;
};

}  // namespace precis
