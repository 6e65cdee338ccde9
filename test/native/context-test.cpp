// The core with a real model: what a context must refuse, and that refusing leaves it intact.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

#include "context-fixture.h"
#include "text-pieces.h"

using namespace precis;
using namespace precis_test;

TEST_CASE("library: another folder is refused, the same one is not opened twice") {
  const library_info& first = open_library(given.libraries);
  CHECK(&first == &open_library(given.libraries));
  CHECK(first.release == llama_release);
  CHECK(!first.devices.empty());
  CHECK_CODE(state, open_library("/another"));
}

TEST_CASE("model: unreadable ones are told apart") {
  CHECK_CODE(model_missing, open_model(given.folder + "/none.gguf"));
  CHECK_CODE(argument, model::open({given.model, -1, true, {}, nullptr}));
  const std::atomic<bool> cancelled{true};
  CHECK_CODE(cancelled, model::open({given.model, 0, true, {}, &cancelled}));
}

TEST_CASE("model: tokens outside the vocabulary are refused") {
  const std::shared_ptr<model> opened = shared_model();
  CHECK_CODE(argument, opened->detokenize({-1}, true));
  CHECK_CODE(argument, opened->detokenize({opened->info().vocabulary}, true));
  CHECK_CODE(argument, opened->is_end_of_generation(INT32_MAX));
  const std::string text = "def parse(self, path):\n    return json.load(path)\n";
  CHECK(opened->detokenize(opened->tokenize(text, false), true) == text);
  CHECK(opened->tokenize("", false).empty());
}

TEST_CASE("text pieces make up the text, are short, and begin at line starts where there are any") {
  std::string text;
  for (int i = 0; i < 4000; i++) text += "line " + std::to_string(i) + " = f(x)\n    body\n";
  std::string joined;
  for (const std::string_view piece : text_pieces(text)) {
    CHECK(piece.size() <= max_piece_bytes);
    CHECK(piece.substr(0, 5) == "line ");
    joined += piece;
  }
  CHECK(joined == text);
  for (const std::string& run : {std::string(30000, '-'), std::string(30000, ' '), std::string(30000, '\n')}) {
    joined.clear();
    for (const std::string_view piece : text_pieces(run)) {
      CHECK(!piece.empty() && piece.size() <= max_piece_bytes);
      joined += piece;
    }
    CHECK(joined == run);
  }
  std::string wide;
  for (int i = 0; i < 10000; i++) wide += "\xe6\xbc\xa2";
  for (const std::string_view piece : text_pieces(wide)) CHECK(piece.size() % 3 == 0);
}

TEST_CASE("model: runs that overflow the stack of a regular expression are tokenized") {
  for (const char* unit : {"-", "1", " ", "\n", "a", "\xe6\xbc\xa2"}) {
    std::string text;
    while (text.size() < 300000) text += unit;
    CHECK(shared_model()->detokenize(shared_model()->tokenize(text, false), true) == text);
  }
}

TEST_CASE("context: every option out of range is refused") {
  const std::shared_ptr<model> opened = shared_model();
  const auto with = [&](auto change) {
    context_options options = small();
    change(options);
    return context::open(opened, options);
  };
  CHECK_CODE(argument, with([](auto& options) { options.cells = 0; }));
  CHECK_CODE(argument, with([](auto& options) { options.cells = (1u << 20) + 1; }));
  CHECK_CODE(argument, with([](auto& options) { options.batch_tokens = 0; }));
  CHECK_CODE(argument, with([](auto& options) { options.batch_tokens = 1025; }));
  CHECK_CODE(argument, with([](auto& options) { options.sequences = 0; }));
  CHECK_CODE(argument, with([](auto& options) { options.sequences = 257; }));
  CHECK_CODE(argument, with([](auto& options) { options.kv_type = "q9_9"; }));
  CHECK_CODE(argument, with([](auto& options) { options.kv_type = ""; }));
  CHECK_CODE(argument, with([](auto& options) { options.threads = 100000; }));
  CHECK_CODE(argument, with([](auto& options) {
               options.kv_type = "q8_0";
               options.flash = flash_attention::off;
             }));
}

