#include "context.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "batch.h"
#include "error.h"
#include "log-softmax.h"

namespace precis {

context::~context() {
  if (handle_ != nullptr) llama().llama_free(handle_);
}

int64_t context::used_cells(int32_t sequence) const {
  check_sequence(sequence);
  return positions_[static_cast<size_t>(sequence)].count();
}

int32_t context::next_position(int32_t sequence) const {
  check_sequence(sequence);
  return positions_[static_cast<size_t>(sequence)].next();
}

void context::read(int32_t sequence, const std::vector<int32_t>& tokens, const std::function<void(size_t)>& on_progress) {
  check_sequence(sequence);
  require(!tokens.empty(), "there are no tokens to read");
  model_->check_tokens(tokens);
  check_room(sequence, tokens.size());
  const int32_t start = next_position(sequence);
  batch part;
  try {
    for (size_t done = 0; done < tokens.size();) {
      const size_t end = std::min(tokens.size(), done + info_.batch_tokens);
      part.clear();
      for (size_t i = done; i < end; i++) {
        part.add(tokens[i], start + static_cast<int32_t>(i), sequence, i + 1 == tokens.size());
      }
      decode(part);
      positions_[static_cast<size_t>(sequence)].append(start + static_cast<int32_t>(done), start + static_cast<int32_t>(end));
      done = end;
      if (on_progress) on_progress(done);
    }
  } catch (...) {
    truncate(sequence, start);
    throw;
  }
  logits_sequence_ = sequence;
}

int32_t context::next(int32_t sequence, const sampler& sampler) {
  check_sequence(sequence);
  require(sampler.owner() == model_, "the sampler belongs to another model");
  if (logits_sequence_ != sequence) {
    throw error(error_code::state, "the sequence was not the last one to be read or generated");
  }
  check_room(sequence, 1);
  const int32_t token = sample(sampler, -1);
  if (model_->is_end_of_generation(token)) return token;
  const int32_t position = next_position(sequence);
  batch single;
  single.add(token, position, sequence, true);
  try {
    decode(single);
  } catch (...) {
    truncate(sequence, position);
    throw;
  }
  positions_[static_cast<size_t>(sequence)].append(position, position + 1);
  logits_sequence_ = sequence;
  return token;
}

drawn_tokens context::extend(int32_t sequence, const sampler& sampler, const std::vector<int32_t>& tokens) {
  check_sequence(sequence);
  require(sampler.owner() == model_, "the sampler belongs to another model");
  drawn_tokens drawn;
  const auto draw = [&](int32_t output) {
    const int32_t token = sample(sampler, output);
    const float* logits = llama().llama_get_logits_ith(handle_, output);
    drawn.tokens.push_back(token);
    drawn.log_probabilities.push_back(
        log_softmax_at(logits, static_cast<size_t>(model_->info().vocabulary), static_cast<size_t>(token)));
  };
  if (tokens.empty()) {
    if (logits_sequence_ != sequence) {
      throw error(error_code::state, "the sequence was not the last one to be read or generated");
    }
    draw(-1);
    return drawn;
  }
  model_->check_tokens(tokens);
  require(tokens.size() <= std::min<size_t>(info_.batch_tokens, outputs_per_batch_), "there are too many tokens");
  if (model_->recurrent() && tokens.size() > 1) {
    throw error(error_code::model_unsupported, "this model cannot forget tokens that do not hold");
  }
  check_room(sequence, tokens.size());
  const int32_t start = next_position(sequence);
  batch drafted;
  for (const int32_t token : tokens) drafted.add(token, start + static_cast<int32_t>(drafted.size()), sequence, true);
  try {
    decode(drafted);
    for (size_t i = 0; i < tokens.size(); i++) {
      if (i > 0 && drawn.tokens.back() != tokens[i]) break;
      draw(static_cast<int32_t>(i));
    }
  } catch (...) {
    truncate(sequence, start);
    throw;
  }
  const int32_t end = start + static_cast<int32_t>(tokens.size());
  positions_[static_cast<size_t>(sequence)].append(start, end);
  // As many hold as were sampled after.
  if (drawn.tokens.size() < tokens.size()) truncate(sequence, start + static_cast<int32_t>(drawn.tokens.size()));
  return drawn;
}

void context::remove(int32_t sequence, int32_t from, int32_t to) {
  check_sequence(sequence);
  require(from >= 0, "from must not be negative");
  require(to == -1 || to >= from, "to must be -1 or not smaller than from");
  position_set& positions = positions_[static_cast<size_t>(sequence)];
  const int32_t end = to == -1 ? positions.next() : std::min(to, positions.next());
  if (from >= end) return;
  logits_sequence_ = -1;
  if (!llama().llama_memory_seq_rm(memory_, sequence, from, end == positions.next() ? -1 : end)) {
    throw error(error_code::model_unsupported, "this model cannot forget part of a sequence");
  }
  positions.remove(from, end);
}

void context::copy_sequence(int32_t source, int32_t target) {
  check_sequence(source);
  check_sequence(target);
  require(source != target, "source and target are the same sequence");
  logits_sequence_ = -1;
  if (unified_) {
    truncate(target, 0);
    llama().llama_memory_seq_cp(memory_, source, target, -1, -1);
  } else {
    // llama.cpp would copy between streams only at the next decode, and a state that is saved or restored before it
    // would be wrong; so the copy goes through the state, at once.
    check_plain("copying between streams");
    const std::vector<uint8_t> state = get_state(source);
    truncate(target, 0);
    if (used_cells(source) > 0) set_state(target, state);
  }
  positions_[static_cast<size_t>(target)] = positions_[static_cast<size_t>(source)];
}

void context::clear() {
  logits_sequence_ = -1;
  llama().llama_memory_clear(memory_, false);
  for (position_set& positions : positions_) positions.clear();
}

void context::check_sequence(int32_t sequence) const {
  require(sequence >= 0 && static_cast<uint32_t>(sequence) < info_.sequences,
          "sequence must be 0…" + std::to_string(info_.sequences - 1));
}

// Positions do not count: where cells were evicted, they go on beyond the number of cells.
void context::check_room(int32_t sequence, size_t tokens) const {
  const auto used = static_cast<size_t>(used_cells(sequence));
  if (tokens > info_.cells_per_sequence || used > info_.cells_per_sequence - tokens) {
    throw error(error_code::context_full, std::to_string(tokens) + " cells more than the " + std::to_string(used) +
                                              " used ones exceed the " + std::to_string(info_.cells_per_sequence) +
                                              " of the sequence");
  }
  if (tokens > static_cast<size_t>(max_position - next_position(sequence))) {
    throw error(error_code::context_full, "the sequence has reached the last position");
  }
}

void context::check_plain(const char* what) const {
  const kv_model& kv = *model_->kv();
  if (kv.refusal.empty()) return;
  throw error(error_code::model_unsupported,
              std::string(what) + " is not supported for the cache of " + kv.architecture + ": " + kv.refusal);
}

// Throws error(cancelled | context_full | out_of_memory | failed); then the cache may hold part of the batch.
void context::decode(batch& tokens) {
  logits_sequence_ = -1;
  if (cancelled_) throw error(error_code::cancelled, "cancelled");
  const log_capture log;
  int32_t status = 0;
  try {
    status = llama().llama_decode(handle_, tokens.view());
    // A GPU works on after llama_decode; its failures belong to this operation.
    llama().llama_synchronize(handle_);
  } catch (const std::bad_alloc&) {
    throw error(error_code::out_of_memory, "not enough memory to decode");
  } catch (const std::exception& failure) {
    throw error(error_code::failed, failure.what());
  }
  if (status == 0) return;
  if (cancelled_ || status == 2) throw error(error_code::cancelled, "cancelled");
  if (status == 1) throw error(error_code::context_full, "no free cells in the cache");
  if (log.mentions("alloc")) throw error(error_code::out_of_memory, log.reason());
  throw error(error_code::failed, "decoding failed (" + std::to_string(status) + "): " + log.reason());
}

// After the output of that index in the last batch; −1: the last one.
int32_t context::sample(const sampler& sampler, int32_t output) {
  const float* logits = llama().llama_get_logits_ith(handle_, output);
  // The sampler would abort on these; broken weights can give them.
  const auto count = static_cast<size_t>(model_->info().vocabulary);
  if (logits == nullptr || std::any_of(logits, logits + count, [](float logit) { return std::isnan(logit); }) ||
      !std::any_of(logits, logits + count, [](float logit) { return std::isfinite(logit); })) {
    throw error(error_code::failed, "the model's output is not a number");
  }
  return llama().llama_sampler_sample(sampler.handle(), handle_, output);
}

// Removes everything from `position` on. Never fails: where a recurrent model cannot cut, the sequence is emptied.
void context::truncate(int32_t sequence, int32_t position) {
  position_set& positions = positions_[static_cast<size_t>(sequence)];
  if (llama().llama_memory_seq_rm(memory_, sequence, position, -1)) {
    positions.remove(position, std::max(position, positions.next()));
  } else {
    llama().llama_memory_seq_rm(memory_, sequence, -1, -1);
    positions.clear();
  }
}

}  // namespace precis
