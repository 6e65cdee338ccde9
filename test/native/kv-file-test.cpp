// States as files: every kind of damage and forgery.
#include <cstdlib>
#include <cstring>
#include <random>

#include "hash.h"
#include "kv-file.h"
#include "kv-fixture.h"
#include "kv-layout.h"

using namespace precis;
using namespace precis_test;

namespace {

constexpr size_t checksum_at = 12;
constexpr size_t checked_from = 20;
const std::vector<int32_t> some_tokens = {5, 6, 7};
const std::vector<int32_t> some_segments = {0, 2, -1};

const std::shared_ptr<const kv_model>& small_model() {
  static const auto model = made_model({2, 1, 64, 32});
  return model;
}

std::vector<uint8_t> some_file(enum ggml_type type = GGML_TYPE_F16, std::vector<int32_t> positions = {0, 1, 4}) {
  return encode_kv_file(made_state(small_model(), type, std::move(positions)), some_tokens, some_segments);
}

kv_file decode(const std::vector<uint8_t>& bytes) { return decode_kv_file(small_model(), bytes.data(), bytes.size()); }

// Makes the checksum right again, as a forger would.
void sign(std::vector<uint8_t>& bytes) {
  if (bytes.size() < checked_from) return;
  hash64 hash;
  hash.add(bytes.data() + checked_from, bytes.size() - checked_from);
  const uint64_t value = hash.value();
  std::memcpy(bytes.data() + checksum_at, &value, sizeof(value));
}

// 20,000 unless PRECIS_FUZZ_ROUNDS says otherwise.
int fuzz_rounds() {
  const char* wanted = std::getenv("PRECIS_FUZZ_ROUNDS");
  return wanted == nullptr ? 20000 : std::atoi(wanted);
}

// One of: other bytes, a telling number, a shorter or longer end, a part of another file.
void mutate(std::vector<uint8_t>& bytes, const std::vector<uint8_t>& other, std::mt19937& random) {
  constexpr uint32_t numbers[] = {0, 1, 2, 31, 32, 33, 64, 255, 256, 65535, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffffff};
  const auto below = [&](size_t limit) { return limit == 0 ? 0 : random() % limit; };
  // The data's rows hold any bytes; most changes go where the structure is.
  const auto place = [&] { return below(random() % 4 == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 200)); };
  for (size_t changes = 1 + below(3); changes > 0 && !bytes.empty(); changes--) {
    const size_t at = place();
    switch (below(6)) {
      case 0: bytes[at] = static_cast<uint8_t>(random()); break;
      case 1: bytes[at] ^= static_cast<uint8_t>(1u << below(8)); break;
      case 2: {
        const uint32_t number = numbers[below(std::size(numbers))];
        std::memcpy(bytes.data() + at, &number, std::min(sizeof(number), bytes.size() - at));
        break;
      }
      case 3: bytes.resize(below(bytes.size() + 1)); break;
      case 4: bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), below(40), static_cast<uint8_t>(random())); break;
      default: {
        const size_t from = below(other.size());
        const size_t count = below(std::min(other.size() - from, bytes.size() - at) + 1);
        std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(from), count, bytes.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
  }
}

// What is done with a state that was let in.
void use(const kv_state& state) {
  recode(state, {GGML_TYPE_F32, 0, 0});
  recode(state, encoding_of(state.shape(), GGML_TYPE_Q8_0));
  slice_positions(state, 1, 3);
  if (state.cells() > 0 && state.positions.back() < max_position) shift_positions(state, 1);
  if (state.cells() > 0) compose_llama_state(state, !is_quantised(state.encoding.type), 2);
}

}  // namespace

TEST_CASE("kv file: state, tokens and segments come back") {
  for (const enum ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0}) {
    for (const auto& positions : {std::vector<int32_t>{}, {7}, {0, 1, max_position}}) {
      const kv_state state = made_state(small_model(), type, positions);
      const kv_file file = decode(encode_kv_file(state, some_tokens, some_segments));
      CHECK(equal_states(file.state, state));
      CHECK(file.tokens == some_tokens && file.segments == some_segments);
    }
  }
  const kv_file bare = decode(encode_kv_file(made_state(small_model(), GGML_TYPE_F16, {}), {}, {}));
  CHECK(bare.tokens.empty() && bare.segments.empty() && bare.state.cells() == 0);
}

TEST_CASE("kv file: rows that are not rotated stay as they are") {
  const kv_state state(small_model(), encoding_of(small_model()->shape, GGML_TYPE_Q8_0, false, false), {1});
  CHECK(decode(encode_kv_file(state, {}, {})).state.encoding.key_rotation == 0);
  CHECK(encoding_of(small_model()->shape, GGML_TYPE_Q8_0).key_rotation == 64);
}

