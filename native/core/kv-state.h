// Cells of one sequence outside of llama.cpp, in one order whatever context they came from: positions ascending, for
// each layer rows of keys and rows of values. A state never changes once made, so threads may share it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kv-model.h"

namespace precis {

// How rows are stored. llama.cpp multiplies what it quantises by a Hadamard matrix (blocks of this many values of a
// head), which spreads outliers; 0: it does not.
struct kv_encoding {
  enum ggml_type type = GGML_TYPE_F16;  // f16, f32, q8_0 or q4_0
  uint32_t key_rotation = 0;
  uint32_t value_rotation = 0;

  bool operator==(const kv_encoding& other) const {
    return type == other.type && key_rotation == other.key_rotation && value_rotation == other.value_rotation;
  }
};

// Throws error(argument) for a name that is not f16, f32, q8_0 or q4_0.
enum ggml_type kv_type_of(const std::string& name);
std::string kv_type_name(enum ggml_type type);
bool is_quantised(enum ggml_type type);

// What llama.cpp uses for a cache of this type (llama-kv-cache.cpp: attn_rot_k, build_input_k_rot, build_input_v_rot);
// `rotates_keys` and `rotates_values`: whether it rotates at all. Throws error(model_unsupported) where heads of this
// size cannot be of the type.
kv_encoding encoding_of(const kv_shape& shape, enum ggml_type type, bool rotates_keys = true, bool rotates_values = true);

// Positions beyond this are refused everywhere, so that sums of two never overflow.
constexpr int32_t max_position = (1 << 30) - 1;

struct kv_state {
  std::shared_ptr<const kv_model> model;
  kv_encoding encoding;
  std::vector<int32_t> positions;             // one per cell, ascending, 0…max_position
  std::vector<std::vector<uint8_t>> keys;     // per layer: [cell][KV head][key_size], encoded
  std::vector<std::vector<uint8_t>> values;   // per layer: [cell][KV head][value_size], encoded

  // With room for the rows of all cells, zero.
  kv_state(std::shared_ptr<const kv_model> model, kv_encoding encoding, std::vector<int32_t> positions);

  const kv_shape& shape() const { return model->shape; }
  size_t cells() const { return positions.size(); }
  // Of one KV head of one cell.
  size_t key_bytes() const { return head_bytes(shape().key_size); }
  size_t value_bytes() const { return head_bytes(shape().value_size); }
  // Of all rows.
  size_t bytes() const;

 private:
  size_t head_bytes(uint32_t size) const;
};

// Other cells for each layer and KV head. cells: [layer][KV head][kept], each row ascending; positions: [kept],
// ascending. Throws error(argument | model_unsupported).
kv_state select_cells(const kv_state& state, const std::vector<int32_t>& cells, const std::vector<int32_t>& positions);

// Cells with positions in [from, to).
kv_state slice_positions(const kv_state& state, int32_t from, int32_t to);

// One after another: all of one model and encoding, positions ascending over the joints. Throws error(argument).
kv_state join_states(const std::vector<std::shared_ptr<const kv_state>>& states);

}  // namespace precis
