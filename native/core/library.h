// The llama.cpp library, opened at run time. Nothing of llama.cpp is linked: every call goes through this table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ggml-backend.h"
#include "llama.h"
#include "log.h"

// Each function is looked up in the library that exports it (Windows does not search dependencies).
#define PRECIS_GGML_BASE_FUNCTIONS(X)                                                                     \
  X(ggml_backend_dev_name) X(ggml_backend_dev_description) X(ggml_backend_dev_memory)                     \
  X(ggml_backend_dev_type) X(ggml_blck_size) X(ggml_type_size) X(ggml_get_type_traits)                                            \
  X(ggml_backend_buffer_is_host) X(ggml_backend_tensor_get)

#define PRECIS_GGML_FUNCTIONS(X) X(ggml_backend_load_all_from_path) X(ggml_backend_dev_count) X(ggml_backend_dev_get)

#define PRECIS_LLAMA_FUNCTIONS(X)                                                                         \
  X(llama_version) X(llama_backend_init) X(llama_log_set) X(llama_print_system_info)                      \
  X(llama_supports_gpu_offload)                                                                           \
  X(llama_model_default_params) X(llama_model_load_from_file) X(llama_model_free)                         \
  X(llama_model_desc) X(llama_model_n_params) X(llama_model_size) X(llama_model_n_ctx_train)              \
  X(llama_model_n_embd) X(llama_model_n_layer) X(llama_model_n_head) X(llama_model_n_head_kv)             \
  X(llama_model_n_swa) X(llama_model_rope_type) X(llama_model_rope_freq_scale_train)                      \
  X(llama_model_has_encoder) X(llama_model_has_decoder)     \
  X(llama_model_is_recurrent) X(llama_model_is_hybrid) X(llama_model_is_diffusion)                        \
  X(llama_model_meta_val_str) X(llama_model_chat_template) X(llama_model_get_vocab)                       \
  X(llama_vocab_type) X(llama_vocab_n_tokens) X(llama_vocab_get_add_bos) X(llama_vocab_is_eog)            \
  X(llama_vocab_bos) X(llama_vocab_eos) X(llama_vocab_eot)                                                \
  X(llama_vocab_fim_pre) X(llama_vocab_fim_suf) X(llama_vocab_fim_mid)                                    \
  X(llama_tokenize) X(llama_token_to_piece)                                                               \
  X(llama_context_default_params) X(llama_init_from_model) X(llama_free)                                  \
  X(llama_n_ctx) X(llama_n_ctx_seq) X(llama_n_batch) X(llama_n_seq_max) X(llama_n_threads)                \
  X(llama_get_memory) X(llama_set_abort_callback) X(llama_decode) X(llama_synchronize)                    \
  X(llama_get_logits_ith)                                                                                 \
  X(llama_memory_clear) X(llama_memory_seq_rm) X(llama_memory_seq_cp) X(llama_memory_seq_pos_max)         \
  X(llama_state_seq_get_size) X(llama_state_seq_get_data) X(llama_state_seq_set_data)                     \
  X(llama_sampler_chain_default_params) X(llama_sampler_chain_init) X(llama_sampler_chain_add)            \
  X(llama_sampler_init_greedy) X(llama_sampler_init_dist) X(llama_sampler_init_top_k)                     \
  X(llama_sampler_init_top_p) X(llama_sampler_init_min_p) X(llama_sampler_init_temp)                      \
  X(llama_sampler_init_penalties) X(llama_sampler_sample) X(llama_sampler_free)

namespace precis {

// The release whose headers this was compiled against, such as v0.5.0.
extern const char* const llama_release;

struct library {
#define X(name) decltype(&::name) name = nullptr;
  PRECIS_GGML_BASE_FUNCTIONS(X)
  PRECIS_GGML_FUNCTIONS(X)
  PRECIS_LLAMA_FUNCTIONS(X)
#undef X
};

struct device {
  std::string name;
  std::string description;
  std::string type;  // cpu, gpu, integratedGpu, accelerator
  uint64_t free_bytes;
  uint64_t total_bytes;
};

struct library_info {
  std::string directory;
  std::string release;
  std::string system_info;
  std::vector<device> devices;
};

// Opens the libraries of `directory` (absolute, UTF-8), checks their release and starts the back ends. Once per
// process: later calls with the same directory return the same, with another one they throw error(state).
const library_info& open_library(const std::string& directory);

// Throws error(state) before open_library.
const library& llama();

}  // namespace precis
