// Opening a context: parameters, memory check, what llama.cpp made of it.
#include <algorithm>
#include <utility>

#include "context.h"
#include "cpu.h"
#include "error.h"

namespace precis {

namespace {

constexpr uint32_t max_cells = 1u << 20;
constexpr uint32_t max_sequences = 256;
constexpr uint32_t max_threads = 512;
constexpr int default_max_threads = 8;
// Scoring asks for logits of every token: outputs x vocabulary x 4 bytes, held by llama.cpp for good.
constexpr size_t logits_bytes = 128u << 20;

void check(const context_options& options);
void check_memory(const model& model, const context_options& options, enum ggml_type type);
bool stop_if(void* flag) { return static_cast<const std::atomic<bool>*>(flag)->load(); }

}  // namespace

std::unique_ptr<context> context::open(std::shared_ptr<const model> model, const context_options& options) {
  check(options);
  std::unique_ptr<context> opened(new context(std::move(model)));
  opened->start(options);
  return opened;
}

void context::start(const context_options& options) {
  const library& lib = llama();
  const enum ggml_type kv_type = kv_type_of(options.kv_type);
  unified_ = options.unified;
  check_memory(*model_, options, kv_type);
  // In one pool of cells, a sequence more costs nothing; `attach` and `capture` work on it.
  const bool has_scratch = unified_ && options.sequences < max_sequences && model_->kv()->refusal.empty();
  const uint32_t sequences = options.sequences + (has_scratch ? 1 : 0);
  const uint32_t batch_tokens = std::min(options.batch_tokens, options.cells);
  const size_t row_bytes = static_cast<size_t>(model_->info().vocabulary) * sizeof(float);
  outputs_per_batch_ = std::clamp<size_t>(logits_bytes / row_bytes, 1, batch_tokens);
  const uint32_t threads =
      options.threads > 0 ? options.threads : static_cast<uint32_t>(std::min(physical_cores(), default_max_threads));

  llama_context_params params = lib.llama_context_default_params();
  params.n_ctx = options.cells;
  params.n_batch = batch_tokens;
  params.n_ubatch = batch_tokens;
  params.n_seq_max = sequences;
  // llama.cpp reserves one output for each sequence, and aborts where that is more than allowed.
  params.n_outputs_max = std::max(static_cast<uint32_t>(outputs_per_batch_), sequences);
  params.n_threads = static_cast<int32_t>(threads);
  params.n_threads_batch = static_cast<int32_t>(threads);
  params.type_k = kv_type;
  params.type_v = kv_type;
  params.kv_unified = unified_;
  params.swa_full = true;  // a reused prefix needs the cells that a sliding window has left behind
  params.abort_callback = stop_if;
  params.abort_callback_data = &cancelled_;
  params.no_perf = true;
  switch (options.flash) {
    case flash_attention::automatic: params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_AUTO; break;
    case flash_attention::on: params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED; break;
    case flash_attention::off: params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED; break;
  }
  // Only graphs without flash attention have what the tap watches; elsewhere not even an idle one is asked.
  if (options.flash == flash_attention::off) {
    tap_ = std::make_unique<attention_tap>(cancelled_);
    params.cb_eval = attention_tap::on_node;
    params.cb_eval_user_data = tap_.get();
  }

  const log_capture log;
  try {
    handle_ = lib.llama_init_from_model(model_->handle(), params);
  } catch (const std::exception& failure) {
    throw error(error_code::failed, failure.what());
  }
  if (handle_ == nullptr) {
    const bool memory = log.mentions("alloc") || log.mentions("out of memory");
    throw error(memory ? error_code::out_of_memory : error_code::failed, "the context cannot be opened: " + log.reason());
  }
  memory_ = lib.llama_get_memory(handle_);
  if (memory_ == nullptr) throw error(error_code::model_unsupported, "the model has no cache");
  info_ = {lib.llama_n_ctx(handle_), lib.llama_n_ctx_seq(handle_), lib.llama_n_batch(handle_), options.sequences,
           options.kv_type,          log.cache_bytes(),            threads};
  positions_.resize(sequences);
  if (has_scratch) scratch_ = static_cast<int32_t>(options.sequences);
  // llama.cpp transposes values unless flash attention was asked for, and never asks for it with Grok.
  values_transposed_ = options.flash == flash_attention::off || model_->info().architecture == "grok";
  if (model_->kv()->refusal.empty()) {
    kv_encoding_ = encoding_of(model_->kv()->shape, kv_type, log.rotates_keys(), log.rotates_values());
  }
}

namespace {

void check(const context_options& options) {
  require(options.cells >= 1 && options.cells <= max_cells, "cells must be 1…1,048,576");
  require(options.batch_tokens >= 1 && options.batch_tokens <= options.cells, "batchTokens must be 1…cells");
  require(options.sequences >= 1 && options.sequences <= max_sequences, "sequences must be 1…256");
  require(options.threads <= max_threads, "threads must be 0…512");
  const bool quantised = is_quantised(kv_type_of(options.kv_type));
  require(!quantised || options.flash != flash_attention::off, "a quantised cache needs flash attention");
}

// llama.cpp writes the whole cache at once; where the system promises more memory than it has, that kills the process.
void check_memory(const model& model, const context_options& options, enum ggml_type type) {
  const library& lib = llama();
  const model_info& info = model.info();
  const uint64_t available = available_memory();
  if (available == 0 || info.heads <= 0 || info.gpu_layers > 0) return;
  const uint64_t head = static_cast<uint64_t>(info.embedding) / static_cast<uint64_t>(info.heads);
  const uint64_t row = head * static_cast<uint64_t>(info.kv_heads);
  const uint64_t block = static_cast<uint64_t>(lib.ggml_blck_size(type));
  const uint64_t row_bytes = (row + block - 1) / block * lib.ggml_type_size(type);
  const uint64_t needed = 2 * row_bytes * static_cast<uint64_t>(info.layers) * options.cells;
  if (needed > available) {
    throw error(error_code::out_of_memory, "the cache needs " + std::to_string(needed >> 20) + " MiB, " +
                                               std::to_string(available >> 20) + " MiB are available");
  }
}

}  // namespace

}  // namespace precis
