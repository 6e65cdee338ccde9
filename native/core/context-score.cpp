// Scoring: log probabilities of given tokens.
#include <algorithm>
#include <cmath>
#include <set>

#include "batch.h"
#include "error.h"
#include "log-softmax.h"

namespace precis {

std::vector<std::vector<float>> context::score(const std::vector<score_item>& items) {
  std::vector<std::vector<float>> results;
  std::set<int32_t> sequences;
  for (const score_item& item : items) {
    check_sequence(item.sequence);
    require(sequences.insert(item.sequence).second, "two items have the same sequence");
    require(item.tokens.size() >= 2, "an item needs at least two tokens");
    model_->check_tokens(item.tokens);
    check_room(item.sequence, item.tokens.size() - 1);
    if (model_->recurrent() && next_position(item.sequence) > 0) {
      throw error(error_code::model_unsupported, "this model cannot score after a prefix");
    }
    results.emplace_back(item.tokens.size() - 1);
  }
  if (items.empty()) return results;
  std::vector<int32_t> starts;
  for (const score_item& item : items) starts.push_back(next_position(item.sequence));

  const size_t batch_size = std::min<size_t>(info_.batch_tokens, outputs_per_batch_);
  const auto restore = [&] {
    logits_sequence_ = -1;
    for (size_t i = 0; i < items.size(); i++) truncate(items[i].sequence, starts[i]);
  };
  try {
    batch part;
    for (size_t i = 0; i < items.size(); i++) {
      // The last token is only a target, so it is not read.
      const size_t inputs = items[i].tokens.size() - 1;
      // An item is not split over two batches where it fits into one: the split shows in the last digits.
      if (inputs > batch_size - part.size()) score_batch(part, items, results);
      for (size_t j = 0; j < inputs; j++) {
        if (part.size() == batch_size) score_batch(part, items, results);
        part.add(items[i].tokens[j], starts[i] + static_cast<int32_t>(j), items[i].sequence, true);
        part.targets.emplace_back(i, j);
      }
    }
    score_batch(part, items, results);
  } catch (...) {
    restore();
    throw;
  }
  restore();
  return results;
}

void context::score_batch(batch& part, const std::vector<score_item>& items, std::vector<std::vector<float>>& results) {
  if (part.size() == 0) return;
  decode(part);
  const auto vocabulary = static_cast<size_t>(model_->info().vocabulary);
  for (size_t k = 0; k < part.size(); k++) {
    const auto [item, target] = part.targets[k];
    const float* logits = llama().llama_get_logits_ith(handle_, static_cast<int32_t>(k));
    if (logits == nullptr) throw error(error_code::failed, "llama.cpp gave no logits");
    const float value = log_softmax_at(logits, vocabulary, static_cast<size_t>(items[item].tokens[target + 1]));
    if (std::isnan(value)) throw error(error_code::failed, "the model's output is not a number");
    results[item][target] = value;
  }
  part.clear();
}

}  // namespace precis
