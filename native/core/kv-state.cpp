#include "kv-state.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "error.h"

namespace precis {

namespace {

const std::map<std::string, enum ggml_type> kv_types = {
    {"f16", GGML_TYPE_F16}, {"f32", GGML_TYPE_F32}, {"q8_0", GGML_TYPE_Q8_0}, {"q4_0", GGML_TYPE_Q4_0}};

constexpr uint32_t smallest_rotation = 64;

void require_ascending(const std::vector<int32_t>& numbers, const char* what) {
  for (size_t i = 1; i < numbers.size(); i++) {
    require(numbers[i - 1] < numbers[i], std::string(what) + " must be ascending");
  }
}

void require_positions(const std::vector<int32_t>& positions) {
  require_ascending(positions, "positions");
  if (positions.empty()) return;
  require(positions.front() >= 0 && positions.back() <= max_position, "positions must be 0…1,073,741,823");
}

void gather(const std::vector<uint8_t>& from, std::vector<uint8_t>& to, const int32_t* cells, size_t kept, uint32_t head,
            uint32_t heads, size_t head_bytes) {
  for (size_t i = 0; i < kept; i++) {
    std::memcpy(to.data() + (i * heads + head) * head_bytes,
                from.data() + (static_cast<size_t>(cells[i]) * heads + head) * head_bytes, head_bytes);
  }
}

}  // namespace

enum ggml_type kv_type_of(const std::string& name) {
  const auto found = kv_types.find(name);
  require(found != kv_types.end(), "kvType must be f16, f32, q8_0 or q4_0");
  return found->second;
}

std::string kv_type_name(enum ggml_type type) {
  for (const auto& [name, known] : kv_types) {
    if (known == type) return name;
  }
  return "type " + std::to_string(static_cast<int>(type));
}

bool is_quantised(enum ggml_type type) { return type == GGML_TYPE_Q8_0 || type == GGML_TYPE_Q4_0; }

kv_encoding encoding_of(const kv_shape& shape, enum ggml_type type, bool rotates_keys, bool rotates_values) {
  kv_encoding encoding{type, 0, 0};
  if (!is_quantised(type)) return encoding;
  const auto block = static_cast<uint32_t>(llama().ggml_blck_size(type));
  if (shape.key_size % block != 0 || shape.value_size % block != 0) {
    throw error(error_code::model_unsupported, "heads of " + std::to_string(shape.key_size) + " and " +
                                                   std::to_string(shape.value_size) + " values cannot be " + kv_type_name(type));
  }
  if (rotates_keys && shape.key_size % smallest_rotation == 0) {
    encoding.key_rotation = smallest_rotation;
    while (shape.key_size % (encoding.key_rotation * 2) == 0) encoding.key_rotation *= 2;
  }
  if (rotates_values && shape.value_size % smallest_rotation == 0) encoding.value_rotation = smallest_rotation;
  return encoding;
}

kv_state::kv_state(std::shared_ptr<const kv_model> of_model, kv_encoding with_encoding, std::vector<int32_t> at)
    : model(std::move(of_model)), encoding(with_encoding), positions(std::move(at)) {
  const size_t rows = cells() * shape().kv_heads;
  keys.resize(shape().layers);
  values.resize(shape().layers);
  for (std::vector<uint8_t>& layer : keys) layer.resize(rows * key_bytes());
  for (std::vector<uint8_t>& layer : values) layer.resize(rows * value_bytes());
}

size_t kv_state::bytes() const {
  return cells() * shape().layers * shape().kv_heads * (key_bytes() + value_bytes());
}

size_t kv_state::head_bytes(uint32_t size) const {
  return size / static_cast<size_t>(llama().ggml_blck_size(encoding.type)) * llama().ggml_type_size(encoding.type);
}

kv_state select_cells(const kv_state& state, const std::vector<int32_t>& cells, const std::vector<int32_t>& positions) {
  const kv_shape& shape = state.shape();
  if (state.model->rope.type == LLAMA_ROPE_TYPE_NONE) {
    throw error(error_code::model_unsupported,
                "cells of " + state.model->architecture + " cannot be regrouped: it does not rotate its keys");
  }
  require_positions(positions);
  const size_t kept = positions.size();
  const size_t rows = static_cast<size_t>(shape.layers) * shape.kv_heads;
  require(kept <= state.cells(), "there are more positions than cells");
  require(cells.size() == rows * kept, "cells must hold one index for each layer, KV head and position");
  for (size_t at = 0; at < cells.size(); at++) {
    require(cells[at] >= 0 && static_cast<size_t>(cells[at]) < state.cells(), "a cell is out of range");
    require(at % kept == 0 || cells[at - 1] < cells[at], "cells must be ascending for each layer and KV head");
  }
  kv_state result(state.model, state.encoding, positions);
  for (size_t row = 0; row < rows; row++) {
    const auto layer = row / shape.kv_heads;
    const auto head = static_cast<uint32_t>(row % shape.kv_heads);
    const int32_t* chosen = cells.data() + row * kept;
    gather(state.keys[layer], result.keys[layer], chosen, kept, head, shape.kv_heads, state.key_bytes());
    gather(state.values[layer], result.values[layer], chosen, kept, head, shape.kv_heads, state.value_bytes());
  }
  return result;
}

kv_state slice_positions(const kv_state& state, int32_t from, int32_t to) {
  require(from >= 0 && to >= from, "from must not be negative, and to not smaller than from");
  const auto begin = std::lower_bound(state.positions.begin(), state.positions.end(), from);
  const auto end = std::lower_bound(begin, state.positions.end(), to);
  const auto first = static_cast<size_t>(begin - state.positions.begin());
  kv_state result(state.model, state.encoding, std::vector<int32_t>(begin, end));
  const size_t key_row = state.key_bytes() * state.shape().kv_heads;
  const size_t value_row = state.value_bytes() * state.shape().kv_heads;
  for (size_t layer = 0; layer < state.keys.size(); layer++) {
    std::copy_n(state.keys[layer].begin() + static_cast<std::ptrdiff_t>(first * key_row), result.keys[layer].size(),
                result.keys[layer].begin());
    std::copy_n(state.values[layer].begin() + static_cast<std::ptrdiff_t>(first * value_row), result.values[layer].size(),
                result.values[layer].begin());
  }
  return result;
}

kv_state join_states(const std::vector<std::shared_ptr<const kv_state>>& states) {
  require(!states.empty(), "there is nothing to join");
  const kv_state& first = *states.front();
  std::vector<int32_t> positions;
  for (const auto& state : states) {
    require(state->model->fingerprint == first.model->fingerprint && state->shape() == first.shape(),
            "the states belong to different models");
    require(state->encoding == first.encoding, "the states are of different KV types");
    positions.insert(positions.end(), state->positions.begin(), state->positions.end());
  }
  require_ascending(positions, "positions over all states");
  kv_state result(first.model, first.encoding, std::move(positions));
  for (size_t layer = 0; layer < result.keys.size(); layer++) {
    auto key = result.keys[layer].begin();
    auto value = result.values[layer].begin();
    for (const auto& state : states) {
      key = std::copy(state->keys[layer].begin(), state->keys[layer].end(), key);
      value = std::copy(state->values[layer].begin(), state->values[layer].end(), value);
    }
  }
  return result;
}

}  // namespace precis
