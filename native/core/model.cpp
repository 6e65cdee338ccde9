#include "model.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string_view>

#include "error.h"
#include "gguf-header.h"
#include "log.h"
#include "text-pieces.h"

namespace precis {

namespace {

bool is_cancelled(const model_options& options) { return options.cancelled != nullptr && *options.cancelled; }

// llama.cpp stops loading when this returns false.
bool report_progress(float fraction, void* user_data) {
  const auto& options = *static_cast<const model_options*>(user_data);
  if (options.on_progress) options.on_progress(fraction);
  return !is_cancelled(options);
}

void append_tokens(const llama_vocab* vocabulary, std::string_view text, bool special, std::vector<int32_t>& tokens);
[[noreturn]] void throw_load_failure(const log_capture& log);
void refuse_unsupported(const llama_model* model, const std::string& architecture);

}  // namespace

std::shared_ptr<model> model::open(const model_options& options) {
  require(options.gpu_layers >= 0, "gpuLayers must not be negative");
  const library& lib = llama();
  const gguf_header header = read_gguf_header(std::filesystem::u8path(options.path));

  llama_model_params params = lib.llama_model_default_params();
  params.n_gpu_layers = options.gpu_layers;
  params.load_mode = options.use_mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
  params.progress_callback = report_progress;
  params.progress_callback_user_data = const_cast<model_options*>(&options);
  // Without layers on it, a GPU must not be touched at all: this is the last rung after a crash of its driver.
  ggml_backend_dev_t no_devices[] = {nullptr};
  if (options.gpu_layers == 0) params.devices = no_devices;

  const log_capture log;
  llama_model* handle = nullptr;
  try {
    handle = lib.llama_model_load_from_file(options.path.c_str(), params);
  } catch (const std::bad_alloc&) {
    throw error(error_code::out_of_memory, "not enough memory for the model");
  } catch (const std::exception& failure) {
    throw error(error_code::model_failed, failure.what());
  }
  if (handle == nullptr && is_cancelled(options)) throw error(error_code::cancelled, "cancelled");
  if (handle == nullptr) throw_load_failure(log);
  std::shared_ptr<model> opened(new model(handle));
  refuse_unsupported(handle, header.architecture);
  opened->describe(header.architecture, options.gpu_layers);
  opened->kv_ = std::make_shared<const kv_model>(describe_kv_model(handle, header));
  return opened;
}

model::~model() { llama().llama_model_free(handle_); }

std::vector<int32_t> model::tokenize(const std::string& text, bool special) const {
  require(text.size() < static_cast<size_t>(std::numeric_limits<int32_t>::max()) / 2, "the text is too long");
  std::vector<int32_t> tokens;
  // Other kinds of vocabularies have no patterns, and treat the beginning of a text specially.
  const bool cut = llama().llama_vocab_type(vocabulary_) == LLAMA_VOCAB_TYPE_BPE;
  const auto pieces = cut ? text_pieces(text) : std::vector<std::string_view>{text};
  for (const std::string_view piece : pieces) append_tokens(vocabulary_, piece, special, tokens);
  return tokens;
}

std::string model::detokenize(const std::vector<int32_t>& tokens, bool special) const {
  check_tokens(tokens);
  std::string text;
  std::string piece(64, '\0');
  for (const int32_t token : tokens) {
    int32_t count = 0;
    for (;;) {
      count = llama().llama_token_to_piece(vocabulary_, token, piece.data(), static_cast<int32_t>(piece.size()), 0, special);
      if (count >= 0) break;
      piece.resize(static_cast<size_t>(-static_cast<int64_t>(count)));
    }
    text.append(piece, 0, static_cast<size_t>(count));
  }
  return text;
}

bool model::is_end_of_generation(int32_t token) const {
  check_tokens({token});
  return llama().llama_vocab_is_eog(vocabulary_, token);
}

void model::check_tokens(const std::vector<int32_t>& tokens) const {
  for (const int32_t token : tokens) {
    require(token >= 0 && token < info_.vocabulary, "token " + std::to_string(token) + " is outside the vocabulary");
  }
}

void model::describe(const std::string& architecture, int gpu_layers) {
  const library& lib = llama();
  vocabulary_ = lib.llama_model_get_vocab(handle_);
  recurrent_ = lib.llama_model_is_recurrent(handle_) || lib.llama_model_is_hybrid(handle_);

  char text[256] = {};
  lib.llama_model_desc(handle_, text, sizeof(text));
  info_.description = text;
  info_.architecture = architecture;
  info_.parameters = lib.llama_model_n_params(handle_);
  info_.bytes = lib.llama_model_size(handle_);
  info_.vocabulary = lib.llama_vocab_n_tokens(vocabulary_);
  info_.trained_context = lib.llama_model_n_ctx_train(handle_);
  info_.embedding = lib.llama_model_n_embd(handle_);
  info_.layers = lib.llama_model_n_layer(handle_);
  info_.heads = lib.llama_model_n_head(handle_);
  info_.kv_heads = lib.llama_model_n_head_kv(handle_);
  info_.add_bos = lib.llama_vocab_get_add_bos(vocabulary_);
  info_.tokens = {lib.llama_vocab_bos(vocabulary_),     lib.llama_vocab_eos(vocabulary_),
                  lib.llama_vocab_eot(vocabulary_),     lib.llama_vocab_fim_pre(vocabulary_),
                  lib.llama_vocab_fim_suf(vocabulary_), lib.llama_vocab_fim_mid(vocabulary_)};
  const char* chat = lib.llama_model_chat_template(handle_, nullptr);
  if (chat != nullptr) info_.chat_template = chat;
  info_.gpu_layers = lib.llama_supports_gpu_offload() ? std::min(gpu_layers, info_.layers + 1) : 0;
}

namespace {

void append_tokens(const llama_vocab* vocabulary, std::string_view text, bool special, std::vector<int32_t>& tokens) {
  const size_t start = tokens.size();
  // No tokenizer gives more tokens than bytes, but for a prefix blank.
  size_t room = text.size() + 8;
  for (int attempt = 0; attempt < 2; attempt++) {
    tokens.resize(start + room);
    const int32_t count = llama().llama_tokenize(vocabulary, text.data(), static_cast<int32_t>(text.size()),
                                                 tokens.data() + start, static_cast<int32_t>(room), false, special);
    if (count >= 0) {
      tokens.resize(start + static_cast<size_t>(count));
      return;
    }
    if (count == std::numeric_limits<int32_t>::min()) break;
    room = static_cast<size_t>(-static_cast<int64_t>(count));
  }
  throw error(error_code::failed, "the text cannot be tokenized");
}

void throw_load_failure(const log_capture& log) {
  const std::string reason = log.reason().empty() ? "llama.cpp gave no reason" : log.reason();
  if (log.mentions("unknown model architecture")) throw error(error_code::model_unsupported, reason);
  if (log.mentions("not within the file bounds")) throw error(error_code::model_truncated, reason);
  if (log.mentions("unable to allocate") || log.mentions("failed to allocate") || log.mentions("out of memory")) {
    throw error(error_code::out_of_memory, reason);
  }
  throw error(error_code::model_failed, reason);
}

// Kinds of models that llama_decode, the tokenizer or the samplers would answer with an abort.
void refuse_unsupported(const llama_model* model, const std::string& architecture) {
  const library& lib = llama();
  const auto refuse = [&](const char* why) { throw error(error_code::model_unsupported, architecture + ": " + why); };
  if (lib.llama_model_has_encoder(model)) refuse("encoder models are not supported");
  if (!lib.llama_model_has_decoder(model)) refuse("the model has no decoder");
  if (lib.llama_model_is_diffusion(model)) refuse("diffusion models are not supported");
  char causal[16] = {};
  lib.llama_model_meta_val_str(model, (architecture + ".attention.causal").c_str(), causal, sizeof(causal));
  if (std::string(causal) == "false") refuse("embedding models are not supported");
  const llama_vocab* vocabulary = lib.llama_model_get_vocab(model);
  if (lib.llama_vocab_type(vocabulary) == LLAMA_VOCAB_TYPE_NONE) refuse("the model has no tokenizer");
  if (lib.llama_vocab_n_tokens(vocabulary) < 1) refuse("the vocabulary is empty");
}

}  // namespace

}  // namespace precis
