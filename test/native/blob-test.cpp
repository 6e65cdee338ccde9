// Saved states: packing, and every kind of damage and forgery.
#include <cstring>
#include <random>

#include "blob.h"
#include "check.h"
#include "hash.h"
#include "state-layout.h"

using namespace precis;

namespace {

constexpr int32_t f16 = 1;
constexpr size_t header_bytes = 48;
constexpr size_t checksum_at = 40;
constexpr size_t cells_at = header_bytes + 12;  // behind magic, sequence and number of streams
const blob_identity identity{0x1234, f16};

template <class Value>
void put(std::vector<uint8_t>& bytes, Value value) {
  const auto* from = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof(value));
}

struct state_shape {
  uint32_t streams = 1;
  uint32_t stream = 0;  // the one that has the cells
  std::vector<int32_t> positions = {0, 1, 2};
  bool transposed = false;
};

// What llama.cpp would write for a cache of 2 layers, 4 values wide.
std::vector<uint8_t> make_state(const state_shape& shape) {
  constexpr uint64_t row_bytes = 8;
  std::vector<uint8_t> state;
  put<uint32_t>(state, state_magic);
  put<int32_t>(state, 5);
  put<uint32_t>(state, shape.streams);
  const auto cells = static_cast<uint32_t>(shape.positions.size());
  for (uint32_t stream = 0; stream < shape.streams; stream++) {
    if (stream != shape.stream || cells == 0) {
      put<uint32_t>(state, 0);
      continue;
    }
    put<uint32_t>(state, cells);
    for (const int32_t position : shape.positions) {
      put<int32_t>(state, position);
      put<uint32_t>(state, 1);
      put<int32_t>(state, 5);
    }
    put<uint32_t>(state, shape.transposed ? 1 : 0);
    put<uint32_t>(state, 2);
    uint8_t content = 0;
    for (int part = 0; part < 4; part++) {
      put<int32_t>(state, f16);
      if (part >= 2 && shape.transposed) {
        put<uint32_t>(state, 2);
        put<uint32_t>(state, 4);
      } else {
        put<uint64_t>(state, row_bytes);
      }
      for (uint64_t i = 0; i < cells * row_bytes; i++) state.push_back(content++);
    }
  }
  return state;
}

// Makes the checksum right again, as a forger would.
void sign(std::vector<uint8_t>& blob) {
  hash64 hash;
  hash.add(blob.data(), checksum_at);
  hash.add(blob.data() + header_bytes, blob.size() - header_bytes);
  const uint64_t value = hash.value();
  std::memcpy(blob.data() + checksum_at, &value, sizeof(value));
}

void set_length(std::vector<uint8_t>& blob) {
  const uint64_t length = blob.size() - header_bytes;
  std::memcpy(blob.data() + 32, &length, sizeof(length));
}

blob_content unpack(const std::vector<uint8_t>& blob, uint32_t max_cells = 100) {
  return unpack_blob(identity, max_cells, blob.data(), blob.size());
}

}  // namespace

TEST_CASE("blob: packing and unpacking keeps positions and data, whatever stream they were in") {
  for (const bool transposed : {false, true}) {
    const std::vector<uint8_t> alone = unpack(pack_blob(identity, make_state({1, 0, {4, 7, 9}, transposed}))).state;
    for (uint32_t stream = 0; stream < 3; stream++) {
      const blob_content content = unpack(pack_blob(identity, make_state({3, stream, {4, 7, 9}, transposed})));
      CHECK((content.positions == std::vector<int32_t>{4, 7, 9}));
      CHECK(content.state == alone);
      CHECK(read_state_layout(state_for_streams(content.state, 5).data(), state_for_streams(content.state, 5).size(), 3, f16)
                .positions == content.positions);
    }
  }
}

TEST_CASE("blob: an empty sequence is kept as one") {
  const blob_content content = unpack(pack_blob(identity, make_state({4, 0, {}, false})));
  CHECK(content.positions.empty());
  CHECK(state_for_streams(content.state, 4).size() == 12 + 4 * 4);
}

