#include "kv-recode.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "error.h"

namespace precis {

namespace {

struct rotation_pair {
  uint32_t first, second;  // indices of values in a head
  float cosine, sine;
};

std::vector<float> decode(const std::vector<uint8_t>& rows, enum ggml_type type, uint32_t size, uint32_t rotation);
void encode(const std::vector<float>& numbers, std::vector<uint8_t>& rows, enum ggml_type type, uint32_t size,
            uint32_t rotation);
std::vector<rotation_pair> rotation_by(const kv_rope& rope, int64_t by);

}  // namespace

std::vector<float> read_keys(const kv_state& state, size_t layer) {
  return decode(state.keys[layer], state.encoding.type, state.shape().key_size, state.encoding.key_rotation);
}

std::vector<float> read_values(const kv_state& state, size_t layer) {
  return decode(state.values[layer], state.encoding.type, state.shape().value_size, state.encoding.value_rotation);
}

void write_keys(kv_state& state, size_t layer, const std::vector<float>& numbers) {
  encode(numbers, state.keys[layer], state.encoding.type, state.shape().key_size, state.encoding.key_rotation);
}

void write_values(kv_state& state, size_t layer, const std::vector<float>& numbers) {
  encode(numbers, state.values[layer], state.encoding.type, state.shape().value_size, state.encoding.value_rotation);
}

kv_state recode(const kv_state& state, const kv_encoding& encoding) {
  if (encoding == state.encoding) return state;
  kv_state result(state.model, encoding, state.positions);
  for (size_t layer = 0; layer < result.keys.size(); layer++) {
    write_keys(result, layer, read_keys(state, layer));
    write_values(result, layer, read_values(state, layer));
  }
  return result;
}

kv_state shift_positions(const kv_state& state, int64_t by) {
  const kv_rope& rope = state.model->rope;
  if (!rope.refusal.empty()) {
    throw error(error_code::model_unsupported,
                "keys of " + state.model->architecture + " cannot be moved: " + rope.refusal);
  }
  const bool fits = state.cells() == 0 || (state.positions.front() + by >= 0 && state.positions.back() + by <= max_position);
  require(fits, "positions must stay 0…1,073,741,823");
  kv_state result = is_quantised(state.encoding.type) ? recode(state, {GGML_TYPE_F16, 0, 0}) : state;
  for (int32_t& position : result.positions) position = static_cast<int32_t>(position + by);
  const std::vector<rotation_pair> rotation = rotation_by(rope, by);
  for (size_t layer = 0; layer < result.keys.size(); layer++) {
    std::vector<float> numbers = read_keys(state, layer);
    for (size_t head = 0; head < numbers.size(); head += state.shape().key_size) {
      for (const rotation_pair& pair : rotation) {
        float& first = numbers[head + pair.first];
        float& second = numbers[head + pair.second];
        const float turned = first * pair.cosine - second * pair.sine;
        second = first * pair.sine + second * pair.cosine;
        first = turned;
      }
    }
    write_keys(result, layer, numbers);
  }
  return result;
}

namespace {

// Multiplies blocks of `size` values by the orthonormal Hadamard matrix (its own inverse), as the fast Walsh-Hadamard
// transform does it.
void rotate(std::vector<float>& numbers, uint32_t size) {
  if (size == 0) return;
  const float scale = 1 / std::sqrt(static_cast<float>(size));
  for (size_t block = 0; block < numbers.size(); block += size) {
    float* values = numbers.data() + block;
    for (uint32_t half = 1; half < size; half *= 2) {
      for (uint32_t begin = 0; begin < size; begin += 2 * half) {
        for (uint32_t i = begin; i < begin + half; i++) {
          const float sum = values[i] + values[i + half];
          values[i + half] = values[i] - values[i + half];
          values[i] = sum;
        }
      }
    }
    for (uint32_t i = 0; i < size; i++) values[i] *= scale;
  }
}

std::vector<float> decode(const std::vector<uint8_t>& rows, enum ggml_type type, uint32_t size, uint32_t rotation) {
  const size_t head_bytes = size / static_cast<size_t>(llama().ggml_blck_size(type)) * llama().ggml_type_size(type);
  std::vector<float> numbers(rows.size() / head_bytes * size);
  if (numbers.empty()) return numbers;
  if (type == GGML_TYPE_F32) {
    std::memcpy(numbers.data(), rows.data(), rows.size());
  } else {
    llama().ggml_get_type_traits(type)->to_float(rows.data(), numbers.data(), static_cast<int64_t>(numbers.size()));
  }
  rotate(numbers, rotation);
  return numbers;
}

void encode(const std::vector<float>& numbers, std::vector<uint8_t>& rows, enum ggml_type type, uint32_t size,
            uint32_t rotation) {
  const size_t head_bytes = size / static_cast<size_t>(llama().ggml_blck_size(type)) * llama().ggml_type_size(type);
  require(numbers.size() / size * head_bytes == rows.size() && numbers.size() % size == 0, "the numbers do not fill the layer");
  if (numbers.empty()) return;
  std::vector<float> rotated;
  if (rotation != 0) {
    rotated = numbers;
    rotate(rotated, rotation);
  }
  const float* from = rotation != 0 ? rotated.data() : numbers.data();
  if (type == GGML_TYPE_F32) {
    std::memcpy(rows.data(), from, rows.size());
  } else {
    llama().ggml_get_type_traits(type)->from_float_ref(from, rows.data(), static_cast<int64_t>(numbers.size()));
  }
}

// Rotations add up, so one by the difference of positions moves a key (ggml/src/ggml-cpu/ops.cpp, rotate_pairs).
std::vector<rotation_pair> rotation_by(const kv_rope& rope, int64_t by) {
  std::vector<rotation_pair> pairs;
  const uint32_t count = rope.dimensions / 2;
  for (uint32_t i = 0; i < count; i++) {
    const double factor = rope.factors.empty() ? 1.0 : rope.factors[i];
    const double turn = std::pow(static_cast<double>(rope.base), -2.0 * i / rope.dimensions) * rope.scale / factor;
    const double angle = static_cast<double>(by) * turn;
    const bool halves = rope.type == LLAMA_ROPE_TYPE_NEOX;
    pairs.push_back({halves ? i : 2 * i, halves ? i + count : 2 * i + 1, static_cast<float>(std::cos(angle)),
                     static_cast<float>(std::sin(angle))});
  }
  return pairs;
}

}  // namespace

}  // namespace precis
