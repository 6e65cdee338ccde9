#include "context-values.h"

#include <algorithm>
#include <string>

#include "../core/error.h"

namespace precis {

namespace {

flash_attention flash_attention_of(const std::string& name) {
  if (name == "auto") return flash_attention::automatic;
  if (name == "on") return flash_attention::on;
  require(name == "off", "flashAttention must be auto, on or off");
  return flash_attention::off;
}

}  // namespace

context_options context_options_of(const options_of& options) {
  constexpr int64_t uint32_high = std::numeric_limits<uint32_t>::max();
  context_options parsed;
  const auto unsigned_integer = [&](const char* key, int64_t otherwise) {
    return static_cast<uint32_t>(options.integer(key, 0, uint32_high, otherwise));
  };
  parsed.cells = static_cast<uint32_t>(options.integer("cells", 0, uint32_high));
  parsed.batch_tokens = unsigned_integer("batchTokens", std::min(parsed.cells, parsed.batch_tokens));
  parsed.sequences = unsigned_integer("sequences", parsed.sequences);
  parsed.unified = options.boolean("unified", parsed.unified);
  parsed.kv_type = options.text("kvType", parsed.kv_type.c_str());
  parsed.flash = flash_attention_of(options.text("flashAttention", "auto"));
  parsed.threads = unsigned_integer("threads", parsed.threads);
  return parsed;
}

std::vector<score_item> score_items_of(const Napi::Value& value) {
  require(value.IsArray(), "items must be an array");
  const auto array = value.As<Napi::Array>();
  const uint32_t count = array.Length();
  constexpr uint32_t max_items = 256;  // one per sequence
  require(count <= max_items, "there are more than 256 items");
  std::vector<score_item> items;
  for (uint32_t i = 0; i < count; i++) {
    const Napi::Object object = object_of(array.Get(i), "item");
    const auto sequence = static_cast<int32_t>(integer_of(object.Get("sequence"), "sequence", int32_low, int32_high));
    items.push_back({sequence, int32_array_of(object.Get("tokens"), "tokens")});
  }
  return items;
}

observe_options observe_options_of(const options_of& options) {
  const std::string reduce = options.text("reduce");
  require(reduce == "max" || reduce == "mean", "reduce must be max or mean");
  observe_options parsed;
  parsed.maximum = reduce == "max";
  parsed.first_query = static_cast<size_t>(options.integer("firstQuery", 0, int32_high, 0));
  parsed.queries = static_cast<size_t>(options.integer("queries", 0, int32_high, 0));
  return parsed;
}

Napi::Object observation_object(Napi::Env env, const observation& result) {
  const auto floats = [&](const std::vector<float>& values) {
    auto array = Napi::Float32Array::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("cells", Napi::Number::New(env, static_cast<double>(result.cells)));
  object.Set("attention", floats(result.attention));
  object.Set("queryCount", Napi::Number::New(env, static_cast<double>(result.query_count)));
  object.Set("queryVectors", floats(result.query_vectors));
  return object;
}

Napi::Object context_info_object(Napi::Env env, const context_info& info) {
  const auto number = [&](auto value) { return Napi::Number::New(env, static_cast<double>(value)); };
  Napi::Object object = Napi::Object::New(env);
  object.Set("cells", number(info.cells));
  object.Set("cellsPerSequence", number(info.cells_per_sequence));
  object.Set("batchTokens", number(info.batch_tokens));
  object.Set("sequences", number(info.sequences));
  object.Set("kvType", info.kv_type);
  object.Set("kvBytes", number(info.kv_bytes));
  object.Set("threads", number(info.threads));
  object.Freeze();
  return object;
}

}  // namespace precis
