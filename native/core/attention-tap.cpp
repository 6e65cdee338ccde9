#include "attention-tap.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

#include "error.h"
#include "library.h"

namespace precis {

namespace {

// The number behind `prefix` in a node's name, -1 where the name is another one.
long layer_of(const ggml_tensor& node, const char* prefix) {
  const size_t length = std::strlen(prefix);
  if (std::strncmp(node.name, prefix, length) != 0) return -1;
  char* end = nullptr;
  const long layer = std::strtol(node.name + length, &end, 10);
  return end != node.name + length && *end == '\0' ? layer : -1;
}

void expect(bool condition, const char* what) {
  if (!condition) throw error(error_code::model_unsupported, std::string("attention cannot be observed: ") + what);
}

void add_maximum(float* into, const float* row, size_t count) {
  for (size_t i = 0; i < count; i++) into[i] = row[i] > into[i] ? row[i] : into[i];
}

void add_share(float* into, const float* row, size_t count, float share) {
  for (size_t i = 0; i < count; i++) into[i] += row[i] * share;
}

}  // namespace

bool attention_tap::on_node(ggml_tensor* node, bool ask, void* tap) {
  auto& self = *static_cast<attention_tap*>(tap);
  if (!self.active_) return false;
  try {
    if (ask) return self.wanted(*node);
    self.take(*node);
    // Not every back end polls the abort callback; false ends the graph here.
    return !self.cancelled_;
  } catch (...) {
    self.failure_ = std::current_exception();
    self.active_ = false;
    return false;
  }
}

void attention_tap::begin(const tap_request& request) {
  end();
  request_ = request;
  rows_seen_.assign(request.layers, 0);
  probabilities_.assign(request.layers * request.kv_heads, {});
  active_ = true;
}

void attention_tap::check() const {
  if (failure_) std::rethrow_exception(failure_);
}

void attention_tap::check_complete() const {
  for (const size_t rows : rows_seen_) expect(rows == request_.tokens, "a layer's attention has other nodes");
}

void attention_tap::end() {
  active_ = false;
  failure_ = nullptr;
  rows_seen_ = {};
  probabilities_ = {};
  visible_ = {};
  query_vectors_ = {};
  fetched_ = {};
  head_size_ = 0;
}

float attention_tap::at(size_t layer, size_t kv_head, size_t column) const {
  const std::vector<float>& row = probabilities_[layer * request_.kv_heads + kv_head];
  return column < row.size() ? row[column] : 0.0f;
}

// Asked once for each node, in the order of the graph.
bool attention_tap::wanted(const ggml_tensor& node) {
  if (node.op == GGML_OP_MUL_MAT) {
    const long layer = layer_of(node, "kq-");
    if (layer < 0) return false;
    expect(static_cast<size_t>(layer) < request_.layers, "there are more layers than the model says");
    expect(static_cast<size_t>(node.src[0]->ne[2]) == request_.kv_heads &&
               static_cast<size_t>(node.src[1]->ne[2]) == request_.heads && node.ne[3] == 1,
           "the layers have different numbers of heads");
    const size_t begin = rows_seen_[static_cast<size_t>(layer)];
    const size_t end = begin + static_cast<size_t>(node.ne[1]);
    for (size_t query = 0; query < request_.queries; query++) {
      const size_t token = query_token(query);
      if (token >= begin && token < end) return true;
    }
    return false;
  }
  if (node.op != GGML_OP_SOFT_MAX) return false;
  const long layer = layer_of(node, "kq_soft_max-");
  if (layer < 0) return false;
  expect(static_cast<size_t>(layer) < request_.layers, "there are more layers than the model says");
  expect(static_cast<size_t>(node.ne[2]) == request_.heads && node.ne[3] == 1, "unknown shape of the probabilities");
  size_t& rows_seen = rows_seen_[static_cast<size_t>(layer)];
  rows_seen += static_cast<size_t>(node.ne[1]);
  return rows_seen > request_.first_query;
}

void attention_tap::take(const ggml_tensor& node) {
  if (node.op == GGML_OP_MUL_MAT) {
    take_queries(*node.src[1], static_cast<size_t>(layer_of(node, "kq-")));
  } else {
    take_probabilities(node, static_cast<size_t>(layer_of(node, "kq_soft_max-")));
  }
}

void attention_tap::take_probabilities(const ggml_tensor& node, size_t layer) {
  const auto columns = static_cast<size_t>(node.ne[0]);
  const auto rows = static_cast<size_t>(node.ne[1]);
  expect(node.type == GGML_TYPE_F32 && node.nb[0] == sizeof(float) && node.nb[1] == columns * sizeof(float),
         "unknown layout of the probabilities");
  const size_t end = rows_seen_[layer];
  const size_t skipped = request_.first_query > end - rows ? request_.first_query - (end - rows) : 0;
  const size_t group = request_.heads / request_.kv_heads;
  const float share = 1.0f / static_cast<float>((request_.tokens - request_.first_query) * group);
  for (size_t head = 0; head < request_.heads; head++) {
    std::vector<float>& reduced = probabilities_[layer * request_.kv_heads + head / group];
    if (reduced.size() < columns) reduced.resize(columns, 0.0f);
    const float* row = fetch(node, head * node.nb[2] + skipped * node.nb[1], (rows - skipped) * columns);
    for (size_t i = skipped; i < rows; i++, row += columns) {
      if (request_.maximum) {
        add_maximum(reduced.data(), row, columns);
      } else {
        add_share(reduced.data(), row, columns, share);
      }
    }
  }
  if (layer == 0) take_visible(*node.src[1], rows - 1);
  if (request_.queries == 0) return;
  // The query vectors alone must give these probabilities, or nothing can be refitted with them.
  expect(node.src[0]->op == GGML_OP_MUL_MAT && node.src[2] == nullptr, "its scores are more than products");
  float scale = 0;
  float bias = 0;
  std::memcpy(&scale, &node.op_params[0], sizeof(scale));
  std::memcpy(&bias, &node.op_params[1], sizeof(bias));
  expect(bias == 0, "its scores depend on distances");
  const float usual = 1.0f / std::sqrt(static_cast<float>(head_size_));
  if (end != request_.tokens || std::abs(scale - usual) <= 1e-6f * usual) return;
  const size_t layer_size = request_.heads * request_.queries * head_size_;
  for (size_t i = 0; i < layer_size; i++) query_vectors_[layer * layer_size + i] *= scale / usual;
}

// queries: [head size, tokens, heads], a view with the strides of what was computed.
void attention_tap::take_queries(const ggml_tensor& queries, size_t layer) {
  const auto size = static_cast<size_t>(queries.ne[0]);
  expect(queries.type == GGML_TYPE_F32 && queries.nb[0] == sizeof(float), "unknown layout of the queries");
  if (head_size_ == 0) {
    head_size_ = size;
    query_vectors_.assign(request_.layers * request_.heads * request_.queries * size, 0.0f);
  }
  expect(size == head_size_, "the layers have different head sizes");
  const size_t begin = rows_seen_[layer];
  const size_t end = begin + static_cast<size_t>(queries.ne[1]);
  for (size_t query = 0; query < request_.queries; query++) {
    const size_t token = query_token(query);
    if (token < begin || token >= end) continue;
    for (size_t head = 0; head < request_.heads; head++) {
      const float* vector = fetch(queries, (token - begin) * queries.nb[1] + head * queries.nb[2], size);
      float* target = query_vectors_.data() + ((layer * request_.heads + head) * request_.queries + query) * size;
      std::copy(vector, vector + size, target);
    }
  }
}

void attention_tap::take_visible(const ggml_tensor& mask, size_t row) {
  expect(mask.type == GGML_TYPE_F32 && row < static_cast<size_t>(mask.ne[1]) && mask.ne[3] == 1, "unknown mask");
  const auto columns = static_cast<size_t>(mask.ne[0]);
  const float* values = fetch(mask, row * mask.nb[1], columns);
  visible_.clear();
  for (size_t column = 0; column < columns; column++) {
    if (values[column] == 0.0f) visible_.push_back(static_cast<uint32_t>(column));
  }
}

// Evenly spread over the observed tokens: the middles of `queries` parts of equal length.
size_t attention_tap::query_token(size_t query) const {
  const size_t observed = request_.tokens - request_.first_query;
  return request_.first_query + (2 * query + 1) * observed / (2 * request_.queries);
}

// `count` numbers at an offset in bytes; valid until the next call. Memory of a GPU is copied.
const float* attention_tap::fetch(const ggml_tensor& tensor, size_t offset, size_t count) {
  const ggml_backend_buffer_t buffer = tensor.view_src != nullptr ? tensor.view_src->buffer : tensor.buffer;
  expect(buffer != nullptr && tensor.data != nullptr, "a node has no memory");
  if (llama().ggml_backend_buffer_is_host(buffer)) {
    return reinterpret_cast<const float*>(static_cast<const char*>(tensor.data) + offset);
  }
  fetched_.resize(count);
  llama().ggml_backend_tensor_get(&tensor, fetched_.data(), offset, count * sizeof(float));
  return fetched_.data();
}

}  // namespace precis
