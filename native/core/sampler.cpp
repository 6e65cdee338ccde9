#include "sampler.h"

#include "error.h"

namespace precis {

namespace {

// Colder than this, logits divided by the temperature overflow.
constexpr double coldest_temperature = 1e-3;

void check(const sampler_options& options) {
  const auto within = [](double value, double low, double high) { return value >= low && value <= high; };
  require(within(options.temperature, 0, 100), "temperature must be 0…100");
  require(options.top_k >= 0, "topK must not be negative");
  require(within(options.top_p, 0, 1), "topP must be 0…1");
  require(within(options.min_p, 0, 1), "minP must be 0…1");
  require(within(options.repeat_penalty, 0.01, 100), "repeatPenalty must be 0.01…100");
  require(options.repeat_last_tokens >= 0 && options.repeat_last_tokens <= 65536, "repeatLastTokens must be 0…65,536");
}

}  // namespace

sampler::sampler(const std::shared_ptr<const model>& model, const sampler_options& options) : model_(model) {
  check(options);
  const library& lib = llama();
  chain_ = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params());
  const auto add = [&](llama_sampler* stage) { lib.llama_sampler_chain_add(chain_, stage); };
  if (options.repeat_penalty != 1 && options.repeat_last_tokens > 0) {
    add(lib.llama_sampler_init_penalties(model->info().vocabulary, options.repeat_last_tokens,
                                         static_cast<float>(options.repeat_penalty), 0, 0));
  }
  if (options.temperature < coldest_temperature) {
    add(lib.llama_sampler_init_greedy());
    return;
  }
  if (options.top_k > 0) add(lib.llama_sampler_init_top_k(options.top_k));
  if (options.top_p < 1) add(lib.llama_sampler_init_top_p(static_cast<float>(options.top_p), 1));
  if (options.min_p > 0) add(lib.llama_sampler_init_min_p(static_cast<float>(options.min_p), 1));
  add(lib.llama_sampler_init_temp(static_cast<float>(options.temperature)));
  add(lib.llama_sampler_init_dist(options.seed));
}

sampler::~sampler() { llama().llama_sampler_free(chain_); }

}  // namespace precis
