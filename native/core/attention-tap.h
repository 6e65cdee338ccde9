// Watches a graph of llama.cpp while it is computed (cb_eval), and reduces what attention looks at. Only graphs without
// flash attention have the nodes that it needs: `kq-<layer>` (keys times queries) and `kq_soft_max-<layer>`.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <vector>

#include "ggml.h"

namespace precis {

struct tap_request {
  size_t layers = 0;
  size_t heads = 0;
  size_t kv_heads = 0;
  size_t tokens = 0;       // that will be decoded
  size_t first_query = 0;  // of these tokens, the first one to be observed
  bool maximum = true;     // else the mean
  size_t queries = 0;      // query vectors to keep, at most tokens - first_query
};

// Used on the thread that decodes. Costs nothing while inactive: llama.cpp then computes its graph in one piece.
class attention_tap {
 public:
  // For llama_context_params::cb_eval; `tap` is the attention_tap. Throws nothing: what failed is kept for `check`.
  static bool on_node(ggml_tensor* node, bool ask, void* tap);

  explicit attention_tap(const std::atomic<bool>& cancelled) : cancelled_(cancelled) {}

  void begin(const tap_request& request);
  // Throws what went wrong inside the callback.
  void check() const;
  // Throws error(model_unsupported) unless every layer's attention was seen for every token.
  void check_complete() const;
  void end();

  // Probability of a column (cell of the cache), reduced over the observed queries and the query heads of a KV head; 0
  // for columns that were never seen.
  float at(size_t layer, size_t kv_head, size_t column) const;
  // The columns that the last observed query could see, ascending.
  const std::vector<uint32_t>& visible() const { return visible_; }
  size_t head_size() const { return head_size_; }
  // [layer][head][query][head size], scaled so that attention is softmax(q · k / sqrt(head size)).
  const std::vector<float>& query_vectors() const { return query_vectors_; }

 private:
  bool wanted(const ggml_tensor& node);
  void take(const ggml_tensor& node);
  void take_probabilities(const ggml_tensor& node, size_t layer);
  void take_queries(const ggml_tensor& queries, size_t layer);
  void take_visible(const ggml_tensor& mask, size_t row);
  size_t query_token(size_t query) const;
  const float* fetch(const ggml_tensor& tensor, size_t offset, size_t count);

  const std::atomic<bool>& cancelled_;
  bool active_ = false;
  tap_request request_;
  std::vector<size_t> rows_seen_;                  // per layer
  std::vector<std::vector<float>> probabilities_;  // [layer · kv_heads + kv head][column]
  std::vector<uint32_t> visible_;
  size_t head_size_ = 0;
  std::vector<float> query_vectors_;
  std::vector<float> fetched_;
  std::exception_ptr failure_;
};

}  // namespace precis
