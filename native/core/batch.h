// The arrays of a llama_batch.
#pragma once

#include <cstdint>
#include <vector>

#include "context.h"

namespace precis {

struct context::batch {
  std::vector<llama_token> tokens;
  std::vector<llama_pos> positions;
  std::vector<int32_t> sequence_counts;
  std::vector<llama_seq_id> sequences;
  std::vector<llama_seq_id*> sequence_lists;
  std::vector<int8_t> outputs;
  // For score: which item and which of its targets each token predicts.
  std::vector<std::pair<size_t, size_t>> targets;

  size_t size() const { return tokens.size(); }

  void add(llama_token token, llama_pos position, llama_seq_id sequence, bool output) {
    tokens.push_back(token);
    positions.push_back(position);
    sequences.push_back(sequence);
    outputs.push_back(output ? 1 : 0);
  }

  // Valid until the batch changes.
  llama_batch view() {
    sequence_counts.assign(size(), 1);
    sequence_lists.clear();
    for (llama_seq_id& sequence : sequences) sequence_lists.push_back(&sequence);
    return {static_cast<int32_t>(size()), tokens.data(),         nullptr,       positions.data(),
            sequence_counts.data(),       sequence_lists.data(), outputs.data()};
  }

  void clear() {
    tokens.clear();
    positions.clear();
    sequences.clear();
    outputs.clear();
    targets.clear();
  }
};

}  // namespace precis
