// Refitting values: against an independent solution by plain elimination, and where it must leave values alone.
#include <algorithm>
#include <cmath>
#include <random>

#include "check.h"
#include "value-refit.h"

using namespace precis;

namespace {

struct example {
  size_t queries;
  size_t cells;
  size_t key_size = 6;
  size_t value_size = 3;
  std::vector<float> query_rows;
  std::vector<float> key_rows;
  std::vector<float> value_rows;
  std::vector<int32_t> kept;
  std::vector<uint8_t> fixed;
  double ridge;

  example(size_t query_count, size_t cell_count, size_t every, double with_ridge)
      : queries(query_count), cells(cell_count), ridge(with_ridge) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (auto* rows : {&query_rows, &key_rows, &value_rows}) {
      const size_t size = rows == &value_rows ? value_size : key_size;
      rows->resize((rows == &query_rows ? queries : cells) * size);
      for (float& number : *rows) number = normal(random);
    }
    for (size_t cell = 0; cell < cells; cell += every) kept.push_back(static_cast<int32_t>(cell));
  }

  std::vector<float> refit() const {
    const std::atomic<bool> never{false};
    return refit_values(task(), never);
  }

  refit_head task() const {
    refit_head head;
    head.queries = query_rows.data();
    head.query_count = queries;
    head.keys = key_rows.data();
    head.key_stride = head.key_size = key_size;
    head.values = value_rows.data();
    head.value_stride = head.value_size = value_size;
    head.cells = cells;
    head.kept = kept.data();
    head.kept_count = kept.size();
    head.fixed = fixed.empty() ? nullptr : fixed.data();
    head.ridge = ridge;
    return head;
  }

  float original(size_t index, size_t column) const {
    return value_rows[static_cast<size_t>(kept[index]) * value_size + column];
  }

  bool is_fixed(size_t index) const { return !fixed.empty() && fixed[index] != 0; }

  // Attention of a query over the given cells.
  std::vector<double> shares(size_t query, const std::vector<int32_t>& over) const {
    std::vector<double> result;
    double total = 0;
    for (const int32_t cell : over) {
      double score = 0;
      for (size_t i = 0; i < key_size; i++) {
        score += static_cast<double>(query_rows[query * key_size + i]) * key_rows[static_cast<size_t>(cell) * key_size + i];
      }
      result.push_back(std::exp(score / std::sqrt(static_cast<double>(key_size))));
      total += result.back();
    }
    for (double& share : result) share /= total;
    return result;
  }

  double full_output(size_t query, size_t column) const {
    std::vector<int32_t> all(cells);
    for (size_t i = 0; i < cells; i++) all[i] = static_cast<int32_t>(i);
    const std::vector<double> weights = shares(query, all);
    double sum = 0;
    for (size_t i = 0; i < cells; i++) sum += weights[i] * value_rows[i * value_size + column];
    return sum;
  }

  // [query][kept]
  std::vector<std::vector<double>> attention() const {
    std::vector<std::vector<double>> rows;
    for (size_t query = 0; query < queries; query++) rows.push_back(shares(query, kept));
    return rows;
  }

  // A X - O, [query][column]
  std::vector<double> errors(const std::vector<float>& values) const {
    const std::vector<std::vector<double>> weights = attention();
    std::vector<double> result;
    for (size_t query = 0; query < queries; query++) {
      for (size_t column = 0; column < value_size; column++) {
        double output = -full_output(query, column);
        for (size_t i = 0; i < kept.size(); i++) output += weights[query][i] * values[i * value_size + column];
        result.push_back(output);
      }
    }
    return result;
  }

  double loss(const std::vector<float>& values) const {
    double total = 0;
    for (const double difference : errors(values)) total += difference * difference;
    return total;
  }

  // The largest part of the gradient of |A X - O|² + w |X - V|² for values that are not fixed; 0 at the minimum.
  double gradient(const std::vector<float>& values) const {
    const std::vector<std::vector<double>> weights = attention();
    const std::vector<double> differences = errors(values);
    double squares = 0;
    size_t free = 0;
    for (size_t i = 0; i < kept.size(); i++) {
      if (is_fixed(i)) continue;
      free++;
      for (const std::vector<double>& row : weights) squares += row[i] * row[i];
    }
    double largest = 0;
    for (size_t i = 0; i < kept.size(); i++) {
      for (size_t column = 0; column < value_size && !is_fixed(i); column++) {
        double sum = ridge * squares / static_cast<double>(free) * (values[i * value_size + column] - original(i, column));
        for (size_t query = 0; query < queries; query++) sum += weights[query][i] * differences[query * value_size + column];
        largest = std::max(largest, std::abs(sum));
      }
    }
    return largest;
  }
};

std::vector<float> originals(const example& given) {
  std::vector<float> result;
  for (size_t i = 0; i < given.kept.size(); i++) {
    for (size_t column = 0; column < given.value_size; column++) result.push_back(given.original(i, column));
  }
  return result;
}

