// States made by hand, for the tests that need no model.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "check.h"
#include "kv-recode.h"
#include "kv-state.h"

namespace precis_test {

inline std::shared_ptr<const precis::kv_model> made_model(precis::kv_shape shape = {2, 2, 64, 64}) {
  precis::open_library(given.libraries);
  precis::kv_model made;
  made.fingerprint = 0x1234;
  made.architecture = "llama";
  made.shape = shape;
  made.rope = {LLAMA_ROPE_TYPE_NORM, shape.key_size, 10000, 1, {}, ""};
  return std::make_shared<const precis::kv_model>(made);
}

// Normally distributed keys and values.
inline precis::kv_state made_state(const std::shared_ptr<const precis::kv_model>& model, enum ggml_type type,
                                   std::vector<int32_t> positions, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  precis::kv_state state(model, precis::encoding_of(model->shape, type), std::move(positions));
  const size_t rows = state.cells() * model->shape.kv_heads;
  for (size_t layer = 0; layer < model->shape.layers; layer++) {
    std::vector<float> keys(rows * model->shape.key_size);
    std::vector<float> values(rows * model->shape.value_size);
    for (float& number : keys) number = normal(random);
    for (float& number : values) number = normal(random);
    precis::write_keys(state, layer, keys);
    precis::write_values(state, layer, values);
  }
  return state;
}

inline bool equal_states(const precis::kv_state& a, const precis::kv_state& b) {
  return a.encoding == b.encoding && a.positions == b.positions && a.keys == b.keys && a.values == b.values;
}

}  // namespace precis_test
