#include "state-layout.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "byte-reader.h"

namespace precis {

namespace {

// Far above any model; keeps a forged count from costing time.
constexpr uint32_t max_layers = 4096;
constexpr uint32_t max_streams = 256;

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error(why); }

void check_type(int32_t type, int32_t wanted) {
  if (type != wanted) refuse("its cache type is " + std::to_string(type) + ", not " + std::to_string(wanted));
}

std::vector<int32_t> read_positions(byte_reader& reader, uint32_t cells) {
  std::vector<int32_t> positions;
  for (uint32_t i = 0; i < cells; i++) {
    const auto position = reader.value<int32_t>();
    if (position < 0 || position == std::numeric_limits<int32_t>::max()) refuse("a cell has a bad position");
    if (reader.value<uint32_t>() != 1) refuse("a cell belongs to several sequences");
    reader.value<int32_t>();
    positions.push_back(position);
  }
  std::sort(positions.begin(), positions.end());
  if (std::adjacent_find(positions.begin(), positions.end()) != positions.end()) refuse("two cells have one position");
  return positions;
}

void skip_layers(byte_reader& reader, uint32_t cells, int32_t kv_type) {
  const auto transposed = reader.value<uint32_t>();
  const auto layers = reader.value<uint32_t>();
  if (transposed > 1) refuse("unknown order of values");
  if (layers == 0 || layers > max_layers) refuse("implausible number of layers");
  for (uint32_t i = 0; i < layers; i++) {
    check_type(reader.value<int32_t>(), kv_type);
    reader.skip(cells, reader.value<uint64_t>());
  }
  for (uint32_t i = 0; i < layers; i++) {
    check_type(reader.value<int32_t>(), kv_type);
    if (transposed == 0) {
      reader.skip(cells, reader.value<uint64_t>());
    } else {
      const uint64_t element_bytes = reader.value<uint32_t>();
      const uint64_t width = reader.value<uint32_t>();
      reader.skip(width * element_bytes, cells);
    }
  }
}

}  // namespace

state_layout read_state_layout(const uint8_t* bytes, size_t count, uint32_t max_cells, int32_t kv_type) {
  byte_reader reader(bytes, count);
  if (reader.value<uint32_t>() != state_magic) refuse("it is no llama.cpp state of a sequence");
  reader.value<int32_t>();
  const auto streams = reader.value<uint32_t>();
  if (streams == 0 || streams > max_streams) refuse("implausible number of streams");
  state_layout layout;
  for (uint32_t stream = 0; stream < streams; stream++) {
    const size_t begin = reader.position();
    const auto cells = reader.value<uint32_t>();
    if (cells == 0) continue;
    if (!layout.positions.empty()) refuse("its cells are in several streams");
    if (cells > max_cells) {
      refuse("it has " + std::to_string(cells) + " cells, there is room for " + std::to_string(max_cells));
    }
    layout.positions = read_positions(reader, cells);
    skip_layers(reader, cells, kv_type);
    layout.begin = begin;
    layout.end = reader.position();
  }
  if (reader.left() != 0) refuse("there are " + std::to_string(reader.left()) + " bytes too many");
  return layout;
}

}  // namespace precis
