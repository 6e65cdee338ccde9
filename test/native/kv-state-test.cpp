// Captured states: taking them apart, and llama.cpp's own layout of them.
#include <algorithm>
#include <cmath>

#include "byte-writer.h"
#include "kv-fixture.h"
#include "kv-layout.h"

using namespace precis;
using namespace precis_test;

namespace {

constexpr enum ggml_type all_types[] = {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0};

kv_state parse(const std::vector<uint8_t>& bytes, const kv_state& like, int32_t from = 0, int32_t to = max_position + 1) {
  return parse_llama_state(bytes.data(), bytes.size(), like.model, like.encoding, from, to);
}

bool is_refused(const std::vector<uint8_t>& bytes, const kv_state& like) {
  try {
    parse(bytes, like);
    return false;
  } catch (const std::runtime_error&) {
    return true;
  }
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  float most = 0;
  for (size_t i = 0; i < a.size(); i++) most = std::max(most, std::fabs(a[i] - b[i]));
  return most;
}

std::shared_ptr<const kv_state> shared(kv_state state) { return std::make_shared<const kv_state>(std::move(state)); }

}  // namespace

TEST_CASE("kv layout: what is composed is parsed again, in both orders of values and over streams") {
  for (const enum ggml_type type : all_types) {
    const kv_state state = made_state(made_model(), type, {4, 7, 9, 100});
    for (const bool transposed : {false, true}) {
      if (transposed && is_quantised(type)) continue;
      for (const uint32_t streams : {1u, 3u, 256u}) {
        const std::vector<uint8_t> bytes = compose_llama_state(state, transposed, streams);
        CHECK(equal_states(parse(bytes, state), state));
        CHECK(equal_states(parse(bytes, state, 7, 100), slice_positions(state, 7, 100)));
        CHECK(parse(bytes, state, 10, 99).cells() == 0);
      }
    }
  }
}

TEST_CASE("kv layout: cells come in any order, and leave in that of their positions") {
  const auto model = made_model({1, 1, 2, 2});
  kv_state state(model, {GGML_TYPE_F32, 0, 0}, {5, 8});
  write_keys(state, 0, {1, 2, 3, 4});
  write_values(state, 0, {5, 6, 7, 8});
  for (const bool transposed : {false, true}) {
    byte_writer writer;
    for (const uint32_t number : {llama_state_magic, 0u, 2u, 0u, 2u}) writer.put(number);
    for (const int32_t position : {8, 5}) {
      writer.put<int32_t>(position);
      writer.put<uint32_t>(1);
      writer.put<int32_t>(3);
    }
    writer.put<uint32_t>(transposed ? 1 : 0);
    writer.put<uint32_t>(1);
    writer.put<int32_t>(GGML_TYPE_F32);
    writer.put<uint64_t>(8);
    for (const float number : {3.f, 4.f, 1.f, 2.f}) writer.put(number);
    writer.put<int32_t>(GGML_TYPE_F32);
    if (transposed) {
      for (const uint32_t number : {4u, 2u}) writer.put(number);
      for (const float number : {7.f, 5.f, 8.f, 6.f}) writer.put(number);
    } else {
      writer.put<uint64_t>(8);
      for (const float number : {7.f, 8.f, 5.f, 6.f}) writer.put(number);
    }
    CHECK(equal_states(parse(writer.take(), state), state));
  }
}

TEST_CASE("kv layout: cut at any byte, with one too many, or of another shape or type it is refused") {
  const kv_state state = made_state(made_model({2, 1, 32, 32}), GGML_TYPE_F16, {0, 1, 2});
  const std::vector<uint8_t> bytes = compose_llama_state(state, true, 2);
  CHECK(!is_refused(bytes, state));
  for (size_t count = 0; count < bytes.size(); count++) {
    CHECK(is_refused({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)}, state));
  }
  std::vector<uint8_t> longer = bytes;
  longer.push_back(0);
  CHECK(is_refused(longer, state));
  for (const kv_shape& shape : {kv_shape{3, 1, 32, 32}, {2, 2, 32, 32}, {2, 1, 64, 32}, {2, 1, 32, 64}, {1, 1, 32, 32}}) {
    CHECK(is_refused(bytes, made_state(made_model(shape), GGML_TYPE_F16, {0})));
  }
  CHECK(is_refused(bytes, made_state(state.model, GGML_TYPE_F32, {0})));
}

