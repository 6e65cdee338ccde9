// Sequences out of the cache and back into it.
#include <memory>
#include <stdexcept>
#include <utility>

#include "context.h"
#include "error.h"
#include "kv-file.h"
#include "kv-layout.h"
#include "kv-recode.h"

namespace precis {

kv_state context::capture(int32_t sequence, int32_t from, int32_t to) {
  check_sequence(sequence);
  check_plain("capturing a sequence");
  require(from >= 0 && to >= from, "from must not be negative, and to not smaller than from");
  const std::vector<uint8_t> state = get_state(sequence, from, to);
  try {
    return parse_llama_state(state.data(), state.size(), model_->kv(), kv_encoding_, from, to);
  } catch (const std::runtime_error& failure) {
    throw error(error_code::model_unsupported, std::string("this model's state has an unknown layout: ") + failure.what());
  }
}

void context::attach(int32_t sequence, const kv_state& state) {
  check_sequence(sequence);
  check_plain("attaching a state");
  require(state.model->fingerprint == model_->fingerprint(), "the state belongs to another model");
  if (state.cells() == 0) return;
  require(state.positions.front() >= next_position(sequence), "the state's positions must lie behind the sequence's last one");
  check_room(sequence, state.cells());
  logits_sequence_ = -1;
  const kv_state own = recode(state, kv_encoding_);
  if (used_cells(sequence) == 0) return place(sequence, own);
  append(sequence, own);
}

std::vector<uint8_t> context::save(int32_t sequence) { return encode_kv_file(capture(sequence), {}, {}); }

void context::restore(int32_t sequence, const std::vector<uint8_t>& blob) {
  check_sequence(sequence);
  check_plain("restoring a sequence");
  logits_sequence_ = -1;
  truncate(sequence, 0);
  attach(sequence, decode_kv_file(model_->kv(), blob.data(), blob.size()).state);
}

// Into an empty sequence. `state` is of the context's encoding and has cells. On failure the sequence is empty.
void context::place(int32_t sequence, const kv_state& state) {
  set_state(sequence, compose_llama_state(state, values_transposed_, unified_ ? 1 : info_.sequences));
  position_set& positions = positions_[static_cast<size_t>(sequence)];
  positions.clear();
  for (const int32_t position : state.positions) positions.append(position, position + 1);
}

// llama.cpp can only replace a sequence. So the state goes into the scratch sequence, and its cells are given to the
// other one; where streams keep sequences apart, the whole sequence is replaced by itself and the state.
void context::append(int32_t sequence, const kv_state& state) {
  if (scratch_ >= 0) {
    place(scratch_, state);
    llama().llama_memory_seq_cp(memory_, scratch_, sequence, -1, -1);
    truncate(scratch_, 0);
    position_set& positions = positions_[static_cast<size_t>(sequence)];
    for (const int32_t position : state.positions) positions.append(position, position + 1);
    return;
  }
  const auto before = std::make_shared<const kv_state>(capture(sequence));
  try {
    place(sequence, join_states({before, std::make_shared<const kv_state>(state)}));
  } catch (...) {
    place(sequence, *before);
    throw;
  }
}

// Where there is a scratch sequence, only the wanted cells leave llama.cpp; else all of them.
std::vector<uint8_t> context::get_state(int32_t sequence, int32_t from, int32_t to) {
  const bool whole = from == 0 && to >= next_position(sequence);
  if (whole || scratch_ < 0) return get_state(sequence);
  llama().llama_memory_seq_rm(memory_, scratch_, -1, -1);
  llama().llama_memory_seq_cp(memory_, sequence, scratch_, from, to);
  std::vector<uint8_t> state = get_state(scratch_);
  llama().llama_memory_seq_rm(memory_, scratch_, -1, -1);
  return state;
}

std::vector<uint8_t> context::get_state(int32_t sequence) {
  std::vector<uint8_t> state(llama().llama_state_seq_get_size(handle_, sequence));
  const size_t written = llama().llama_state_seq_get_data(handle_, state.data(), state.size(), sequence);
  if (written == 0 || written != state.size()) throw error(error_code::failed, "the state cannot be read");
  return state;
}

// On failure the sequence is empty.
void context::set_state(int32_t sequence, const std::vector<uint8_t>& state) {
  const log_capture log;
  size_t taken = 0;
  std::string reason;
  try {
    taken = llama().llama_state_seq_set_data(handle_, state.data(), state.size(), sequence);
  } catch (const std::exception& failure) {
    reason = failure.what();
  }
  if (taken == state.size()) return;
  truncate(sequence, 0);
  if (log.mentions("available cells")) throw error(error_code::context_full, log.reason());
  throw error(error_code::blob_invalid, "llama.cpp refuses the state: " + (reason.empty() ? log.reason() : reason));
}

}  // namespace precis
