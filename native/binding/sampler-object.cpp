#include "sampler-object.h"

#include <utility>

#include "operation.h"

namespace precis {

namespace {
// Chosen at random; tells our samplers from other wrapped objects, whatever their prototype says.
constexpr napi_type_tag sampler_tag = {0x5f1c2d7a9b3e4860, 0xa4d8e6b1027f3c95};
}  // namespace

Napi::Function sampler_object::define(Napi::Env env) {
  return DefineClass(env, "NativeSampler", {InstanceMethod<&sampler_object::close>("close")});
}

sampler_options sampler_object::parse(const options_of& options) {
  sampler_options parsed;
  parsed.temperature = options.number("temperature", 0, 100);
  parsed.top_k = static_cast<int32_t>(options.integer("topK", 0, int32_high, parsed.top_k));
  parsed.top_p = options.number("topP", 0, 1, parsed.top_p);
  parsed.min_p = options.number("minP", 0, 1, parsed.min_p);
  parsed.repeat_penalty = options.number("repeatPenalty", 0.01, 100, parsed.repeat_penalty);
  parsed.repeat_last_tokens =
      static_cast<int32_t>(options.integer("repeatLastTokens", 0, 65536, parsed.repeat_last_tokens));
  parsed.seed = static_cast<uint32_t>(options.integer("seed", 0, std::numeric_limits<uint32_t>::max(), parsed.seed));
  return parsed;
}

Napi::Value sampler_object::create(Napi::Env env, const std::shared_ptr<const model>& model,
                                   const sampler_options& options) {
  auto made = std::make_shared<sampler>(model, options);
  const std::shared_ptr<addon_data> data = data_of(env);
  data->to_wrap = &made;
  const Napi::Object object = data->sampler_class.New({});
  object.TypeTag(&sampler_tag);
  return object;
}

sampler_object& sampler_object::of(const Napi::Value& value) {
  require(value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&sampler_tag), "sampler must come from createSampler");
  return *Unwrap(value.As<Napi::Object>());
}

sampler_object::sampler_object(const Napi::CallbackInfo& info) : Napi::ObjectWrap<sampler_object>(info) {
  const std::shared_ptr<addon_data> data = data_of(info.Env());
  auto* made = static_cast<std::shared_ptr<sampler>*>(std::exchange(data->to_wrap, nullptr));
  if (made == nullptr) throw js_error(info.Env(), error_code::argument, "samplers are made with createSampler");
  sampler_ = std::move(*made);
}

std::shared_ptr<sampler> sampler_object::borrow() {
  if (!sampler_) throw error(error_code::state, "the sampler is closed");
  if (in_use_) throw error(error_code::state, "the sampler is in use");
  in_use_ = true;
  return sampler_;
}

void sampler_object::close(const Napi::CallbackInfo&) { sampler_.reset(); }

}  // namespace precis
