#include "value-refit.h"

#include <algorithm>
#include <cmath>

#include "error.h"

namespace precis {

namespace {

struct matrix {
  size_t rows;
  size_t columns;
  std::vector<double> numbers;

  matrix(size_t of_rows, size_t of_columns) : rows(of_rows), columns(of_columns), numbers(of_rows * of_columns, 0.0) {}
  double* row(size_t index) { return numbers.data() + index * columns; }
  const double* row(size_t index) const { return numbers.data() + index * columns; }
};

void stop_if(const std::atomic<bool>& cancelled);
void attend(const refit_head& head, const std::vector<size_t>& free, matrix& attention, matrix& missing,
            const std::atomic<bool>& cancelled);
matrix transposed(const matrix& source);
matrix gram(const matrix& source, const std::atomic<bool>& cancelled);
void factorise(matrix& square, const std::atomic<bool>& cancelled);
void solve(const matrix& factor, matrix& right, const std::atomic<bool>& cancelled);
matrix product(const matrix& left, const matrix& right, const std::atomic<bool>& cancelled);

}  // namespace

std::vector<float> refit_values(const refit_head& head, const std::atomic<bool>& cancelled) {
  require(head.query_count > 0 && head.cells > 0 && head.kept_count > 0, "there is nothing to refit");
  require(head.ridge >= min_ridge && head.ridge <= max_ridge, "ridge must be 1e-6…1e6");
  require(head.query_count <= max_refit_products / head.kept_count, "there are too many queries for so many kept cells");
  std::vector<float> result;
  std::vector<size_t> free;
  for (size_t i = 0; i < head.kept_count; i++) {
    const float* value = head.values + static_cast<size_t>(head.kept[i]) * head.value_stride;
    result.insert(result.end(), value, value + head.value_size);
    if (head.fixed == nullptr || head.fixed[i] == 0) free.push_back(i);
  }
  if (free.empty()) return result;

  matrix attention(head.query_count, free.size());      // A
  matrix missing(head.query_count, head.value_size);    // O - A V
  attend(head, free, attention, missing, cancelled);
  double squares = 0;
  for (const double share : attention.numbers) squares += share * share;
  const double weight = head.ridge * squares / static_cast<double>(free.size());
  // Nobody looks at the free cells: whatever they hold, the output is the same.
  if (!(weight > 0)) return result;

  // X - V = (Aᵀ A + w)⁻¹ Aᵀ (O - A V) = Aᵀ (A Aᵀ + w)⁻¹ (O - A V): the smaller of the two systems is solved.
  const matrix turned = transposed(attention);
  const bool by_cells = free.size() <= head.query_count;
  matrix normal = gram(by_cells ? turned : attention, cancelled);
  for (size_t i = 0; i < normal.rows; i++) normal.row(i)[i] += weight;
  factorise(normal, cancelled);
  matrix change = by_cells ? product(turned, missing, cancelled) : missing;
  solve(normal, change, cancelled);
  if (!by_cells) change = product(turned, change, cancelled);

  for (size_t i = 0; i < free.size(); i++) {
    float* value = result.data() + free[i] * head.value_size;
    for (size_t j = 0; j < head.value_size; j++) {
      value[j] += static_cast<float>(change.row(i)[j]);
      require(std::isfinite(value[j]), "the values to refit are not finite");
    }
  }
  return result;
}

namespace {

void stop_if(const std::atomic<bool>& cancelled) {
  if (cancelled) throw error(error_code::cancelled, "cancelled");
}

double dot(const double* a, const double* b, size_t count) {
  // Several sums, so that compilers may turn the loop into vector code.
  constexpr size_t lanes = 8;
  double sums[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (size_t lane = 0; lane < lanes; lane++) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (size_t step = lanes / 2; step > 0; step /= 2) {
    for (size_t lane = 0; lane < step; lane++) sums[lane] += sums[lane + step];
  }
  for (; i < count; i++) sums[0] += a[i] * b[i];
  return sums[0];
}

template <class To, class From>
void add_scaled(To* to, const From* from, To factor, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] += factor * from[i];
}

// Softmax of the scores with these indices.
template <class Index>
void softmax(const std::vector<float>& scores, size_t count, Index index, double* shares) {
  float highest = scores[index(0)];
  for (size_t i = 1; i < count; i++) highest = std::max(highest, scores[index(i)]);
  double total = 0;
  for (size_t i = 0; i < count; i++) {
    shares[i] = std::exp(scores[index(i)] - highest);
    total += shares[i];
  }
  for (size_t i = 0; i < count; i++) shares[i] /= total;
}

void attend(const refit_head& head, const std::vector<size_t>& free, matrix& attention, matrix& missing,
            const std::atomic<bool>& cancelled) {
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(head.key_size)));
  std::vector<float> keys(head.key_size * head.cells);  // [value][cell], so that the loops below run over cells
  for (size_t cell = 0; cell < head.cells; cell++) {
    for (size_t i = 0; i < head.key_size; i++) keys[i * head.cells + cell] = head.keys[cell * head.key_stride + i] * scale;
  }
  std::vector<float> scores(head.cells);
  std::vector<double> full(head.cells);
  std::vector<double> kept(head.kept_count);
  for (size_t query = 0; query < head.query_count; query++) {
    stop_if(cancelled);
    std::fill(scores.begin(), scores.end(), 0.0f);
    for (size_t i = 0; i < head.key_size; i++) {
      add_scaled(scores.data(), keys.data() + i * head.cells, head.queries[query * head.key_size + i], head.cells);
    }
    require(std::all_of(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); }),
            "keys and query vectors must be finite and of moderate size");
    softmax(scores, head.cells, [](size_t i) { return i; }, full.data());
    softmax(scores, head.kept_count, [&](size_t i) { return static_cast<size_t>(head.kept[i]); }, kept.data());
    double* row = missing.row(query);
    for (size_t cell = 0; cell < head.cells; cell++) {
      add_scaled(row, head.values + cell * head.value_stride, full[cell], head.value_size);
    }
    for (size_t i = 0; i < head.kept_count; i++) {
      add_scaled(row, head.values + static_cast<size_t>(head.kept[i]) * head.value_stride, -kept[i], head.value_size);
    }
    for (size_t i = 0; i < free.size(); i++) attention.row(query)[i] = kept[free[i]];
  }
}

