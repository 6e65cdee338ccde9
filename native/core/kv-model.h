// What a captured cache has to know about the model that made it. Outlives the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gguf-header.h"
#include "library.h"

namespace precis {

// Of every layer; sizes are values per KV head.
struct kv_shape {
  uint32_t layers = 0;
  uint32_t kv_heads = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;

  bool operator==(const kv_shape& other) const {
    return layers == other.layers && kv_heads == other.kv_heads && key_size == other.key_size && value_size == other.value_size;
  }
};

// Rotary position embedding: pair i of a key turns by position * scale * base^(-2i / dimensions) / factors[i].
struct kv_rope {
  int32_t type = LLAMA_ROPE_TYPE_NONE;  // NORM: pairs are neighbours; NEOX: `dimensions` / 2 apart
  uint32_t dimensions = 0;              // the first ones of each head
  float base = 0;
  float scale = 0;
  std::vector<float> factors;  // empty: all 1
  std::string refusal;         // why keys cannot be rotated further; empty when they can
};

struct kv_model {
  uint64_t fingerprint = 0;
  std::string architecture;
  kv_shape shape;
  kv_rope rope;
  // The kind of cache that cannot be taken apart; empty for the plain one: one cache, one position per cell, no window.
  std::string refusal;
};

kv_model describe_kv_model(const llama_model* model, const gguf_header& header);

}  // namespace precis
