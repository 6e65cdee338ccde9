#include "blob.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include "byte-reader.h"
#include "error.h"
#include "hash.h"
#include "library.h"
#include "state-layout.h"

namespace precis {

namespace {

constexpr std::array<char, 8> blob_magic = {'P', 'R', 'E', 'C', 'I', 'S', 'K', 'V'};
constexpr uint32_t blob_version = 1;

struct blob_header {
  std::array<char, 8> magic;
  uint32_t version;
  int32_t kv_type;
  uint64_t fingerprint;
  uint64_t release;  // hash of the release's name: the state layout belongs to it
  uint64_t state_bytes;
  uint64_t checksum;  // of the fields above and the state
};
static_assert(sizeof(blob_header) == 48, "the header has no padding");

uint64_t release_hash() {
  hash64 hash;
  hash.add(llama_release, std::strlen(llama_release));
  return hash.value();
}

uint64_t checksum(const blob_header& header, const uint8_t* state) {
  hash64 hash;
  hash.add(&header, offsetof(blob_header, checksum));
  hash.add(state, static_cast<size_t>(header.state_bytes));
  return hash.value();
}

[[noreturn]] void invalid(const std::string& why) { throw error(error_code::blob_invalid, "the saved state cannot be used: " + why); }

template <class Value>
void put(std::vector<uint8_t>& bytes, Value value) {
  const auto* from = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof(value));
}

constexpr size_t state_prefix_bytes = 3 * sizeof(uint32_t);

// magic, sequence 0, number of streams, one stream's section, empty streams
std::vector<uint8_t> compose_state(const uint8_t* section, size_t section_bytes, uint32_t streams) {
  std::vector<uint8_t> state;
  state.reserve(state_prefix_bytes + section_bytes + streams * sizeof(uint32_t));
  put<uint32_t>(state, state_magic);
  put<int32_t>(state, 0);
  put<uint32_t>(state, streams);
  if (section_bytes > 0) state.insert(state.end(), section, section + section_bytes);
  const uint32_t empty_streams = section_bytes > 0 ? streams - 1 : streams;
  for (uint32_t i = 0; i < empty_streams; i++) put<uint32_t>(state, 0);
  return state;
}

// The sequence that a cell was in is of no use elsewhere; without it, equal contents give equal blobs.
void forget_sequence(std::vector<uint8_t>& state, size_t cells) {
  constexpr size_t cell_bytes = 3 * sizeof(uint32_t);
  constexpr size_t first_sequence = state_prefix_bytes + sizeof(uint32_t) + 2 * sizeof(uint32_t);
  for (size_t i = 0; i < cells; i++) std::memset(state.data() + first_sequence + i * cell_bytes, 0, sizeof(int32_t));
}

}  // namespace

std::vector<uint8_t> pack_blob(const blob_identity& identity, const std::vector<uint8_t>& state) {
  std::vector<uint8_t> own;
  try {
    const state_layout layout = read_state_layout(state.data(), state.size(), UINT32_MAX, identity.kv_type);
    own = compose_state(state.data() + layout.begin, layout.end - layout.begin, 1);
    forget_sequence(own, layout.positions.size());
  } catch (const std::runtime_error& failure) {
    throw error(error_code::model_unsupported, std::string("this model's state has an unknown layout: ") + failure.what());
  }
  blob_header header{blob_magic, blob_version, identity.kv_type, identity.fingerprint, release_hash(), own.size(), 0};
  header.checksum = checksum(header, own.data());
  std::vector<uint8_t> blob;
  blob.reserve(sizeof(header) + own.size());
  put(blob, header);
  blob.insert(blob.end(), own.begin(), own.end());
  return blob;
}

blob_content unpack_blob(const blob_identity& identity, uint32_t max_cells, const uint8_t* bytes, size_t count) {
  blob_header header;
  if (count < sizeof(header)) invalid("it is too short");
  std::memcpy(&header, bytes, sizeof(header));
  const uint8_t* state = bytes + sizeof(header);
  if (header.magic != blob_magic) invalid("it is not a saved sequence");
  if (header.version != blob_version) invalid("its format version is " + std::to_string(header.version));
  if (header.release != release_hash()) invalid("it was saved with another llama.cpp release");
  if (header.fingerprint != identity.fingerprint) invalid("it belongs to another model");
  if (header.kv_type != identity.kv_type) invalid("it has another cache type");
  if (header.state_bytes != count - sizeof(header)) invalid("its length is wrong");
  if (header.checksum != checksum(header, state)) invalid("its checksum is wrong");
  try {
    state_layout layout = read_state_layout(state, count - sizeof(header), max_cells, identity.kv_type);
    return {std::move(layout.positions), compose_state(state + layout.begin, layout.end - layout.begin, 1)};
  } catch (const std::runtime_error& failure) {
    invalid(failure.what());
  }
}

std::vector<uint8_t> state_for_streams(const std::vector<uint8_t>& state, uint32_t streams) {
  const size_t prefix_with_empty_stream = state_prefix_bytes + sizeof(uint32_t);
  if (state.size() <= prefix_with_empty_stream) return compose_state(nullptr, 0, streams);
  return compose_state(state.data() + state_prefix_bytes, state.size() - state_prefix_bytes, streams);
}

}  // namespace precis
