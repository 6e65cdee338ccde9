// Parts that need no model.
#include <cmath>
#include <random>

#include "check.h"
#include "hash.h"
#include "log-softmax.h"
#include "positions.h"

using namespace precis;

TEST_CASE("positions: appending, removing a middle, a tail and everything") {
  position_set positions;
  CHECK(positions.count() == 0 && positions.next() == 0);
  positions.append(0, 10);
  positions.append(10, 20);
  CHECK(positions.count() == 20 && positions.next() == 20);
  positions.remove(5, 8);
  CHECK(positions.count() == 17 && positions.next() == 20);
  positions.remove(15, 100);
  CHECK(positions.count() == 12 && positions.next() == 15);
  positions.append(30, 31);
  CHECK(positions.count() == 13 && positions.next() == 31);
  positions.remove(0, 31);
  CHECK(positions.count() == 0 && positions.next() == 0);
}

TEST_CASE("positions: agree with a plain list of flags under random removals") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; round++) {
    position_set positions;
    std::vector<bool> flags(64, true);
    positions.append(0, 64);
    for (int i = 0; i < 6; i++) {
      const auto from = static_cast<int32_t>(random() % 64);
      const auto to = static_cast<int32_t>(from + random() % 20);
      positions.remove(from, to);
      for (int32_t at = from; at < to && at < 64; at++) flags[static_cast<size_t>(at)] = false;
    }
    int32_t next = 0;
    int64_t count = 0;
    for (int32_t at = 0; at < 64; at++) {
      if (!flags[static_cast<size_t>(at)]) continue;
      next = at + 1;
      count++;
    }
    CHECK(positions.count() == count);
    CHECK(positions.next() == next);
  }
}

TEST_CASE("log softmax agrees with double precision, for any length and scale") {
  std::mt19937 random(11);
  for (const double scale : {0.0, 1.0, 10.0, 300.0}) {
    for (const size_t count : {size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{1000}, size_t{152064}}) {
      std::normal_distribution<float> normal(0, 1);
      std::vector<float> logits(count);
      for (float& logit : logits) logit = static_cast<float>(normal(random) * scale);
      const size_t target = random() % count;
      double highest = logits[0];
      for (const float logit : logits) highest = std::max<double>(highest, logit);
      double sum = 0;
      for (const float logit : logits) sum += std::exp(logit - highest);
      const double wanted = logits[target] - highest - std::log(sum);
      const float got = log_softmax_at(logits.data(), count, target);
      CHECK(std::abs(got - wanted) <= 1e-5 + 1e-6 * std::abs(wanted));
    }
  }
}

TEST_CASE("log softmax: minus infinity is no token, not-a-number stays visible") {
  const float some[] = {0.0f, -INFINITY, 0.0f};
  CHECK(std::abs(log_softmax_at(some, 3, 0) - std::log(0.5f)) < 1e-6f);
  CHECK(std::isinf(log_softmax_at(some, 3, 1)));
  const float broken[] = {0.0f, NAN, 1.0f};
  CHECK(std::isnan(log_softmax_at(broken, 3, 0)));
}

TEST_CASE("hash: every byte and the length count, parts of whole words do not") {
  const std::string text = "0123456789abcdefghijklmnopqrstuvwxyz";
  const auto value = [](const std::string& bytes) {
    hash64 hash;
    hash.add(bytes.data(), bytes.size());
    return hash.value();
  };
  for (size_t i = 0; i < text.size(); i++) {
    std::string changed = text;
    changed[i] ^= 1;
    CHECK(value(changed) != value(text));
    CHECK(value(text.substr(0, i)) != value(text));
  }
  hash64 parts;
  parts.add(text.data(), 16);
  parts.add(text.data() + 16, text.size() - 16);
  CHECK(parts.value() == value(text));
}