TEST_CASE("kv layout: forged numbers are refused before anything is allocated by them") {
  const kv_state state = made_state(made_model({2, 1, 32, 32}), GGML_TYPE_F16, {0, 1, 2});
  const std::vector<uint8_t> bytes = compose_llama_state(state, false, 1);
  // Streams, cells, the first cell's position and number of sequences, its neighbour's position.
  for (const size_t at : {8u, 12u, 16u, 20u, 28u}) {
    for (const uint32_t number : {0u, 2u, 1000u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
      std::vector<uint8_t> forged = bytes;
      if (std::memcmp(forged.data() + at, &number, sizeof(number)) == 0) continue;
      std::memcpy(forged.data() + at, &number, sizeof(number));
      const bool other_position = (at == 16 || at == 28) && number == 1000;
      CHECK(is_refused(forged, state) != (other_position || (at == 28 && number == 0)) || (at == 28 && number == 0));
    }
  }
}

TEST_CASE("kv state: chosen cells for each layer and KV head") {
  const auto model = made_model({2, 2, 32, 32});
  const kv_state state = made_state(model, GGML_TYPE_Q8_0, {0, 1, 2, 5});
  const std::vector<int32_t> cells = {0, 3, 1, 2, 2, 3, 0, 1};
  const kv_state chosen = select_cells(state, cells, {1, 5});
  CHECK((chosen.positions == std::vector<int32_t>{1, 5}));
  for (size_t layer = 0; layer < 2; layer++) {
    const std::vector<float> from = read_keys(state, layer);
    const std::vector<float> to = read_keys(chosen, layer);
    for (size_t head = 0; head < 2; head++) {
      for (size_t i = 0; i < 2; i++) {
        const auto cell = static_cast<size_t>(cells[(layer * 2 + head) * 2 + i]);
        CHECK(std::equal(to.begin() + static_cast<std::ptrdiff_t>((i * 2 + head) * 32),
                         to.begin() + static_cast<std::ptrdiff_t>((i * 2 + head + 1) * 32),
                         from.begin() + static_cast<std::ptrdiff_t>((cell * 2 + head) * 32)));
      }
    }
  }
  CHECK(select_cells(state, {}, {}).cells() == 0);
  CHECK(equal_states(select_cells(state, {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}, state.positions), state));
}

TEST_CASE("kv state: wrong cells and positions are refused") {
  const kv_state state = made_state(made_model({1, 1, 32, 32}), GGML_TYPE_F16, {0, 1, 2});
  CHECK_CODE(argument, select_cells(state, {0}, {1, 2}));
  CHECK_CODE(argument, select_cells(state, {0, 3}, {1, 2}));
  CHECK_CODE(argument, select_cells(state, {-1, 0}, {1, 2}));
  CHECK_CODE(argument, select_cells(state, {1, 0}, {1, 2}));
  CHECK_CODE(argument, select_cells(state, {1, 1}, {1, 2}));
  CHECK_CODE(argument, select_cells(state, {0, 1}, {2, 1}));
  CHECK_CODE(argument, select_cells(state, {0, 1}, {-1, 1}));
  CHECK_CODE(argument, select_cells(state, {0, 1}, {1, INT32_MAX}));
  CHECK_CODE(argument, select_cells(state, {0, 1, 2, 2}, {1, 2, 3, 4}));
  CHECK_CODE(argument, slice_positions(state, -1, 2));
  CHECK_CODE(argument, slice_positions(state, 2, 1));
  CHECK_CODE(argument, join_states({}));
  CHECK_CODE(argument, join_states({shared(state), shared(state)}));
  CHECK_CODE(argument, join_states({shared(state), shared(made_state(state.model, GGML_TYPE_F32, {9}))}));
  CHECK_CODE(argument, join_states({shared(state), shared(made_state(made_model({2, 1, 32, 32}), GGML_TYPE_F16, {9}))}));
  CHECK_CODE(argument, kv_type_of("q5_0"));
  CHECK_CODE(model_unsupported, encoding_of({1, 1, 48, 48}, GGML_TYPE_Q8_0));
}

TEST_CASE("kv state: parts joined are the whole") {
  for (const enum ggml_type type : all_types) {
    const kv_state state = made_state(made_model(), type, {0, 1, 2, 7, 11});
    const kv_state joined = join_states({shared(slice_positions(state, 0, 2)), shared(slice_positions(state, 2, 2)),
                                         shared(slice_positions(state, 2, 8)), shared(slice_positions(state, 8, 99))});
    CHECK(equal_states(joined, state));
  }
}

TEST_CASE("kv state: numbers survive another type as far as it can hold them, rotated or not") {
  // 64: rotated in blocks of 64; 192: keys too; 256: keys in blocks of 256; 32 and 96: not at all.
  for (const uint32_t size : {32u, 64u, 96u, 128u, 192u, 256u}) {
    const kv_state state = made_state(made_model({1, 2, size, size}), GGML_TYPE_F32, {0, 1, 2});
    const uint32_t rotated = size % 64 == 0 ? (size == 192 ? 64 : size) : 0;
    CHECK(encoding_of(state.shape(), GGML_TYPE_Q8_0).key_rotation == rotated);
    CHECK(encoding_of(state.shape(), GGML_TYPE_Q8_0).value_rotation == (rotated != 0 ? 64u : 0u));
    const float tolerances[] = {0, 2e-3f, 4e-2f, 0.6f};
    for (size_t i = 0; i < 4; i++) {
      for (const bool rotates : {false, true}) {
        const kv_state other = recode(state, encoding_of(state.shape(), all_types[i], rotates, rotates));
        CHECK(largest_difference(read_keys(other, 0), read_keys(state, 0)) <= tolerances[i]);
        CHECK(largest_difference(read_values(other, 0), read_values(state, 0)) <= tolerances[i]);
      }
    }
  }
}

TEST_CASE("kv state: keys turn by the distance, scaled and divided as the model says") {
  kv_model made = *made_model({1, 1, 8, 8});
  const std::vector<float> keys = {1, 0, 0, 0, 1, 1, 9, 9};
  for (const bool halves : {false, true}) {
    made.rope = {halves ? LLAMA_ROPE_TYPE_NEOX : LLAMA_ROPE_TYPE_NORM, 6, 100, 0.5f, {1, 2, 4}, ""};
    kv_state state(std::make_shared<const kv_model>(made), {GGML_TYPE_F32, 0, 0}, {10});
    write_keys(state, 0, keys);
    const kv_state moved = shift_positions(state, 7);
    CHECK(moved.positions.front() == 17);
    const std::vector<float> got = read_keys(moved, 0);
    for (size_t pair = 0; pair < 3; pair++) {
      const double angle = 7 * 0.5 * std::pow(100.0, -2.0 * static_cast<double>(pair) / 6) / std::pow(2.0, pair);
      const size_t first = halves ? pair : 2 * pair;
      const size_t second = halves ? pair + 3 : 2 * pair + 1;
      CHECK(std::fabs(got[first] - (keys[first] * std::cos(angle) - keys[second] * std::sin(angle))) < 1e-6);
      CHECK(std::fabs(got[second] - (keys[first] * std::sin(angle) + keys[second] * std::cos(angle))) < 1e-6);
    }
    CHECK(got[6] == 9 && got[7] == 9);
    CHECK(largest_difference(read_keys(shift_positions(moved, -7), 0), keys) < 1e-6);
    CHECK_CODE(argument, shift_positions(state, -11));
    CHECK_CODE(argument, shift_positions(state, INT32_MAX));
  }
  CHECK(shift_positions(made_state(made_model(), GGML_TYPE_Q4_0, {1}), 1).encoding.type == GGML_TYPE_F16);
}

TEST_CASE("kv state: a rotation that is not understood is refused by name") {
  kv_model made = *made_model();
  made.rope.refusal = "RoPE scaling of type yarn";
  const kv_state state = made_state(std::make_shared<const kv_model>(made), GGML_TYPE_F16, {1});
  try {
    shift_positions(state, 1);
    CHECK(false);
  } catch (const error& caught) {
    CHECK(caught.code() == error_code::model_unsupported);
    CHECK(std::string(caught.what()).find("yarn") != std::string::npos);
  }
  made.rope.type = LLAMA_ROPE_TYPE_NONE;
  const kv_state unrotated = made_state(std::make_shared<const kv_model>(made), GGML_TYPE_F16, {1});
  CHECK_CODE(model_unsupported, select_cells(unrotated, {0, 0, 0, 0}, {1}));
}