TEST_CASE("context: sequences outside the range are refused by every method") {
  for (const bool unified : {true, false}) {
    const auto target = context::open(shared_model(), small(4, unified));
    const sampler greedy(shared_model(), {});
    for (const int32_t sequence : {-1, 4, 255, 256, 257, INT32_MAX, INT32_MIN}) {
      CHECK_CODE(argument, target->used_cells(sequence));
      CHECK_CODE(argument, target->next_position(sequence));
      CHECK_CODE(argument, target->read(sequence, {1}, {}));
      CHECK_CODE(argument, target->next(sequence, greedy));
      CHECK_CODE(argument, target->score({{sequence, {1, 2}}}));
      CHECK_CODE(argument, target->remove(sequence, 0, -1));
      CHECK_CODE(argument, target->copy_sequence(sequence, 0));
      CHECK_CODE(argument, target->copy_sequence(0, sequence));
      CHECK_CODE(argument, target->save(sequence));
      CHECK_CODE(argument, target->restore(sequence, {}));
    }
  }
}

TEST_CASE("context: empty, foreign and too many tokens are refused, and nothing changes") {
  const auto target = context::open(shared_model(), small());
  target->read(0, some_tokens(10), {});
  CHECK_CODE(argument, target->read(0, {}, {}));
  CHECK_CODE(argument, target->read(0, {1, -1}, {}));
  CHECK_CODE(argument, target->read(0, {shared_model()->info().vocabulary}, {}));
  CHECK_CODE(context_full, target->read(0, some_tokens(1015), {}));
  CHECK_CODE(argument, target->score({{1, {1}}}));
  CHECK_CODE(argument, target->score({{1, {1, 2}}, {1, {1, 2}}}));
  CHECK_CODE(context_full, target->score({{1, some_tokens(1026)}}));
  CHECK(target->score({}).empty());
  CHECK(target->used_cells(0) == 10);
  CHECK(generate(*target, 0, 3).size() == 3);
}

TEST_CASE("context: a batch beyond the limit is split, and the split does not show") {
  const std::vector<int32_t> tokens = some_tokens(700);
  const auto split = context::open(shared_model(), small());
  context_options whole_options = small();
  whole_options.batch_tokens = 1024;
  const auto whole = context::open(shared_model(), whole_options);
  std::vector<size_t> progress;
  split->read(0, tokens, [&](size_t done) { progress.push_back(done); });
  whole->read(0, tokens, {});
  CHECK(progress.size() == 11 && progress.front() == 64 && progress.back() == 700);
  CHECK(generate(*split, 0, 8) == generate(*whole, 0, 8));
}

TEST_CASE("context: all cells can be used, and one more is a code") {
  const auto target = context::open(shared_model(), small(1));
  target->read(0, some_tokens(1024), {});
  CHECK(target->used_cells(0) == 1024);
  const sampler greedy(shared_model(), {});
  CHECK_CODE(context_full, target->next(0, greedy));
  CHECK_CODE(context_full, target->read(0, {1}, {}));
}

TEST_CASE("context: sequences that share one pool can fill it together, and the loser stays as it was") {
  const auto target = context::open(shared_model(), small(2));
  target->read(0, some_tokens(900), {});
  target->read(1, some_tokens(20), {});
  CHECK_CODE(context_full, target->read(1, some_tokens(500), {}));
  CHECK(target->used_cells(1) == 20);
  CHECK_CODE(context_full, target->score({{1, some_tokens(400)}}));
  CHECK(target->used_cells(1) == 20 && target->used_cells(0) == 900);
}

TEST_CASE("context: only the sequence that was read last can go on") {
  const auto target = context::open(shared_model(), small());
  const sampler greedy(shared_model(), {});
  CHECK_CODE(state, target->next(0, greedy));
  target->read(0, some_tokens(5), {});
  target->read(1, some_tokens(5), {});
  CHECK_CODE(state, target->next(0, greedy));
  target->next(1, greedy);
  target->remove(1, 2, -1);
  CHECK_CODE(state, target->next(1, greedy));
}

