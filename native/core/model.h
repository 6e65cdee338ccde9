// A GGUF model in memory, and its vocabulary.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv-model.h"
#include "library.h"

namespace precis {

struct model_options {
  std::string path;    // UTF-8
  int gpu_layers = 0;  // more than layers + 1 means all
  bool use_mmap = true;
  std::function<void(double)> on_progress;            // 0…1, on the calling thread; may be empty
  const std::atomic<bool>* cancelled = nullptr;  // set from another thread: error(cancelled)
};

struct special_tokens {
  int32_t bos, eos, eot, fim_prefix, fim_suffix, fim_middle;  // -1: none
};

struct model_info {
  std::string description;
  std::string architecture;
  uint64_t parameters;
  uint64_t bytes;
  int32_t vocabulary;
  int32_t trained_context;
  int32_t embedding;
  int32_t layers;
  int32_t heads;
  int32_t kv_heads;
  bool add_bos;
  special_tokens tokens;
  std::optional<std::string> chat_template;
  int32_t gpu_layers;
};

class model {
 public:
  // Throws error(model_* | out_of_memory | argument).
  static std::shared_ptr<model> open(const model_options& options);
  ~model();
  model(const model&) = delete;
  model& operator=(const model&) = delete;

  const model_info& info() const { return info_; }
  // Tells models apart over process restarts, see gguf_header.
  uint64_t fingerprint() const { return kv_->fingerprint; }
  // Layers that keep a state instead of cells: part of a sequence cannot be removed.
  bool recurrent() const { return recurrent_; }
  // What its cache looks like.
  const std::shared_ptr<const kv_model>& kv() const { return kv_; }

  // Thread-safe, no BOS is added. `special`: text such as <|im_end|> becomes its control token.
  std::vector<int32_t> tokenize(const std::string& text, bool special) const;
  // Bytes; may end inside a UTF-8 sequence.
  std::string detokenize(const std::vector<int32_t>& tokens, bool special) const;
  bool is_end_of_generation(int32_t token) const;
  // Throws error(argument) for a token outside the vocabulary.
  void check_tokens(const std::vector<int32_t>& tokens) const;

  llama_model* handle() const { return handle_; }

 private:
  explicit model(llama_model* handle) : handle_(handle) {}
  void describe(const std::string& architecture, int gpu_layers);

  llama_model* handle_;
  const llama_vocab* vocabulary_ = nullptr;
  bool recurrent_ = false;
  std::shared_ptr<const kv_model> kv_;
  model_info info_{};
};

}  // namespace precis
