// The numbers in a state: read, written in another encoding, keys rotated to other positions.
#pragma once

#include <vector>

#include "kv-state.h"

namespace precis {

// As attention sees them (without the Hadamard matrix): [cell][KV head][size].
std::vector<float> read_keys(const kv_state& state, size_t layer);
std::vector<float> read_values(const kv_state& state, size_t layer);

// Replace a layer's rows while a state is being made; `numbers` as read_keys and read_values give them.
void write_keys(kv_state& state, size_t layer, const std::vector<float>& numbers);
void write_values(kv_state& state, size_t layer, const std::vector<float>& numbers);

kv_state recode(const kv_state& state, const kv_encoding& encoding);

// Moves all positions by `by` and turns the keys accordingly. A quantised state becomes f16: quantising twice would
// lose more. Throws error(argument) for positions that leave their range, error(model_unsupported) and says why.
kv_state shift_positions(const kv_state& state, int64_t by);

}  // namespace precis
