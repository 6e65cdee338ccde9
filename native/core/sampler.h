// Chooses the next token from the logits of a context.
#pragma once

#include <cstdint>
#include <memory>

#include "model.h"

namespace precis {

// Ranges: temperature 0…100 (0: the likeliest token), top_k ≥ 0 (0: off), top_p 0…1 (1: off), min_p 0…1 (0: off),
// repeat_penalty 0.01…100 (1: off), repeat_last_tokens 0…65,536.
struct sampler_options {
  double temperature = 0;
  int32_t top_k = 0;
  double top_p = 1;
  double min_p = 0;
  double repeat_penalty = 1;
  int32_t repeat_last_tokens = 64;
  uint32_t seed = LLAMA_DEFAULT_SEED;  // LLAMA_DEFAULT_SEED: another one each time
};

class sampler {
 public:
  // The repeat penalty counts the tokens that this sampler chose, not those of the prompt: answers about code have to
  // repeat names of the prompt.
  sampler(const std::shared_ptr<const model>& model, const sampler_options& options);
  ~sampler();
  sampler(const sampler&) = delete;
  sampler& operator=(const sampler&) = delete;

  // Null when the model has been closed.
  std::shared_ptr<const model> owner() const { return model_.lock(); }
  llama_sampler* handle() const { return chain_; }

 private:
  std::weak_ptr<const model> model_;
  llama_sampler* chain_ = nullptr;
};

}  // namespace precis
