// Natural logarithm of one element of the softmax of a row.
#pragma once

#include <cstddef>

namespace precis {

// log(exp(logits[target]) / sum of exp(logits)), for count ≥ 1; error below 1e-5. NaN when a logit is NaN.
float log_softmax_at(const float* logits, size_t count, size_t target);

// log(sum of exp(logits)), for count ≥ 1; error below 1e-5. NaN when a logit is NaN.
double log_sum_exp(const float* logits, size_t count);

}  // namespace precis