TEST_CASE("kv file: another model, shape, rotation, release or version is refused") {
  const std::vector<uint8_t> bytes = some_file();
  const auto refused = [&](const std::function<void(kv_model&)>& change) {
    kv_model other = *small_model();
    change(other);
    const auto shared = std::make_shared<const kv_model>(other);
    CHECK_CODE(blob_invalid, decode_kv_file(shared, bytes.data(), bytes.size()));
  };
  refused([](kv_model& other) { other.fingerprint++; });
  refused([](kv_model& other) { other.architecture = "qwen2"; });
  refused([](kv_model& other) { other.shape.layers = 1; });
  refused([](kv_model& other) { other.shape.value_size = 64; });
  refused([](kv_model& other) { other.rope.type = LLAMA_ROPE_TYPE_NEOX; });
  refused([](kv_model& other) { other.rope.base = 20000; });
  refused([](kv_model& other) { other.rope.scale = 0.5; });
  refused([](kv_model& other) { other.rope.factors = {1, 2}; });
  kv_model odd = *small_model();
  odd.refusal = "a sliding window (SWA)";
  CHECK_CODE(model_unsupported, decode_kv_file(std::make_shared<const kv_model>(odd), bytes.data(), bytes.size()));
  // Magic, version, a letter of the release.
  for (const size_t at : {size_t{0}, size_t{8}, checked_from + 5}) {
    std::vector<uint8_t> changed = bytes;
    changed[at] ^= 1;
    sign(changed);
    CHECK_CODE(blob_invalid, decode(changed));
  }
}

TEST_CASE("kv file: cut at any byte it is refused, also with a corrected checksum") {
  const std::vector<uint8_t> bytes = some_file();
  for (size_t count = 0; count < bytes.size(); count++) {
    std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    CHECK_CODE(blob_invalid, decode(cut));
    sign(cut);
    CHECK_CODE(blob_invalid, decode(cut));
  }
}

TEST_CASE("kv file: any flipped bit is found") {
  const std::vector<uint8_t> bytes = some_file();
  for (size_t at = 0; at < bytes.size(); at++) {
    std::vector<uint8_t> changed = bytes;
    changed[at] ^= 0x40;
    CHECK_CODE(blob_invalid, decode(changed));
  }
}

TEST_CASE("kv file: repeated, unordered and negative positions are refused with a right checksum") {
  for (const std::vector<int32_t>& positions : {std::vector<int32_t>{1, 1}, {2, 1}, {-1, 0}, {0, max_position + 1}}) {
    kv_state state = made_state(small_model(), GGML_TYPE_F16, {0, 1});
    state.positions = positions;
    CHECK_CODE(blob_invalid, decode(encode_kv_file(state, {}, {})));
  }
}

TEST_CASE("kv file: forged at random, the worst is an error") {
  std::vector<std::vector<uint8_t>> files;
  for (const enum ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0}) {
    files.push_back(some_file(type));
    files.push_back(some_file(type, {}));
  }
  std::mt19937 random(5);
  int refused = 0;
  int accepted = 0;
  for (int round = 0; round < fuzz_rounds(); round++) {
    std::vector<uint8_t> forged = files[random() % files.size()];
    mutate(forged, files[random() % files.size()], random);
    if (random() % 16 != 0) sign(forged);
    try {
      const kv_file file = decode(forged);
      use(file.state);
      CHECK(encode_kv_file(file.state, file.tokens, file.segments) == forged);
      accepted++;
    } catch (const error& caught) {
      CHECK(caught.code() == error_code::blob_invalid);
      refused++;
    }
  }
  CHECK(refused > fuzz_rounds() / 2 && accepted > fuzz_rounds() / 100);
}

TEST_CASE("kv layout: forged at random, the worst is an error") {
  std::vector<std::pair<kv_state, std::vector<uint8_t>>> originals;
  for (const enum ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_0}) {
    const kv_state state = made_state(small_model(), type, {0, 1, 4});
    originals.emplace_back(state, compose_llama_state(state, false, 2));
    if (!is_quantised(type)) originals.emplace_back(state, compose_llama_state(state, true, 1));
  }
  std::mt19937 random(6);
  int refused = 0;
  int accepted = 0;
  for (int round = 0; round < fuzz_rounds(); round++) {
    const auto& [state, bytes] = originals[random() % originals.size()];
    std::vector<uint8_t> forged = bytes;
    mutate(forged, originals[random() % originals.size()].second, random);
    try {
      use(parse_llama_state(forged.data(), forged.size(), state.model, state.encoding, 0, max_position + 1));
      accepted++;
    } catch (const std::runtime_error&) {
      refused++;
    }
  }
  CHECK(refused > fuzz_rounds() / 2 && accepted > fuzz_rounds() / 100);
}
