// Saving and restoring a sequence.
#include <utility>

#include "blob.h"
#include "context.h"
#include "error.h"

namespace precis {

std::vector<uint8_t> context::save(int32_t sequence) {
  check_sequence(sequence);
  check_plain("saving a sequence");
  return pack_blob({model_->fingerprint(), kv_type_}, get_state(sequence));
}

void context::restore(int32_t sequence, const std::vector<uint8_t>& blob) {
  check_sequence(sequence);
  check_plain("restoring a sequence");
  logits_sequence_ = -1;
  truncate(sequence, 0);
  const blob_content content =
      unpack_blob({model_->fingerprint(), kv_type_}, info_.cells_per_sequence, blob.data(), blob.size());
  if (content.positions.empty()) return;
  if (content.positions.back() >= static_cast<int32_t>(info_.cells_per_sequence)) {
    throw error(error_code::context_full, "the saved sequence reaches beyond the context");
  }
  set_state(sequence, state_for_streams(content.state, unified_ ? 1 : info_.sequences));
  position_set& positions = positions_[static_cast<size_t>(sequence)];
  for (const int32_t position : content.positions) positions.append(position, position + 1);
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
