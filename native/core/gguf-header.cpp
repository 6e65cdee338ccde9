#include "gguf-header.h"

#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "error.h"
#include "gguf-reader.h"
#include "library.h"

namespace precis {

namespace {

// Bounds far above any real model; they keep a forged count from costing time.
constexpr uint64_t max_entries = 1u << 20;
constexpr uint64_t max_tensors = 1u << 20;
constexpr uint32_t max_dimensions = 4;
constexpr uint64_t max_alignment = 1u << 20;

enum value_type : uint32_t { type_uint32 = 4, type_string = 8, type_array = 9, type_count = 13 };
// Bytes of each GGUF value type; 0 for string and array, whose length is in the file.
constexpr std::array<uint8_t, type_count> value_bytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

[[noreturn]] void not_gguf(const std::string& why) { throw error(error_code::model_not_gguf, why); }

void skip_value(gguf_reader& reader, uint32_t type, int depth = 0);

struct tensor_place {
  std::string name;
  uint32_t type;
  uint64_t elements;
  uint64_t offset;  // of its first byte, from the beginning of the data section
  uint64_t bytes;

  uint64_t end() const { return offset + bytes; }
};
tensor_place read_tensor_place(gguf_reader& reader);
std::vector<float> read_floats(gguf_reader& reader, uint64_t data_begin, const tensor_place& tensor);
uint64_t sample_data(gguf_reader& reader, uint64_t data_begin, uint64_t fingerprint);

}  // namespace

gguf_header read_gguf_header(const std::filesystem::path& file) {
  gguf_reader reader(file);
  char magic[4] = {};
  if (reader.file_bytes() < sizeof(magic)) not_gguf("the file is too short to be a GGUF model");
  reader.bytes(magic, sizeof(magic));
  if (std::memcmp(magic, "GGUF", 4) != 0) not_gguf("the file does not begin with GGUF");
  const auto version = reader.value<uint32_t>();
  if (version != 2 && version != 3) not_gguf("GGUF version " + std::to_string(version) + " is unknown");
  const auto tensors = reader.value<uint64_t>();
  const auto entries = reader.value<uint64_t>();
  if (tensors > max_tensors || entries > max_entries) not_gguf("the header's counts are implausible");

  gguf_header header;
  header.file_bytes = reader.file_bytes();
  uint64_t alignment = 32;
  for (uint64_t i = 0; i < entries; i++) {
    const std::string key = reader.text();
    const auto type = reader.value<uint32_t>();
    if (key == "general.architecture" && type == type_string) {
      header.architecture = reader.text();
    } else if (key == "general.alignment" && type == type_uint32) {
      alignment = reader.value<uint32_t>();
    } else {
      skip_value(reader, type);
    }
  }
  if (header.architecture.empty()) not_gguf("the header names no architecture");
  if (alignment == 0 || alignment > max_alignment || (alignment & (alignment - 1)) != 0) not_gguf("bad alignment");

  uint64_t data_bytes = 0;
  tensor_place factors{};
  for (uint64_t i = 0; i < tensors; i++) {
    tensor_place tensor = read_tensor_place(reader);
    data_bytes = std::max(data_bytes, tensor.end());
    if (tensor.name == "rope_freqs.weight") factors = std::move(tensor);
  }
  uint64_t data_begin = (reader.position() + alignment - 1) / alignment * alignment;
  if (data_bytes == 0) data_begin = header.file_bytes;  // without tensors, the padding may be missing
  if (data_begin > header.file_bytes || data_bytes > header.file_bytes - data_begin) {
    throw error(error_code::model_truncated, "the file has " + std::to_string(header.file_bytes) + " bytes, its tensors need " +
                                                 std::to_string(data_begin + data_bytes));
  }
  header.fingerprint = sample_data(reader, data_begin, reader.hash().value());
  header.rope_factors = read_floats(reader, data_begin, factors);
  return header;
}

namespace {

void skip_value(gguf_reader& reader, uint32_t type, int depth) {
  if (type >= type_count) not_gguf("a metadata entry has the unknown type " + std::to_string(type));
  if (type == type_string) return reader.skip_text();
  if (type != type_array) return reader.skip(value_bytes[type]);
  if (depth > 0) not_gguf("a metadata entry is an array of arrays");
  const auto element = reader.value<uint32_t>();
  const auto count = reader.value<uint64_t>();
  if (element >= type_count) not_gguf("an array has the unknown element type " + std::to_string(element));
  // Every element takes at least one byte, so this also bounds the loop.
  if (count > reader.left()) throw error(error_code::model_truncated, "the file ends inside an array of its header");
  if (value_bytes[element] != 0) return reader.skip(count * value_bytes[element]);
  for (uint64_t i = 0; i < count; i++) skip_value(reader, element, depth + 1);
}

tensor_place read_tensor_place(gguf_reader& reader) {
  std::string name = reader.text();
  const auto dimensions = reader.value<uint32_t>();
  if (dimensions > max_dimensions) not_gguf("tensor " + name + " has " + std::to_string(dimensions) + " dimensions");
  uint64_t elements = 1;
  uint64_t row = 1;
  for (uint32_t i = 0; i < dimensions; i++) {
    const auto extent = reader.value<uint64_t>();
    if (i == 0) row = extent;
    if (extent == 0 || extent > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / 64 / elements) {
      not_gguf("tensor " + name + " has an implausible shape");
    }
    elements *= extent;
  }
  const auto type = reader.value<uint32_t>();
  const auto offset = reader.value<uint64_t>();
  if (type >= GGML_TYPE_COUNT) not_gguf("tensor " + name + " has the unknown type " + std::to_string(type));
  const auto block = static_cast<uint64_t>(llama().ggml_blck_size(static_cast<enum ggml_type>(type)));
  const uint64_t block_bytes = llama().ggml_type_size(static_cast<enum ggml_type>(type));
  if (block == 0 || row % block != 0) not_gguf("tensor " + name + " has a shape that its type cannot have");
  if (elements / block > std::numeric_limits<uint64_t>::max() / (block_bytes + 1)) {
    not_gguf("tensor " + name + " has an implausible shape");
  }
  const uint64_t bytes = elements / block * block_bytes;
  if (offset > std::numeric_limits<uint64_t>::max() - bytes) not_gguf("tensor " + name + " has an implausible offset");
  return {std::move(name), type, elements, offset, bytes};
}

// Nothing where the tensor is missing, or of a kind that no model has.
std::vector<float> read_floats(gguf_reader& reader, uint64_t data_begin, const tensor_place& tensor) {
  constexpr uint64_t max_factors = 4096;
  if (tensor.type != GGML_TYPE_F32 || tensor.elements == 0 || tensor.elements > max_factors) return {};
  std::vector<float> values(static_cast<size_t>(tensor.elements));
  reader.seek(data_begin + tensor.offset);
  reader.bytes(values.data(), tensor.bytes);
  return values;
}

// 64 samples of 4 KiB: enough to tell two models of one shape apart without reading gigabytes.
uint64_t sample_data(gguf_reader& reader, uint64_t data_begin, uint64_t fingerprint) {
  constexpr uint64_t samples = 64;
  std::array<char, 4096> sample;
  hash64 hash;
  hash.add_value(fingerprint);
  hash.add_value(reader.file_bytes());
  const uint64_t available = reader.file_bytes() - data_begin;
  const uint64_t step = available / samples;
  for (uint64_t i = 0; i < samples; i++) {
    const uint64_t at = data_begin + i * step;
    const uint64_t count = std::min<uint64_t>(sample.size(), reader.file_bytes() - at);
    reader.seek(at);
    reader.bytes(sample.data(), count);
    hash.add(sample.data(), static_cast<size_t>(count));
  }
  return hash.value();
}

}  // namespace

}  // namespace precis
