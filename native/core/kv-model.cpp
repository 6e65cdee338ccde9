#include "kv-model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>

namespace precis {

namespace {

// Architectures whose attention rotates every layer's keys by the file's parameters and nothing else. Others leave out
// layers, rotate by several bases, or change the parameters in their code, which the public interface does not tell.
const std::set<std::string> plain_rope = {"llama",     "qwen2",     "qwen2moe", "qwen3",   "qwen3moe",
                                          "starcoder2", "internlm2", "stablelm"};

class metadata {
 public:
  metadata(const llama_model* model, const std::string& architecture) : model_(model), prefix_(architecture + ".") {}

  std::optional<std::string> text(const char* key) const {
    char value[128] = {};
    const int32_t length = llama().llama_model_meta_val_str(model_, (prefix_ + key).c_str(), value, sizeof(value));
    if (length < 0) return std::nullopt;
    return std::string(value);
  }

  // What is no number counts as 0, which no caller accepts.
  double number(const char* key, double otherwise) const {
    const std::optional<std::string> value = text(key);
    if (!value) return otherwise;
    const double parsed = std::strtod(value->c_str(), nullptr);
    return std::isfinite(parsed) && parsed >= 0 && parsed < 1e12 ? parsed : 0;
  }

  uint32_t count(const char* key, uint32_t otherwise) const {
    const double value = number(key, otherwise);
    return value <= 65536 ? static_cast<uint32_t>(value) : 0;
  }

 private:
  const llama_model* model_;
  std::string prefix_;
};

bool is_factor(float factor) { return std::isfinite(factor) && factor > 0; }
std::string cache_refusal(const llama_model* model, const metadata& values, const kv_shape& shape);
kv_rope describe_rope(const llama_model* model, const metadata& values, const gguf_header& header, uint32_t key_size);

}  // namespace

kv_model describe_kv_model(const llama_model* model, const gguf_header& header) {
  const library& lib = llama();
  const metadata values(model, header.architecture);
  const auto positive = [](int32_t count) { return static_cast<uint32_t>(count > 0 ? count : 0); };
  const uint32_t heads = positive(lib.llama_model_n_head(model));
  const uint32_t head_size = heads > 0 ? positive(lib.llama_model_n_embd(model)) / heads : 0;
  kv_model described;
  described.fingerprint = header.fingerprint;
  described.architecture = header.architecture;
  described.shape = {positive(lib.llama_model_n_layer(model)), positive(lib.llama_model_n_head_kv(model)),
                     values.count("attention.key_length", head_size), values.count("attention.value_length", head_size)};
  described.rope = describe_rope(model, values, header, described.shape.key_size);
  described.refusal = cache_refusal(model, values, described.shape);
  return described;
}

namespace {

std::string cache_refusal(const llama_model* model, const metadata& values, const kv_shape& shape) {
  const library& lib = llama();
  if (lib.llama_model_is_recurrent(model) || lib.llama_model_is_hybrid(model)) return "recurrent layers";
  const enum llama_rope_type rope = lib.llama_model_rope_type(model);
  if (rope != LLAMA_ROPE_TYPE_NONE && rope != LLAMA_ROPE_TYPE_NORM && rope != LLAMA_ROPE_TYPE_NEOX) {
    return "several positions per token (M-RoPE)";
  }
  if (values.text("attention.kv_lora_rank")) return "latent attention (MLA)";
  if (lib.llama_model_n_swa(model) > 0) return "a sliding window (SWA)";
  if (shape.layers == 0 || shape.kv_heads == 0 || shape.key_size == 0 || shape.value_size == 0) return "no keys and values";
  return "";
}

kv_rope describe_rope(const llama_model* model, const metadata& values, const gguf_header& header, uint32_t key_size) {
  kv_rope rope;
  rope.type = llama().llama_model_rope_type(model);
  rope.dimensions = values.count("rope.dimension_count", key_size);
  rope.base = static_cast<float>(values.number("rope.freq_base", 10000));
  const std::string scaling = values.text("rope.scaling.type").value_or("linear");
  rope.scale = scaling == "none" ? 1 : llama().llama_model_rope_freq_scale_train(model);
  rope.factors = header.rope_factors;
  if (rope.type != LLAMA_ROPE_TYPE_NORM && rope.type != LLAMA_ROPE_TYPE_NEOX) {
    rope.refusal = rope.type == LLAMA_ROPE_TYPE_NONE ? "it does not rotate its keys" : "several positions per token (M-RoPE)";
  } else if (plain_rope.count(header.architecture) == 0) {
    rope.refusal = "the rotation of this architecture is not known";
  } else if (scaling != "none" && scaling != "linear") {
    rope.refusal = "RoPE scaling of type " + scaling;
  } else if (rope.dimensions == 0 || rope.dimensions % 2 != 0 || rope.dimensions > key_size || !(rope.base > 0) ||
             !(rope.scale > 0)) {
    rope.refusal = "implausible RoPE parameters";
  } else if (!rope.factors.empty() && (rope.factors.size() != rope.dimensions / 2 ||
                                       !std::all_of(rope.factors.begin(), rope.factors.end(), is_factor))) {
    rope.refusal = "RoPE factors that do not match the rotated values";
  }
  return rope;
}

}  // namespace

}  // namespace precis
