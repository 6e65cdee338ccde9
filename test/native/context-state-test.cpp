// Sequences out of a context and into another.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "context-fixture.h"
#include "kv-recode.h"

using namespace precis;
using namespace precis_test;

namespace {

// Rows of [cell][head][size], shuffled for each head on its own.
std::vector<float> shuffled_rows(const std::vector<float>& rows, size_t heads, size_t size, std::mt19937& random) {
  std::vector<float> result = rows;
  const size_t cells = rows.size() / heads / size;
  for (size_t head = 0; head < heads; head++) {
    std::vector<size_t> order(cells);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random);
    for (size_t cell = 0; cell < cells; cell++) {
      const auto from = static_cast<std::ptrdiff_t>((order[cell] * heads + head) * size);
      std::copy_n(rows.begin() + from, size, result.begin() + static_cast<std::ptrdiff_t>((cell * heads + head) * size));
    }
  }
  return result;
}

// Equal seeds keep each key with its value.
kv_state with_shuffled_cells(const kv_state& state, uint32_t key_seed, uint32_t value_seed) {
  kv_state result = state;
  const kv_shape& shape = state.shape();
  std::mt19937 key_random(key_seed);
  std::mt19937 value_random(value_seed);
  for (size_t layer = 0; layer < shape.layers; layer++) {
    write_keys(result, layer, shuffled_rows(read_keys(state, layer), shape.kv_heads, shape.key_size, key_random));
    write_values(result, layer, shuffled_rows(read_values(state, layer), shape.kv_heads, shape.value_size, value_random));
  }
  return result;
}

}  // namespace

TEST_CASE("context: a copy goes on like its source, in one pool and over streams, also when saved at once") {
  for (const bool unified : {true, false}) {
    const auto target = context::open(shared_model(), small(4, unified));
    const std::vector<int32_t> tokens = some_tokens(50);
    CHECK_CODE(argument, target->copy_sequence(1, 1));
    target->read(3, some_tokens(30, 11), {});
    target->read(0, std::vector<int32_t>(tokens.begin(), tokens.end() - 1), {});
    target->copy_sequence(0, 3);
    CHECK(target->used_cells(3) == 49);
    const std::vector<uint8_t> blob = target->save(3);
    CHECK(blob == target->save(0));
    target->copy_sequence(2, 1);
    CHECK(target->used_cells(1) == 0);
    target->read(0, {tokens.back()}, {});
    const std::vector<int32_t> wanted = generate(*target, 0, 6);
    target->read(3, {tokens.back()}, {});
    CHECK(generate(*target, 3, 6) == wanted);
  }
}

TEST_CASE("context: a saved sequence fits into another layout, and foreign or damaged ones empty the sequence") {
  const std::vector<int32_t> tokens = some_tokens(50);
  const auto source = context::open(shared_model(), small(4, true));
  source->read(2, std::vector<int32_t>(tokens.begin(), tokens.end() - 1), {});
  const std::vector<uint8_t> blob = source->save(2);
  source->read(2, {tokens.back()}, {});
  const std::vector<int32_t> wanted = generate(*source, 2, 6);
  for (const bool unified : {true, false}) {
    const auto target = context::open(shared_model(), small(3, unified));
    target->restore(1, blob);
    CHECK(target->used_cells(1) == 49 && target->next_position(1) == 49);
    target->read(1, {tokens.back()}, {});
    CHECK(generate(*target, 1, 6) == wanted);

    std::vector<uint8_t> damaged = blob;
    damaged[damaged.size() / 2] ^= 1;
    CHECK_CODE(blob_invalid, target->restore(1, damaged));
    CHECK(target->used_cells(1) == 0);
    CHECK_CODE(blob_invalid, target->restore(1, {}));
  }
  const std::shared_ptr<model> other = open_model(given.other_model);
  const auto foreign = context::open(other, small(1));
  CHECK_CODE(blob_invalid, foreign->restore(0, blob));
  const sampler wrong(other, {});
  CHECK_CODE(argument, source->next(2, wrong));
}

