// Whole next-token distributions, for measuring how far two caches are apart.
#include <algorithm>
#include <cmath>

#include "batch.h"
#include "error.h"
#include "log-softmax.h"

namespace precis {

namespace {

// One gibibyte of results.
constexpr size_t values_max = size_t{1} << 28;

}  // namespace

std::vector<float> context::distributions(int32_t sequence, const std::vector<int32_t>& tokens) {
  check_sequence(sequence);
  require(!tokens.empty(), "there are no tokens");
  model_->check_tokens(tokens);
  check_room(sequence, tokens.size());
  const int32_t start = next_position(sequence);
  if (model_->recurrent() && start > 0) {
    throw error(error_code::model_unsupported, "this model cannot go back behind a prefix");
  }
  const auto vocabulary = static_cast<size_t>(model_->info().vocabulary);
  require(tokens.size() <= values_max / vocabulary, "the distributions would take more than one gibibyte");

  std::vector<float> result(tokens.size() * vocabulary);
  const size_t batch_size = std::min<size_t>(info_.batch_tokens, outputs_per_batch_);
  const auto restore = [&] {
    logits_sequence_ = -1;
    truncate(sequence, start);
  };
  try {
    batch part;
    for (size_t first = 0; first < tokens.size(); first += part.size()) {
      part.clear();
      for (size_t j = first; j < tokens.size() && part.size() < batch_size; j++) {
        part.add(tokens[j], start + static_cast<int32_t>(j), sequence, true);
      }
      decode(part);
      for (size_t k = 0; k < part.size(); k++) {
        const float* logits = llama().llama_get_logits_ith(handle_, static_cast<int32_t>(k));
        if (logits == nullptr) throw error(error_code::failed, "llama.cpp gave no logits");
        const double normaliser = log_sum_exp(logits, vocabulary);
        if (std::isnan(normaliser)) throw error(error_code::failed, "the model's output is not a number");
        float* row = result.data() + (first + k) * vocabulary;
        for (size_t i = 0; i < vocabulary; i++) row[i] = static_cast<float>(logits[i] - normaliser);
      }
    }
  } catch (...) {
    restore();
    throw;
  }
  restore();
  return result;
}

}  // namespace precis
