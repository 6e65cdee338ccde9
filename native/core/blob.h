// The saved state of one sequence: our header in front of llama.cpp's own state data. The data is untrusted (it comes
// from disk), and llama.cpp allocates by the counts it finds there, so everything is checked before it gets to see it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "positions.h"

namespace precis {

// What must be equal for a state to fit into a context.
struct blob_identity {
  uint64_t fingerprint;  // of the model
  int32_t kv_type;       // ggml_type of K and V
};

// The parsed form. `state` is llama.cpp's data for a cache with one stream, whatever the context had.
struct blob_content {
  std::vector<int32_t> positions;  // ascending
  std::vector<uint8_t> state;
};

// Takes llama_state_seq_get_data's bytes. Throws error(model_unsupported) when their layout is not the plain one.
std::vector<uint8_t> pack_blob(const blob_identity& identity, const std::vector<uint8_t>& state);

// Throws error(blob_invalid) and says why. `max_cells`: cells that the target sequence can hold.
blob_content unpack_blob(const blob_identity& identity, uint32_t max_cells, const uint8_t* bytes, size_t count);

// The state for a context whose cache has `streams` streams.
std::vector<uint8_t> state_for_streams(const std::vector<uint8_t>& state, uint32_t streams);

}  // namespace precis
