#include "kv-refit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "error.h"
#include "kv-recode.h"
#include "value-refit.h"

namespace precis {

namespace {

constexpr float half_limit = 65504;

// Query heads per KV head. Throws error(argument) unless the query vectors have the shape of the state.
size_t query_group(const kv_shape& shape, const refit_options& options) {
  require(options.query_count > 0, "queryCount must be at least 1");
  constexpr size_t limit = std::numeric_limits<size_t>::max();
  const size_t per_group = static_cast<size_t>(shape.layers) * shape.kv_heads * shape.key_size;
  require(options.query_count <= limit / per_group, "queryCount is out of range");
  const size_t unit = per_group * options.query_count;
  const size_t group = options.query_vectors.size() / unit;
  require(group > 0 && group * unit == options.query_vectors.size(),
          "queryVectors must hold a vector for each layer, head and query");
  return group;
}

}  // namespace

kv_state refit_cells(const kv_state& state, const refit_options& options, const std::atomic<bool>& cancelled) {
  const kv_shape& shape = state.shape();
  kv_state result = select_cells(state, options.cells, options.positions);
  const size_t group = query_group(shape, options);
  const size_t kept = options.positions.size();
  require(options.fixed.empty() || options.fixed.size() == kept, "fixed must hold one byte for each position");
  require(options.ridge >= min_ridge && options.ridge <= max_ridge, "ridge must be 1e-6…1e6");
  if (kept == 0) return result;
  const size_t row_bytes = shape.kv_heads * result.value_bytes();
  for (size_t layer = 0; layer < shape.layers; layer++) {
    const std::vector<float> keys = read_keys(state, layer);
    const std::vector<float> values = read_values(state, layer);
    std::vector<float> refitted(kept * shape.kv_heads * shape.value_size);
    for (size_t head = 0; head < shape.kv_heads; head++) {
      const size_t row = layer * shape.kv_heads + head;
      refit_head task;
      task.query_count = group * options.query_count;
      task.queries = options.query_vectors.data() + row * task.query_count * shape.key_size;
      task.keys = keys.data() + head * shape.key_size;
      task.key_stride = shape.kv_heads * shape.key_size;
      task.key_size = shape.key_size;
      task.values = values.data() + head * shape.value_size;
      task.value_stride = shape.kv_heads * shape.value_size;
      task.value_size = shape.value_size;
      task.cells = state.cells();
      task.kept = options.cells.data() + row * kept;
      task.kept_count = kept;
      task.fixed = options.fixed.empty() ? nullptr : options.fixed.data();
      task.ridge = options.ridge;
      const std::vector<float> fitted = refit_values(task, cancelled);
      for (size_t cell = 0; cell < kept; cell++) {
        std::copy_n(fitted.begin() + static_cast<std::ptrdiff_t>(cell * shape.value_size), shape.value_size,
                    refitted.begin() + static_cast<std::ptrdiff_t>((cell * shape.kv_heads + head) * shape.value_size));
      }
    }
    require(state.encoding.type == GGML_TYPE_F32 ||
                std::all_of(refitted.begin(), refitted.end(), [](float value) { return std::abs(value) <= half_limit; }),
            "the refitted values are too large for the KV type; use a larger ridge");
    const std::vector<uint8_t> selected = result.values[layer];
    write_values(result, layer, refitted);
    // A fixed cell keeps its bytes: quantising twice would change them.
    for (size_t cell = 0; cell < options.fixed.size(); cell++) {
      if (options.fixed[cell] == 0) continue;
      const auto at = static_cast<std::ptrdiff_t>(cell * row_bytes);
      std::copy_n(selected.begin() + at, row_bytes, result.values[layer].begin() + at);
    }
  }
  return result;
}

}  // namespace precis
