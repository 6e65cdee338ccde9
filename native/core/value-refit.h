// Values for the kept cells of one KV head, such that attention over them alone gives what attention over all cells
// gave (the value step of Attention Matching, 2026, arXiv 2602.16284, with a pull towards the values that were there).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace precis {

struct refit_head {
  // [query][key_size], rotated, of all query heads of the KV head; attention is softmax(q · k / sqrt(key_size)).
  const float* queries = nullptr;
  size_t query_count = 0;
  // The rows of cell c begin at keys + c * key_stride and values + c * value_stride.
  const float* keys = nullptr;
  size_t key_stride = 0;
  size_t key_size = 0;
  const float* values = nullptr;
  size_t value_stride = 0;
  size_t value_size = 0;
  size_t cells = 0;
  const int32_t* kept = nullptr;  // indices of cells, ascending
  size_t kept_count = 0;
  // One byte for each kept cell, not 0: it takes part in the attention and keeps its value. Null: none is fixed.
  const uint8_t* fixed = nullptr;
  double ridge = 0;
};

// Bounds of refit_head::ridge, and of query_count * kept_count.
constexpr double min_ridge = 1e-6;
constexpr double max_ridge = 1e6;
constexpr size_t max_refit_products = size_t{1} << 26;

// [kept][value_size]: the X that minimises |A X - O|² + w |X - V|² over the rows of cells that are not fixed. O: outputs
// of attention over all cells; A: attention over the kept cells; V: their values; w: ridge times the mean of the
// diagonal of Aᵀ A, so that a cell which the queries hardly look at keeps its value. At least one query, cell and kept
// cell. Throws error(cancelled), or error(argument) where numbers are not finite or bounds are exceeded.
std::vector<float> refit_values(const refit_head& head, const std::atomic<bool>& cancelled);

}  // namespace precis
