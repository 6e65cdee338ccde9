// A context: the KV cache of a model, with its sequences. Checks every argument, so that llama.cpp never meets one that
// makes it abort.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attention-tap.h"
#include "kv-state.h"
#include "log.h"
#include "model.h"
#include "positions.h"
#include "sampler.h"

namespace precis {

enum class flash_attention { automatic, on, off };

struct context_options {
  uint32_t cells = 0;  // 1…1,048,576
  uint32_t batch_tokens = 512;
  uint32_t sequences = 1;  // 1…256
  bool unified = true;
  std::string kv_type = "f16";  // f16, f32, q8_0, q4_0
  flash_attention flash = flash_attention::automatic;
  uint32_t threads = 0;  // 0: physical cores, at most 8
};

struct context_info {
  uint32_t cells;
  uint32_t cells_per_sequence;
  uint32_t batch_tokens;
  uint32_t sequences;
  std::string kv_type;
  uint64_t kv_bytes;
  uint32_t threads;
};

struct observe_options {
  bool maximum = true;     // else the mean
  size_t first_query = 0;  // tokens before it are read, not observed
  size_t queries = 0;      // query vectors to return; at most as many as tokens are observed
};

struct observation {
  size_t cells = 0;
  std::vector<float> attention;  // [layer][kv head][cell], ascending positions
  size_t query_count = 0;
  std::vector<float> query_vectors;  // [layer][head][query][head size]
};

// What was sampled, and log p of it before the sampler's temperature and cuts.
struct drawn_tokens {
  std::vector<int32_t> tokens;
  std::vector<float> log_probabilities;
};

struct score_item {
  int32_t sequence;
  std::vector<int32_t> tokens;
};

// One thread at a time, except for cancel. Every failure is an error; sequences that an operation was writing to are
// afterwards as they were before it (models with recurrent layers cannot do that: there the sequence is emptied).
class context {
 public:
  // Throws error(argument | out_of_memory | model_unsupported | failed).
  static std::unique_ptr<context> open(std::shared_ptr<const model> model, const context_options& options);
  ~context();
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  const context_info& info() const { return info_; }
  int64_t used_cells(int32_t sequence) const;
  int32_t next_position(int32_t sequence) const;

  // Appends tokens in batches; on_progress (may be empty) gets the number of tokens done after each.
  void read(int32_t sequence, const std::vector<int32_t>& tokens, const std::function<void(size_t)>& on_progress);
  // Samples after the last read or generated token of the sequence; decodes the token unless it ends the generation.
  int32_t next(int32_t sequence, const sampler& sampler);
  // Decodes tokens, the first of which holds, samples after each, and stops where the next one is another: what was
  // sampled, the last of it not decoded. Tokens behind the last that holds are forgotten. Without tokens: samples only.
  drawn_tokens extend(int32_t sequence, const sampler& sampler, const std::vector<int32_t>& tokens);
  // result[i][j] = log p(tokens[j + 1] | prefix, tokens[0…j]); the sequences are left as they were.
  std::vector<std::vector<float>> score(const std::vector<score_item>& items);
  // result[token][vocabulary] = log p(· | prefix, tokens[0…token]); the sequence is left as it was.
  std::vector<float> distributions(int32_t sequence, const std::vector<int32_t>& tokens);

  // Reads tokens behind the sequence, watches which of its cells they look at, and forgets them.
  observation observe(int32_t sequence, const std::vector<int32_t>& tokens, const observe_options& options);

  void remove(int32_t sequence, int32_t from, int32_t to);  // to = -1: to the end
  void copy_sequence(int32_t source, int32_t target);
  void clear();

  // The cells with positions in [from, to).
  kv_state capture(int32_t sequence, int32_t from = 0, int32_t to = max_position + 1);
  // Appends the state's cells, which must lie behind the sequence's last position.
  void attach(int32_t sequence, const kv_state& state);
  // The same as bytes for a file; restore replaces the sequence, and leaves it empty when it fails.
  std::vector<uint8_t> save(int32_t sequence);
  void restore(int32_t sequence, const std::vector<uint8_t>& blob);

  // From any thread: the running operation throws error(cancelled) soon. Stays in force until allow.
  void cancel() { cancelled_ = true; }
  void allow() { cancelled_ = false; }

 private:
  struct batch;

  explicit context(std::shared_ptr<const model> model) : model_(std::move(model)) {}
  void start(const context_options& options);
  void check_sequence(int32_t sequence) const;
  void check_room(int32_t sequence, size_t tokens) const;
  void check_plain(const char* what) const;
  void decode(batch& tokens);
  int32_t sample(const sampler& sampler, int32_t output);
  void truncate(int32_t sequence, int32_t position);
  observation observed(int32_t sequence, int32_t end);
  std::vector<int32_t> cell_positions(int32_t sequence);
  void score_batch(batch& tokens, const std::vector<score_item>& items, std::vector<std::vector<float>>& results);
  void place(int32_t sequence, const kv_state& state);
  void append(int32_t sequence, const kv_state& state);
  std::vector<uint8_t> get_state(int32_t sequence);
  std::vector<uint8_t> get_state(int32_t sequence, int32_t from, int32_t to);
  void set_state(int32_t sequence, const std::vector<uint8_t>& state);

  std::shared_ptr<const model> model_;
  llama_context* handle_ = nullptr;
  llama_memory_t memory_ = nullptr;
  context_info info_{};
  kv_encoding kv_encoding_;
  bool values_transposed_ = false;
  bool unified_ = true;
  int32_t scratch_ = -1;  // a sequence of our own, empty between operations; -1: none
  size_t outputs_per_batch_ = 1;
  int32_t logits_sequence_ = -1;  // the sequence whose next token the current logits predict
  std::vector<position_set> positions_;
  std::atomic<bool> cancelled_{false};
  std::unique_ptr<attention_tap> tap_;  // null unless flash attention is off
};

}  // namespace precis
