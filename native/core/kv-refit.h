// Fewer cells with values that make up for the others.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "kv-state.h"

namespace precis {

struct refit_options {
  std::vector<int32_t> cells;        // [layer][KV head][kept], as for select_cells
  std::vector<int32_t> positions;    // [kept]
  std::vector<float> query_vectors;  // [layer][head][query][key size], as attention sees them; heads in groups
  size_t query_count = 0;
  std::vector<uint8_t> fixed;  // [kept], not 0: the cell keeps its value; empty: none
  double ridge = 0;            // see value-refit.h
};

// Like select_cells, with values by refit_values for each layer and KV head. Throws error(argument | model_unsupported |
// cancelled).
kv_state refit_cells(const kv_state& state, const refit_options& options, const std::atomic<bool>& cancelled);

}  // namespace precis
