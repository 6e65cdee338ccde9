#include "kv-layout.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "byte-reader.h"
#include "byte-writer.h"

namespace precis {

namespace {

constexpr uint32_t max_streams = 256;

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error(why); }

// One stream's cells, before their rows are copied.
struct cell_list {
  std::vector<int32_t> positions;  // of the wanted cells, ascending
  std::vector<uint32_t> order;     // their indices in the data
  size_t count = 0;                // of all cells in the data
};

cell_list parse_cells(byte_reader& reader, uint32_t cells, int32_t from, int32_t to);
void parse_type(byte_reader& reader, enum ggml_type type);
void parse_rows(byte_reader& reader, const cell_list& cells, std::vector<uint8_t>& rows, size_t row_bytes);
void parse_columns(byte_reader& reader, const cell_list& cells, std::vector<uint8_t>& rows, enum ggml_type type, size_t width);
size_t row_bytes_of(const std::vector<uint8_t>& rows, const kv_state& state);
void compose_columns(byte_writer& writer, const std::vector<uint8_t>& rows, size_t cells, size_t width, size_t element);

}  // namespace

kv_state parse_llama_state(const uint8_t* bytes, size_t count, std::shared_ptr<const kv_model> model,
                           const kv_encoding& encoding, int32_t from, int32_t to) {
  byte_reader reader(bytes, count);
  if (reader.value<uint32_t>() != llama_state_magic) refuse("it is no llama.cpp state of a sequence");
  reader.value<int32_t>();
  const auto streams = reader.value<uint32_t>();
  if (streams == 0 || streams > max_streams) refuse("implausible number of streams");
  kv_state state(std::move(model), encoding, {});
  bool filled = false;
  for (uint32_t stream = 0; stream < streams; stream++) {
    const auto cells = reader.value<uint32_t>();
    if (cells == 0) continue;
    if (filled) refuse("its cells are in several streams");
    filled = true;
    const cell_list wanted = parse_cells(reader, cells, from, to);
    const auto transposed = reader.value<uint32_t>();
    if (transposed > 1) refuse("unknown order of values");
    if (transposed == 1 && is_quantised(encoding.type)) refuse("quantised values are transposed");
    const auto layers = reader.value<uint32_t>();
    if (layers != state.shape().layers) refuse("it has " + std::to_string(layers) + " layers");
    state = kv_state(state.model, encoding, wanted.positions);
    const size_t heads = state.shape().kv_heads;
    for (std::vector<uint8_t>& rows : state.keys) {
      parse_type(reader, encoding.type);
      parse_rows(reader, wanted, rows, heads * state.key_bytes());
    }
    for (std::vector<uint8_t>& rows : state.values) {
      parse_type(reader, encoding.type);
      if (transposed == 1) {
        parse_columns(reader, wanted, rows, encoding.type, heads * state.shape().value_size);
      } else {
        parse_rows(reader, wanted, rows, heads * state.value_bytes());
      }
    }
  }
  if (reader.left() != 0) refuse("there are " + std::to_string(reader.left()) + " bytes too many");
  return state;
}

std::vector<uint8_t> compose_llama_state(const kv_state& state, bool transposed, uint32_t streams) {
  const auto cells = static_cast<uint32_t>(state.cells());
  byte_writer writer;
  writer.reserve(state.bytes() + 12 * state.cells() + 32 * state.shape().layers + 4 * streams + 64);
  writer.put<uint32_t>(llama_state_magic);
  writer.put<int32_t>(0);
  writer.put<uint32_t>(streams);
  writer.put<uint32_t>(cells);
  for (const int32_t position : state.positions) {
    writer.put<int32_t>(position);
    writer.put<uint32_t>(1);
    writer.put<int32_t>(0);
  }
  writer.put<uint32_t>(transposed ? 1 : 0);
  writer.put<uint32_t>(state.shape().layers);
  for (const std::vector<uint8_t>& rows : state.keys) {
    writer.put<int32_t>(state.encoding.type);
    writer.put<uint64_t>(row_bytes_of(rows, state));
    writer.bytes(rows);
  }
  const size_t element = llama().ggml_type_size(state.encoding.type);
  const uint32_t width = state.shape().kv_heads * state.shape().value_size;
  for (const std::vector<uint8_t>& rows : state.values) {
    writer.put<int32_t>(state.encoding.type);
    if (transposed) {
      writer.put<uint32_t>(static_cast<uint32_t>(element));
      writer.put<uint32_t>(width);
      compose_columns(writer, rows, cells, width, element);
    } else {
      writer.put<uint64_t>(row_bytes_of(rows, state));
      writer.bytes(rows);
    }
  }
  for (uint32_t stream = 1; stream < streams; stream++) writer.put<uint32_t>(0);
  return writer.take();
}