TEST_CASE("blob: a state of unknown layout is not packed") {
  std::vector<uint8_t> state = make_state({});
  state.push_back(0);
  CHECK_CODE(model_unsupported, pack_blob(identity, state));
  CHECK_CODE(model_unsupported, pack_blob(identity, {}));
  CHECK_CODE(model_unsupported, pack_blob({1, 8}, make_state({})));
}

TEST_CASE("blob: another model, cache type, release, version or kind of file is refused") {
  const std::vector<uint8_t> blob = pack_blob(identity, make_state({}));
  CHECK_CODE(blob_invalid, unpack_blob({0x1235, f16}, 100, blob.data(), blob.size()));
  CHECK_CODE(blob_invalid, unpack_blob({0x1234, 8}, 100, blob.data(), blob.size()));
  for (const size_t at : {size_t{0}, size_t{8}, size_t{24}}) {
    std::vector<uint8_t> changed = blob;
    changed[at] ^= 1;
    sign(changed);
    CHECK_CODE(blob_invalid, unpack(changed));
  }
}

TEST_CASE("blob: cut at any byte it is refused, also with a corrected length and checksum") {
  const std::vector<uint8_t> blob = pack_blob(identity, make_state({}));
  for (size_t count = 0; count < blob.size(); count++) {
    std::vector<uint8_t> cut(blob.begin(), blob.begin() + static_cast<std::ptrdiff_t>(count));
    CHECK_CODE(blob_invalid, unpack(cut));
    if (count < header_bytes) continue;
    set_length(cut);
    sign(cut);
    CHECK_CODE(blob_invalid, unpack(cut));
  }
}

TEST_CASE("blob: any flipped bit is found") {
  const std::vector<uint8_t> blob = pack_blob(identity, make_state({}));
  for (size_t at = 0; at < blob.size(); at++) {
    std::vector<uint8_t> changed = blob;
    changed[at] ^= 0x40;
    CHECK_CODE(blob_invalid, unpack(changed));
  }
}

TEST_CASE("blob: a forged cell count is refused before anything is allocated by it") {
  const std::vector<uint8_t> blob = pack_blob(identity, make_state({}));
  for (const uint32_t cells : {1u, 2u, 4u, 1000u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    std::vector<uint8_t> forged = blob;
    std::memcpy(forged.data() + cells_at, &cells, sizeof(cells));
    sign(forged);
    CHECK_CODE(blob_invalid, unpack(forged));
    CHECK_CODE(blob_invalid, unpack(forged, UINT32_MAX));
  }
}

TEST_CASE("blob: more cells than the sequence can hold, repeated and negative positions are refused") {
  CHECK_CODE(blob_invalid, unpack(pack_blob(identity, make_state({})), 2));
  std::vector<uint8_t> blob = pack_blob(identity, make_state({}));
  for (const int32_t position : {-1, 1, INT32_MAX, INT32_MIN}) {
    std::memcpy(blob.data() + cells_at + 4, &position, sizeof(position));
    sign(blob);
    CHECK_CODE(blob_invalid, unpack(blob));
  }
}

TEST_CASE("blob: forged at random with a right checksum, the worst is an error") {
  const std::vector<uint8_t> blob = pack_blob(identity, make_state({2, 1, {0, 1, 2, 3, 4}, true}));
  std::mt19937 random(5);
  int refused = 0;
  for (int round = 0; round < 20000; round++) {
    std::vector<uint8_t> forged = blob;
    for (int i = 0; i < 3; i++) forged[header_bytes + random() % 120] = static_cast<uint8_t>(random());
    sign(forged);
    try {
      unpack(forged, UINT32_MAX);
    } catch (const error& caught) {
      CHECK(caught.code() == error_code::blob_invalid);
      refused++;
    }
  }
  CHECK(refused > 1000);
}
