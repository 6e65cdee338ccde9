#include "log-softmax.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace precis {

namespace {

// exp(x) for x ≤ 0, relative error 2e-7: exp(x) = 2^n · exp(r), |r| ≤ ln 2 / 2, polynomial by Taylor. Written without
// branches and calls, so that compilers turn the loop around it into vector code; std::exp is four times slower, and
// scoring calls it once per vocabulary entry and token.
inline float exp_negative(float x) {
  constexpr float log2_e = 1.44269504f;
  constexpr float ln2_high = 0.693359375f;
  constexpr float ln2_low = -2.12194440e-4f;
  constexpr float rounding = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer
  x = x < -87.0f ? -87.0f : x;
  const float shifted = x * log2_e + rounding;
  const float n = shifted - rounding;
  const float r = x - n * ln2_high - n * ln2_low;
  float sum = 1.0f / 5040;
  sum = sum * r + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = (bits + 127) << 23;  // the low bits of `shifted` hold n
  float power;
  std::memcpy(&power, &bits, sizeof(power));
  return sum * power;
}

}  // namespace

double log_sum_exp(const float* logits, size_t count) {
  const float highest = *std::max_element(logits, logits + count);
  constexpr size_t lanes = 16;
  float sums[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (size_t lane = 0; lane < lanes; lane++) sums[lane] += exp_negative(logits[i + lane] - highest);
  }
  double sum = 0;
  for (; i < count; i++) sum += exp_negative(logits[i] - highest);
  for (const float part : sums) sum += part;
  return highest + std::log(sum);
}

float log_softmax_at(const float* logits, size_t count, size_t target) {
  return static_cast<float>(logits[target] - log_sum_exp(logits, count));
}

}  // namespace precis