namespace {

cell_list parse_cells(byte_reader& reader, uint32_t cells, int32_t from, int32_t to) {
  constexpr uint64_t cell_bytes = 3 * sizeof(uint32_t);
  if (cells > reader.left() / cell_bytes) refuse("the data ends too early");
  std::vector<int32_t> all;
  for (uint32_t i = 0; i < cells; i++) {
    all.push_back(reader.value<int32_t>());
    if (all.back() < 0 || all.back() > max_position) refuse("a cell has a bad position");
    if (reader.value<uint32_t>() != 1) refuse("a cell belongs to several sequences");
    reader.value<int32_t>();
  }
  cell_list list;
  list.count = cells;
  list.order.resize(cells);
  std::iota(list.order.begin(), list.order.end(), 0u);
  const auto unwanted = [&](uint32_t cell) { return all[cell] < from || all[cell] >= to; };
  list.order.erase(std::remove_if(list.order.begin(), list.order.end(), unwanted), list.order.end());
  std::sort(list.order.begin(), list.order.end(), [&](uint32_t a, uint32_t b) { return all[a] < all[b]; });
  for (const uint32_t cell : list.order) {
    if (!list.positions.empty() && list.positions.back() == all[cell]) refuse("two cells have one position");
    list.positions.push_back(all[cell]);
  }
  return list;
}

void parse_type(byte_reader& reader, enum ggml_type type) {
  const auto found = reader.value<int32_t>();
  if (found != type) refuse("its cache type is " + std::to_string(found) + ", not " + std::to_string(type));
}

void parse_rows(byte_reader& reader, const cell_list& cells, std::vector<uint8_t>& rows, size_t row_bytes) {
  const auto found = reader.value<uint64_t>();
  if (found != row_bytes) {
    refuse("a layer's rows have " + std::to_string(found) + " bytes, not " + std::to_string(row_bytes));
  }
  const uint8_t* from = reader.skip(cells.count, row_bytes);
  for (size_t i = 0; i < cells.order.size(); i++) {
    std::memcpy(rows.data() + i * row_bytes, from + cells.order[i] * row_bytes, row_bytes);
  }
}

template <size_t Bytes>
void transpose_to_rows(const uint8_t* from, const cell_list& cells, uint8_t* rows, size_t width) {
  for (size_t column = 0; column < width; column++) {
    const uint8_t* values = from + column * cells.count * Bytes;
    for (size_t i = 0; i < cells.order.size(); i++) {
      std::memcpy(rows + (i * width + column) * Bytes, values + cells.order[i] * Bytes, Bytes);
    }
  }
}

void parse_columns(byte_reader& reader, const cell_list& cells, std::vector<uint8_t>& rows, enum ggml_type type, size_t width) {
  const size_t element = llama().ggml_type_size(type);
  if (reader.value<uint32_t>() != element) refuse("unknown size of values");
  const auto found = reader.value<uint32_t>();
  if (found != width) refuse("a layer has " + std::to_string(found) + " values per cell, not " + std::to_string(width));
  const uint8_t* from = reader.skip(cells.count, element * width);
  if (element == 2) return transpose_to_rows<2>(from, cells, rows.data(), width);
  transpose_to_rows<4>(from, cells, rows.data(), width);
}

size_t row_bytes_of(const std::vector<uint8_t>& rows, const kv_state& state) { return rows.size() / state.cells(); }

template <size_t Bytes>
void transpose_to_columns(const uint8_t* rows, uint8_t* to, size_t cells, size_t width) {
  for (size_t column = 0; column < width; column++) {
    for (size_t cell = 0; cell < cells; cell++) {
      std::memcpy(to + (column * cells + cell) * Bytes, rows + (cell * width + column) * Bytes, Bytes);
    }
  }
}

void compose_columns(byte_writer& writer, const std::vector<uint8_t>& rows, size_t cells, size_t width, size_t element) {
  uint8_t* to = writer.space(rows.size());
  if (element == 2) return transpose_to_columns<2>(rows.data(), to, cells, width);
  transpose_to_columns<4>(rows.data(), to, cells, width);
}

}  // namespace

}  // namespace precis
