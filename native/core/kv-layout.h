// llama.cpp's state data of one sequence (plain cache; layout in llama-kv-cache.cpp, state_write_* and state_read_*):
//   u32 magic, i32 sequence, u32 streams
//   per stream: u32 cells; when not 0: per cell i32 position, u32 1, i32 sequence; u32 v_transposed, u32 layers
//     per layer: i32 K type, u64 row bytes, cells rows
//     per layer again: plain: i32 V type, u64 row bytes, cells rows
//                       transposed: i32 V type, u32 element bytes, u32 width, width x cells elements
// Numbers are in the byte order of the host. Cells are in the order of the cache, not of their positions. Models that
// derive V from K (MLA) write no V part: they are not handled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kv-state.h"

namespace precis {

constexpr uint32_t llama_state_magic = 0xaf143cd8;

// The cells with positions in [from, to). Throws std::runtime_error that says what is wrong: not this layout, sections
// that do not add up to `count` bytes, rows that are not as `model` and `encoding` say, repeated positions.
kv_state parse_llama_state(const uint8_t* bytes, size_t count, std::shared_ptr<const kv_model> model,
                           const kv_encoding& encoding, int32_t from, int32_t to);

// For llama_state_seq_set_data in a context whose cache has `streams` streams and keeps values `transposed` (only f16
// and f32 can be). The state must have cells.
std::vector<uint8_t> compose_llama_state(const kv_state& state, bool transposed, uint32_t streams);

}  // namespace precis