void check_minimum(const example& given) {
  const std::vector<float> refitted = given.refit();
  CHECK(refitted.size() == given.kept.size() * given.value_size);
  CHECK(given.gradient(refitted) < 1e-5);
  for (size_t i = 0; i < refitted.size(); i++) {
    if (given.is_fixed(i / given.value_size)) CHECK(refitted[i] == originals(given)[i]);
  }
  CHECK(given.loss(refitted) < 0.9 * given.loss(originals(given)));
}

}  // namespace

TEST_CASE("refit: the gradient vanishes, with more queries than kept cells and with fewer") {
  check_minimum(example(40, 24, 3, 1e-3));
  check_minimum(example(5, 60, 2, 1e-3));
  check_minimum(example(300, 600, 2, 0.1));
  check_minimum(example(8, 16, 2, 1e-6));
}

TEST_CASE("refit: fixed cells keep their values and the others make up for the rest") {
  example given(40, 24, 2, 1e-3);
  given.fixed.assign(given.kept.size(), 0);
  for (size_t i = 0; i < given.fixed.size(); i += 3) given.fixed[i] = 1;
  check_minimum(given);
  given.fixed.assign(given.kept.size(), 255);
  CHECK(given.refit() == originals(given));
}

TEST_CASE("refit: a large ridge and cells that nobody looks at keep their values") {
  example given(40, 24, 3, max_ridge);
  const std::vector<float> refitted = given.refit();
  const std::vector<float> before = originals(given);
  for (size_t i = 0; i < before.size(); i++) CHECK(std::abs(refitted[i] - before[i]) < 1e-4f);

  example blind(40, 24, 3, 1e-3);
  // Against every query: the keys of all kept cells but the first point away from the only direction of the queries.
  for (size_t i = 0; i < blind.query_rows.size(); i++) blind.query_rows[i] = i % blind.key_size == 0 ? 100.0f : 0.0f;
  for (size_t cell = 0; cell < blind.cells; cell++) blind.key_rows[cell * blind.key_size] = cell == 0 ? 100.0f : -100.0f;
  const std::vector<float> unseen = blind.refit();
  const std::vector<float> kept = originals(blind);
  for (size_t i = blind.value_size; i < kept.size(); i++) CHECK(unseen[i] == kept[i]);
}

TEST_CASE("refit: one query cannot ruin the values") {
  example given(1, 200, 4, 0.1);
  const std::vector<float> refitted = given.refit();
  const std::vector<float> before = originals(given);
  double moved = 0;
  double size = 0;
  for (size_t i = 0; i < before.size(); i++) {
    moved += std::pow(refitted[i] - before[i], 2);
    size += std::pow(before[i], 2);
  }
  CHECK(given.loss(refitted) < given.loss(before));
  CHECK(moved < size);
}

TEST_CASE("refit: cells in strides, as the rows of a cache lie") {
  const example given(40, 24, 3, 1e-3);
  std::vector<float> keys;
  std::vector<float> values;
  for (size_t cell = 0; cell < given.cells; cell++) {
    keys.insert(keys.end(), given.key_size, -7.0f);
    keys.insert(keys.end(), given.key_rows.begin() + static_cast<std::ptrdiff_t>(cell * given.key_size),
                given.key_rows.begin() + static_cast<std::ptrdiff_t>((cell + 1) * given.key_size));
    values.insert(values.end(), given.value_rows.begin() + static_cast<std::ptrdiff_t>(cell * given.value_size),
                  given.value_rows.begin() + static_cast<std::ptrdiff_t>((cell + 1) * given.value_size));
    values.push_back(-7.0f);
  }
  refit_head task = given.task();
  task.keys = keys.data() + given.key_size;
  task.key_stride = 2 * given.key_size;
  task.values = values.data();
  task.value_stride = given.value_size + 1;
  const std::atomic<bool> never{false};
  CHECK(refit_values(task, never) == given.refit());
}

TEST_CASE("refit: cancelled, empty, too large and not finite are codes") {
  const example given(40, 24, 3, 1e-3);
  const std::atomic<bool> now{true};
  const std::atomic<bool> never{false};
  CHECK_CODE(cancelled, refit_values(given.task(), now));
  for (const double ridge : {0.0, -1.0, 1e-7, 1e7, std::nan(""), HUGE_VAL}) {
    refit_head task = given.task();
    task.ridge = ridge;
    CHECK_CODE(argument, refit_values(task, never));
  }
  refit_head none = given.task();
  none.kept_count = 0;
  CHECK_CODE(argument, refit_values(none, never));
  refit_head huge = given.task();
  huge.query_count = size_t{1} << 40;
  CHECK_CODE(argument, refit_values(huge, never));
  for (const float bad : {std::nanf(""), HUGE_VALF}) {
    example broken = given;
    broken.query_rows[3] = bad;
    CHECK_CODE(argument, broken.refit());
    broken = given;
    broken.key_rows[3] = bad;
    CHECK_CODE(argument, broken.refit());
    broken = given;
    broken.value_rows[3] = bad;
    CHECK_CODE(argument, broken.refit());
  }
}
