#include "positions.h"

#include <algorithm>

namespace precis {

void position_set::append(int32_t from, int32_t to) {
  if (from >= to) return;
  if (!ranges_.empty() && ranges_.back().to == from) {
    ranges_.back().to = to;
  } else {
    ranges_.push_back({from, to});
  }
}

void position_set::remove(int32_t from, int32_t to) {
  std::vector<position_range> kept;
  for (const position_range& range : ranges_) {
    const position_range before{range.from, std::min(range.to, from)};
    const position_range after{std::max(range.from, to), range.to};
    if (before.from < before.to) kept.push_back(before);
    if (after.from < after.to) kept.push_back(after);
  }
  ranges_ = std::move(kept);
}

int64_t position_set::count() const {
  int64_t count = 0;
  for (const position_range& range : ranges_) count += range.to - range.from;
  return count;
}

}  // namespace precis