TEST_CASE("context: removing ranges keeps the account, and bad ranges are refused") {
  const auto target = context::open(shared_model(), small());
  target->read(0, some_tokens(20), {});
  CHECK_CODE(argument, target->remove(0, -1, 5));
  CHECK_CODE(argument, target->remove(0, 5, 4));
  CHECK_CODE(argument, target->remove(0, 5, -2));
  target->remove(0, 5, 5);
  target->remove(0, 30, 40);
  CHECK(target->used_cells(0) == 20);
  target->remove(0, 5, 8);
  CHECK(target->used_cells(0) == 17 && target->next_position(0) == 20);
  target->remove(0, 15, INT32_MAX);
  CHECK(target->used_cells(0) == 12 && target->next_position(0) == 15);
  target->clear();
  CHECK(target->used_cells(0) == 0 && target->next_position(0) == 0);
}

TEST_CASE("score: agrees with a prefix in the cache, and leaves the sequences as they were") {
  for (const bool unified : {true, false}) {
    const auto target = context::open(shared_model(), small(3, unified));
    const std::vector<int32_t> tokens = some_tokens(60);
    const std::vector<float> whole = target->score({{0, tokens}}).front();
    CHECK(whole.size() == 59);
    target->read(1, std::vector<int32_t>(tokens.begin(), tokens.begin() + 40), {});
    const auto rest = target->score({{1, std::vector<int32_t>(tokens.begin() + 40, tokens.end())}, {2, tokens}});
    for (size_t i = 0; i < rest[0].size(); i++) CHECK(std::abs(rest[0][i] - whole[i + 40]) < 0.02f);
    for (size_t i = 0; i < whole.size(); i++) CHECK(std::abs(rest[1][i] - whole[i]) < 0.02f);
    CHECK(target->used_cells(0) == 0 && target->used_cells(1) == 40 && target->used_cells(2) == 0);
  }
}

TEST_CASE("cancel: from another thread, the sequence is as it was and usable") {
  context_options options = small(1);
  options.cells = 8192;
  options.batch_tokens = 512;
  const auto target = context::open(shared_model(), options);
  target->read(0, some_tokens(10), {});
  std::thread canceller;
  CHECK_CODE(cancelled, target->read(0, some_tokens(8000), [&](size_t) {
    if (!canceller.joinable()) canceller = std::thread([&] { target->cancel(); });
  }));
  canceller.join();
  CHECK(target->used_cells(0) == 10);
  CHECK_CODE(cancelled, target->read(0, {1}, {}));
  target->allow();
  target->read(0, {1}, {});
  CHECK(target->used_cells(0) == 11);
}

TEST_CASE("sampler: every option out of range is refused, and a seed repeats") {
  const auto with = [](auto change) {
    sampler_options options;
    change(options);
    return std::make_unique<sampler>(shared_model(), options);
  };
  CHECK_CODE(argument, with([](auto& options) { options.temperature = -1; }));
  CHECK_CODE(argument, with([](auto& options) { options.temperature = NAN; }));
  CHECK_CODE(argument, with([](auto& options) { options.top_k = -1; }));
  CHECK_CODE(argument, with([](auto& options) { options.top_p = 1.5; }));
  CHECK_CODE(argument, with([](auto& options) { options.min_p = -0.5; }));
  CHECK_CODE(argument, with([](auto& options) { options.repeat_penalty = 0; }));
  CHECK_CODE(argument, with([](auto& options) { options.repeat_last_tokens = -1; }));

  const auto target = context::open(shared_model(), small(1));
  sampler_options options;
  options.temperature = 1;
  options.top_k = 40;
  options.top_p = 0.95;
  options.min_p = 0.01;
  options.repeat_penalty = 1.1;
  options.seed = 42;
  std::vector<int32_t> first;
  for (int round = 0; round < 2; round++) {
    target->clear();
    target->read(0, some_tokens(20), {});
    const sampler seeded(shared_model(), options);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 20; i++) tokens.push_back(target->next(0, seeded));
    if (round == 0) first = tokens;
    CHECK(tokens == first);
  }
}