matrix transposed(const matrix& source) {
  matrix result(source.columns, source.rows);
  for (size_t i = 0; i < source.rows; i++) {
    for (size_t j = 0; j < source.columns; j++) result.row(j)[i] = source.row(i)[j];
  }
  return result;
}

// source · sourceᵀ, the lower half, in tiles that stay in the processor's nearest cache (24 KiB of the 32 and more).
matrix gram(const matrix& source, const std::atomic<bool>& cancelled) {
  constexpr size_t tile_columns = 384;
  constexpr size_t tile_rows = 8;
  matrix result(source.rows, source.rows);
  for (size_t begin = 0; begin < source.columns; begin += tile_columns) {
    const size_t width = std::min(tile_columns, source.columns - begin);
    for (size_t tile = 0; tile < source.rows; tile += tile_rows) {
      stop_if(cancelled);
      for (size_t i = tile; i < source.rows; i++) {
        const size_t end = std::min(tile + tile_rows, i + 1);
        for (size_t j = tile; j < end; j++) result.row(i)[j] += dot(source.row(i) + begin, source.row(j) + begin, width);
      }
    }
  }
  return result;
}

// Cholesky, in place: the lower half becomes L with L · Lᵀ = square.
void factorise(matrix& square, const std::atomic<bool>& cancelled) {
  for (size_t i = 0; i < square.rows; i++) {
    stop_if(cancelled);
    double* row = square.row(i);
    for (size_t j = 0; j < i; j++) row[j] = (row[j] - dot(row, square.row(j), j)) / square.row(j)[j];
    const double rest = row[i] - dot(row, row, i);
    if (!(rest > 0)) throw error(error_code::failed, "the values cannot be refitted: the system is singular");
    row[i] = std::sqrt(rest);
  }
}

// Replaces each column of `right` by the solution of L · Lᵀ · x = column.
void solve(const matrix& factor, matrix& right, const std::atomic<bool>& cancelled) {
  for (size_t i = 0; i < factor.rows; i++) {
    stop_if(cancelled);
    double* row = right.row(i);
    for (size_t j = 0; j < i; j++) add_scaled(row, right.row(j), -factor.row(i)[j], right.columns);
    for (size_t k = 0; k < right.columns; k++) row[k] /= factor.row(i)[i];
  }
  for (size_t i = factor.rows; i-- > 0;) {
    stop_if(cancelled);
    double* row = right.row(i);
    for (size_t k = 0; k < right.columns; k++) row[k] /= factor.row(i)[i];
    for (size_t j = 0; j < i; j++) add_scaled(right.row(j), row, -factor.row(i)[j], right.columns);
  }
}

matrix product(const matrix& left, const matrix& right, const std::atomic<bool>& cancelled) {
  matrix result(left.rows, right.columns);
  for (size_t i = 0; i < left.rows; i++) {
    stop_if(cancelled);
    for (size_t j = 0; j < left.columns; j++) add_scaled(result.row(i), right.row(j), left.row(i)[j], right.columns);
  }
  return result;
}

}  // namespace

}  // namespace precis
