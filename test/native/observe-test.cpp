// Observing attention with a real model, for the sanitizers; what it must give is tested in observe.test.ts.
#include <cmath>
#include <thread>

#include "check.h"
#include "context.h"
#include "library.h"

using namespace precis;
using precis_test::given;

namespace {

std::unique_ptr<context> open_context(bool unified, flash_attention flash = flash_attention::off) {
  open_library(given.libraries);
  static const std::shared_ptr<model> opened = model::open({given.model, 0, true, {}, nullptr});
  context_options options;
  options.cells = 1024;
  options.batch_tokens = 48;
  options.sequences = 3;
  options.unified = unified;
  options.flash = flash;
  options.threads = 1;
  return context::open(opened, options);
}

std::vector<int32_t> some_tokens(size_t count, size_t from) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < count; i++) tokens.push_back(static_cast<int32_t>((i + from) * 37 % 400 + 5));
  return tokens;
}

// The sequence's cells lie between those of others, and its later tokens in its own hole.
void fill(context& target) {
  target.read(1, some_tokens(9, 0), {});
  target.read(0, some_tokens(40, 9), {});
  target.read(2, some_tokens(300, 1), {});
  target.remove(0, 5, 20);
  target.remove(1, 0, 4);
  target.read(0, some_tokens(60, 50), {});
}

}  // namespace

TEST_CASE("observe: shares of probabilities, whatever the batches and the order of cells") {
  for (const bool unified : {true, false}) {
    const std::unique_ptr<context> target = open_context(unified);
    fill(*target);
    const int64_t used = target->used_cells(0);
    for (const size_t first : {size_t{0}, size_t{47}, size_t{48}, size_t{99}}) {
      const observation seen = target->observe(0, some_tokens(100, 7), {false, first, 5});
      CHECK(seen.cells == static_cast<size_t>(used));
      CHECK(seen.query_count == std::min<size_t>(5, 100 - first));
      double total = 0;
      for (const float share : seen.attention) {
        CHECK(share >= 0 && share <= 1);
        total += share;
      }
      // Each row of shares adds up to 1, less what the observed tokens look at among themselves.
      const double rows = static_cast<double>(seen.attention.size() / seen.cells);
      CHECK(total > 0.01 * rows && total < 1.0001 * rows);
      for (const float value : seen.query_vectors) CHECK(std::isfinite(value));
    }
    CHECK(target->used_cells(0) == used && target->next_position(0) == 100);
    const observation mean = target->observe(0, some_tokens(100, 7), {false, 30, 0});
    const observation highest = target->observe(0, some_tokens(100, 7), {true, 30, 0});
    CHECK(mean.query_vectors.empty() && mean.attention.size() == highest.attention.size());
    for (size_t i = 0; i < mean.attention.size(); i++) CHECK(mean.attention[i] <= highest.attention[i] * 1.0001f + 1e-7f);
  }
}

TEST_CASE("observe: refused and cancelled calls leave the sequence as it was") {
  const std::unique_ptr<context> target = open_context(true);
  fill(*target);
  const int64_t used = target->used_cells(0);
  CHECK_CODE(argument, target->observe(3, some_tokens(10, 0), {}));
  CHECK_CODE(argument, target->observe(0, {}, {}));
  CHECK_CODE(argument, target->observe(0, some_tokens(10, 0), {true, 10, 0}));
  CHECK_CODE(argument, target->observe(0, {-1}, {}));
  CHECK_CODE(context_full, target->observe(0, some_tokens(1024, 0), {}));
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    target->cancel();
  });
  CHECK_CODE(cancelled, for (;;) target->observe(0, some_tokens(500, 0), {true, 0, 500}));
  other.join();
  CHECK(target->used_cells(0) == used && target->next_position(0) == 100);
  target->allow();
  CHECK(target->observe(0, some_tokens(20, 0), {}).cells == static_cast<size_t>(used));
  CHECK_CODE(state, open_context(true, flash_attention::automatic)->observe(0, some_tokens(10, 0), {}));
}
