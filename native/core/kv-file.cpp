#include "kv-file.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <utility>

#include "byte-reader.h"
#include "byte-writer.h"
#include "error.h"
#include "hash.h"

namespace precis {

namespace {

constexpr std::array<char, 8> magic = {'P', 'R', 'E', 'C', 'I', 'S', 'K', 'V'};
constexpr size_t checksum_at = magic.size() + sizeof(uint32_t);
constexpr size_t checked_from = checksum_at + sizeof(uint64_t);

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error(why); }

uint64_t hash_of(const void* bytes, size_t count) {
  hash64 hash;
  hash.add(bytes, count);
  return hash.value();
}

template <class Value>
uint64_t hash_of(const std::vector<Value>& values) {
  return hash_of(values.data(), values.size() * sizeof(Value));
}

kv_file parse(const std::shared_ptr<const kv_model>& model, const uint8_t* bytes, size_t count);

}  // namespace

std::vector<uint8_t> encode_kv_file(const kv_state& state, const std::vector<int32_t>& tokens,
                                    const std::vector<int32_t>& segments) {
  const kv_model& model = *state.model;
  byte_writer writer;
  constexpr size_t header_room = 1024;
  writer.reserve(state.bytes() + (tokens.size() + segments.size() + state.cells()) * sizeof(int32_t) + header_room);
  writer.put(magic);
  writer.put<uint32_t>(kv_file_version);
  writer.put<uint64_t>(0);
  writer.text(llama_release);
  writer.put<uint64_t>(model.fingerprint);
  writer.text(model.architecture);
  for (const uint32_t extent : {model.shape.layers, model.shape.kv_heads, model.shape.key_size, model.shape.value_size}) {
    writer.put<uint32_t>(extent);
  }
  writer.put<int32_t>(model.rope.type);
  writer.put<uint32_t>(model.rope.dimensions);
  writer.put<float>(model.rope.base);
  writer.put<float>(model.rope.scale);
  writer.put<uint64_t>(hash_of(model.rope.factors));
  writer.text(kv_type_name(state.encoding.type));
  writer.put<uint32_t>(state.encoding.key_rotation);
  writer.put<uint32_t>(state.encoding.value_rotation);
  writer.put<uint64_t>(hash_of(tokens));
  writer.list(tokens);
  writer.list(segments);
  writer.list(state.positions);
  for (const std::vector<uint8_t>& rows : state.keys) writer.bytes(rows);
  for (const std::vector<uint8_t>& rows : state.values) writer.bytes(rows);
  std::vector<uint8_t> bytes = writer.take();
  const uint64_t checksum = hash_of(bytes.data() + checked_from, bytes.size() - checked_from);
  std::memcpy(bytes.data() + checksum_at, &checksum, sizeof(checksum));
  return bytes;
}

kv_file decode_kv_file(const std::shared_ptr<const kv_model>& model, const uint8_t* bytes, size_t count) {
  if (!model->refusal.empty()) {
    throw error(error_code::model_unsupported, "no state can be of " + model->architecture + ": " + model->refusal);
  }
  try {
    return parse(model, bytes, count);
  } catch (const std::runtime_error& failure) {
    throw error(error_code::blob_invalid, std::string("the saved state cannot be used: ") + failure.what());
  }
}

namespace {

void check_origin(byte_reader& reader, const kv_model& model) {
  const std::string release = reader.text();
  if (release != llama_release) refuse("it was saved with another llama.cpp release");
  if (reader.value<uint64_t>() != model.fingerprint || reader.text() != model.architecture) {
    refuse("it belongs to another model");
  }
  kv_shape shape;
  for (uint32_t* extent : {&shape.layers, &shape.kv_heads, &shape.key_size, &shape.value_size}) {
    *extent = reader.value<uint32_t>();
  }
  if (!(shape == model.shape)) refuse("its layers or heads are not the model's");
  const kv_rope& rope = model.rope;
  const bool same_type = reader.value<int32_t>() == rope.type && reader.value<uint32_t>() == rope.dimensions;
  const bool same_numbers = reader.value<float>() == rope.base && reader.value<float>() == rope.scale;
  if (reader.value<uint64_t>() != hash_of(rope.factors) || !same_type || !same_numbers) {
    refuse("its keys are rotated in another way than the model's");
  }
}

kv_encoding parse_encoding(byte_reader& reader, const kv_shape& shape) {
  const std::string name = reader.text();
  if (name != "f16" && name != "f32" && name != "q8_0" && name != "q4_0") refuse("its KV type is unknown");
  const auto key_rotation = reader.value<uint32_t>();
  const auto value_rotation = reader.value<uint32_t>();
  const kv_encoding encoding = encoding_of(shape, kv_type_of(name), key_rotation != 0, value_rotation != 0);
  if (encoding.key_rotation != key_rotation || encoding.value_rotation != value_rotation) {
    refuse("it is rotated by another matrix");
  }
  return encoding;
}

std::vector<int32_t> parse_positions(byte_reader& reader) {
  std::vector<int32_t> positions = reader.list<int32_t>();
  for (size_t i = 0; i < positions.size(); i++) {
    if (positions[i] < 0 || positions[i] > max_position) refuse("a cell has a bad position");
    if (i > 0 && positions[i] <= positions[i - 1]) refuse("its positions are not ascending");
  }
  return positions;
}

kv_file parse(const std::shared_ptr<const kv_model>& model, const uint8_t* bytes, size_t count) {
  byte_reader reader(bytes, count);
  if (count < checked_from) refuse("it is too short");
  if (reader.value<std::array<char, magic.size()>>() != magic) refuse("it is not a saved state");
  const auto version = reader.value<uint32_t>();
  if (version != kv_file_version) refuse("its format version is " + std::to_string(version));
  if (reader.value<uint64_t>() != hash_of(bytes + checked_from, count - checked_from)) refuse("its checksum is wrong");
  check_origin(reader, *model);
  const kv_encoding encoding = parse_encoding(reader, model->shape);
  const auto token_hash = reader.value<uint64_t>();
  std::vector<int32_t> tokens = reader.list<int32_t>();
  if (token_hash != hash_of(tokens)) refuse("its tokens are damaged");
  std::vector<int32_t> segments = reader.list<int32_t>();
  std::vector<int32_t> positions = parse_positions(reader);
  // One cell, to know the bytes of a cell before there is room for all of them.
  const uint64_t cell_bytes = kv_state(model, encoding, {0}).bytes();
  if (reader.left() % cell_bytes != 0 || reader.left() / cell_bytes != positions.size()) refuse("its length is wrong");
  kv_file file{kv_state(model, encoding, std::move(positions)), std::move(tokens), std::move(segments)};
  for (std::vector<std::vector<uint8_t>>* rows : {&file.state.keys, &file.state.values}) {
    for (std::vector<uint8_t>& layer : *rows) {
      const uint8_t* from = reader.skip(layer.size(), 1);
      std::copy(from, from + layer.size(), layer.begin());
    }
  }
  return file;
}

}  // namespace

}  // namespace precis
