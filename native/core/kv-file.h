// A captured state as bytes for a file. The bytes that come back are untrusted: everything is checked before anything is
// allocated by it. Layout, numbers in the byte order of the host, texts and lists preceded by a u32 count:
//   8 bytes magic, u32 format version, u64 checksum of everything behind it
//   text llama.cpp release; u64 model fingerprint; text architecture; u32 layers, KV heads, key size, value size
//   i32 RoPE type; u32 dimensions; f32 base; f32 scale; u64 hash of the factors
//   text KV type; u32 key rotation; u32 value rotation (kv_encoding)
//   u64 hash of the tokens; list of i32 tokens; list of i32 segments; list of i32 positions
//   per layer all key rows; per layer all value rows (kv_state)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kv-state.h"

namespace precis {

struct kv_file {
  kv_state state;
  std::vector<int32_t> tokens;    // what the cells were read from; the caller's
  std::vector<int32_t> segments;  // the caller's
};

constexpr uint32_t kv_file_version = 2;

std::vector<uint8_t> encode_kv_file(const kv_state& state, const std::vector<int32_t>& tokens,
                                    const std::vector<int32_t>& segments);

// Throws error(blob_invalid) and says why: damaged, of another model, release or format version; error(model_unsupported)
// for a model whose cache cannot be taken apart.
kv_file decode_kv_file(const std::shared_ptr<const kv_model>& model, const uint8_t* bytes, size_t count);

}  // namespace precis
