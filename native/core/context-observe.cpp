// Observing: which cells of a sequence the tokens behind it look at.
#include <algorithm>
#include <cstring>
#include <utility>

#include "attention-tap.h"
#include "batch.h"
#include "byte-reader.h"
#include "error.h"
#include "kv-layout.h"

namespace precis {

observation context::observe(int32_t sequence, const std::vector<int32_t>& tokens, const observe_options& options) {
  check_sequence(sequence);
  require(!tokens.empty(), "there are no tokens to read");
  require(options.first_query < tokens.size(), "firstQuery must be smaller than the number of tokens");
  model_->check_tokens(tokens);
  check_room(sequence, tokens.size());
  check_plain("observing attention");
  if (!tap_) throw error(error_code::state, "attention can only be observed with flash attention off");
  const int32_t start = next_position(sequence);
  const model_info& info = model_->info();
  const size_t queries = std::min<size_t>(options.queries, tokens.size() - options.first_query);
  require(info.heads > 0 && info.kv_heads > 0 && info.heads % info.kv_heads == 0, "the model has no attention heads");
  tap_->begin({static_cast<size_t>(info.layers), static_cast<size_t>(info.heads), static_cast<size_t>(info.kv_heads),
               tokens.size(), options.first_query, options.maximum, queries});
  observation result;
  try {
    batch part;
    for (size_t done = 0; done < tokens.size();) {
      const size_t end = std::min(tokens.size(), done + info_.batch_tokens);
      part.clear();
      for (size_t i = done; i < end; i++) part.add(tokens[i], start + static_cast<int32_t>(i), sequence, i + 1 == end);
      decode(part);
      tap_->check();
      // The tap ends a graph early after a cancellation, and llama.cpp takes that for success.
      if (cancelled_) throw error(error_code::cancelled, "cancelled");
      positions_[static_cast<size_t>(sequence)].append(start + static_cast<int32_t>(done), start + static_cast<int32_t>(end));
      done = end;
    }
    tap_->check_complete();
    result = observed(sequence, start);
    result.query_count = queries;
  } catch (...) {
    tap_->end();
    logits_sequence_ = -1;
    truncate(sequence, start);
    throw;
  }
  tap_->end();
  logits_sequence_ = -1;
  truncate(sequence, start);
  return result;
}

// What the tap holds, for the cells with positions below `end`.
observation context::observed(int32_t sequence, int32_t end) {
  const std::vector<int32_t> positions = cell_positions(sequence);
  const std::vector<uint32_t>& columns = tap_->visible();
  if (columns.size() != positions.size()) throw error(error_code::failed, "the cells of the sequence cannot be told apart");
  std::vector<std::pair<int32_t, uint32_t>> cells;
  for (size_t i = 0; i < positions.size(); i++) {
    if (positions[i] < end) cells.emplace_back(positions[i], columns[i]);
  }
  std::sort(cells.begin(), cells.end());
  observation result;
  result.cells = cells.size();
  const auto layers = static_cast<size_t>(model_->info().layers);
  const auto kv_heads = static_cast<size_t>(model_->info().kv_heads);
  result.attention.reserve(layers * kv_heads * cells.size());
  for (size_t layer = 0; layer < layers; layer++) {
    for (size_t head = 0; head < kv_heads; head++) {
      for (const auto& [position, column] : cells) result.attention.push_back(tap_->at(layer, head, column));
    }
  }
  result.query_vectors = tap_->query_vectors();
  return result;
}

// The positions of a sequence in the order of its cells in the cache. llama.cpp tells them only at the head of a saved
// state; so it is given room for that head alone, and stops with an error that nobody needs to see.
std::vector<int32_t> context::cell_positions(int32_t sequence) {
  const auto count = static_cast<size_t>(used_cells(sequence));
  const size_t stream = unified_ ? 0 : static_cast<size_t>(sequence);
  constexpr size_t cell_bytes = sizeof(int32_t) + sizeof(uint32_t) + sizeof(int32_t);
  std::vector<uint8_t> head(3 * sizeof(uint32_t) + (stream + 1) * sizeof(uint32_t) + count * cell_bytes);
  {
    const log_capture quiet(log_capture::forwarding::off);
    llama().llama_state_seq_get_data(handle_, head.data(), head.size(), sequence);
  }
  byte_reader reader(head.data(), head.size());
  bool known = reader.value<uint32_t>() == llama_state_magic;
  reader.value<int32_t>();
  reader.value<uint32_t>();
  for (size_t i = 0; i < stream; i++) known = known && reader.value<uint32_t>() == 0;
  known = known && reader.value<uint32_t>() == count;
  std::vector<int32_t> positions;
  for (size_t i = 0; known && i < count; i++) {
    positions.push_back(reader.value<int32_t>());
    known = reader.value<uint32_t>() == 1 && reader.value<int32_t>() == sequence;
  }
  if (!known) throw error(error_code::failed, "the cells of the sequence cannot be read");
  return positions;
}

}  // namespace precis