TEST_CASE("context: a state that llama.cpp itself refuses is an error, and the sequence is as it was") {
  for (const bool unified : {true, false}) {
    const auto target = context::open(shared_model(), small(2, unified));
    target->read(0, some_tokens(4), {});
    // As if it were of this model, but with rows of another width.
    kv_model wider = *shared_model()->kv();
    wider.shape.value_size *= 2;
    const kv_state forged(std::make_shared<const kv_model>(wider), {GGML_TYPE_F16, 0, 0}, {4, 5});
    if (unified) {
      CHECK_CODE(blob_invalid, target->attach(0, forged));
    } else {
      CHECK_CODE(argument, target->attach(0, forged));
    }
    CHECK_CODE(blob_invalid, target->attach(1, forged));
    CHECK(target->used_cells(0) == 4 && target->used_cells(1) == 0);
    target->attach(0, kv_state(shared_model()->kv(), {GGML_TYPE_F16, 0, 0}, {4, 5}));
    target->read(0, some_tokens(3), {});
    CHECK(target->used_cells(0) == 9);
  }
}

TEST_CASE("context: each KV head may hold its tokens in another order") {
  context_options options = small(1);
  options.kv_type = "f32";
  options.flash = flash_attention::off;
  const std::vector<int32_t> tokens = some_tokens(60);
  const std::vector<int32_t> ending = some_tokens(9, 11);
  const auto target = context::open(open_model(given.other_model), options);
  target->read(0, tokens, {});
  const std::vector<float> wanted = target->distributions(0, ending);
  const kv_state state = target->capture(0);
  CHECK(state.shape().kv_heads == 2);
  const auto difference = [&](const kv_state& changed) {
    target->remove(0, 0, -1);
    target->attach(0, changed);
    const std::vector<float> got = target->distributions(0, ending);
    double sum = 0;
    for (size_t i = 0; i < got.size(); i++) sum += std::fabs(got[i] - wanted[i]);
    return sum / static_cast<double>(wanted.size());
  };
  CHECK(difference(with_shuffled_cells(state, 3, 3)) < 1e-3);
  // Keys and values that do not belong together give something else.
  CHECK(difference(with_shuffled_cells(state, 3, 4)) > 0.05);
}

TEST_CASE("context: capturing a part leaves all sequences as they were") {
  for (const bool unified : {true, false}) {
    const auto target = context::open(shared_model(), small(2, unified));
    target->read(0, some_tokens(30), {});
    target->copy_sequence(0, 1);
    const kv_state whole = target->capture(0);
    const kv_state part = target->capture(1, 10, 20);
    CHECK(part.positions.front() == 10 && part.cells() == 10);
    CHECK(part.keys == slice_positions(whole, 10, 20).keys && part.values == slice_positions(whole, 10, 20).values);
    CHECK(target->capture(1, 30, 99).cells() == 0);
    target->remove(1, 5, -1);
    CHECK(target->capture(0).keys == whole.keys && target->capture(1).cells() == 5);
    CHECK_CODE(argument, target->capture(0, 5, 4));
    CHECK_CODE(argument, target->capture(0, -1, 4));
    CHECK_CODE(argument, target->capture(2));
    CHECK_CODE(argument, target->attach(2, whole));
    CHECK_CODE(argument, target->attach(0, whole));
  }
}

TEST_CASE("context: 256 sequences leave none to work on, and attaching goes all the same") {
  const auto target = context::open(shared_model(), small(256, true));
  target->read(255, some_tokens(20), {});
  const kv_state whole = target->capture(255);
  target->remove(255, 10, -1);
  target->attach(255, slice_positions(whole, 10, 20));
  CHECK(target->capture(255).keys == whole.keys && target->used_cells(255) == 20);
}
