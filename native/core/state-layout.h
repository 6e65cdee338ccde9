// Walks llama.cpp's state data of one sequence (plain cache; layout in llama-kv-cache.cpp, state_write_*):
//   u32 magic, i32 sequence, u32 streams
//   per stream: u32 cells; when not 0: per cell i32 position, u32 1, i32 sequence; u32 v_transposed, u32 layers
//     per layer: i32 K type, u64 row bytes, cells rows
//     per layer again: plain: i32 V type, u64 row bytes, cells rows
//                       transposed: i32 V type, u32 element bytes, u32 width, width x cells elements
// Numbers are in the byte order of the host. Models that derive V from K (MLA) write no V part: they are not handled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace precis {

struct state_layout {
  std::vector<int32_t> positions;
  // The bytes [begin, end) of the only stream with cells, from its cell count on; empty when the sequence is.
  size_t begin = 0;
  size_t end = 0;
};

// Throws std::runtime_error that says what is wrong: not this layout, more than `max_cells` cells, sections that do
// not add up to `count` bytes, K or V not of `kv_type`.
state_layout read_state_layout(const uint8_t* bytes, size_t count, uint32_t max_cells, int32_t kv_type);

constexpr uint32_t state_magic = 0xaf143cd8;

}  // namespace precis
