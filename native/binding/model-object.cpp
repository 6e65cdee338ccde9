#include "model-object.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "context-object.h"
#include "operation.h"
#include "sampler-object.h"

namespace precis {

namespace {

// Chosen at random; tells our models from other wrapped objects, whatever their prototype says.
constexpr napi_type_tag model_tag = {0x8c27e05b3fd14a96, 0x19b5f47ad0c3628e};

Napi::Object info_object(Napi::Env env, const model_info& info);

}  // namespace

Napi::Function model_object::define(Napi::Env env) {
  return DefineClass(env, "NativeModel",
                     {InstanceMethod<&model_object::tokenize>("tokenize"),
                      InstanceMethod<&model_object::detokenize>("detokenize"),
                      InstanceMethod<&model_object::is_end_of_generation>("isEndOfGeneration"),
                      InstanceMethod<&model_object::open_context>("openContext"),
                      InstanceMethod<&model_object::create_sampler>("createSampler"),
                      InstanceMethod<&model_object::close>("close")});
}

Napi::Value model_object::open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    const options_of options(info, 0);
    model_options wanted;
    wanted.path = options.text("path");
    require(wanted.path.find('\0') == std::string::npos, "path must not contain a null character");
    wanted.gpu_layers = static_cast<int>(options.integer("gpuLayers", 0, int32_high));
    wanted.use_mmap = options.boolean("useMmap", true);
    const Napi::Value on_progress = options.function("onProgress");
    llama();  // throws before loadLibrary

    const std::shared_ptr<addon_data> data = data_of(env);
    const auto progress = callback_of<double>(data, on_progress);
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    wanted.cancelled = cancelled.get();
    auto thread = std::make_shared<env_worker>(data);
    thread->interrupt = [cancelled] { *cancelled = true; };
    if (progress) {
      // llama.cpp reports after each tensor; one percent is fine enough.
      auto reported = std::make_shared<double>(-1);
      wanted.on_progress = [progress, reported](double fraction) {
        if (fraction < 1 && fraction - *reported < 0.01) return;
        *reported = fraction;
        progress(std::clamp(fraction, 0.0, 1.0));
      };
    }
    using opened = std::shared_ptr<model>;
    operation<opened> steps;
    steps.work = [wanted, cancelled] { return model::open(wanted); };
    steps.convert = [data](Napi::Env, opened& result) -> Napi::Value {
      data->to_wrap = &result;
      const Napi::Object object = data->model_class.New({});
      object.TypeTag(&model_tag);
      return object;
    };
    steps.settled = [thread] {};  // alive until then
    return start(env, data, *thread, std::move(steps));
  });
}

std::shared_ptr<const model> model_object::of(const Napi::Value& value) {
  require(value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&model_tag), "model must come from openModel");
  const std::shared_ptr<model>& opened = Unwrap(value.As<Napi::Object>())->model_;
  if (!opened) throw error(error_code::state, "the model is closed");
  return opened;
}

model_object::model_object(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<model_object>(info), data_(data_of(info.Env())), worker_(data_) {
  auto* opened = static_cast<std::shared_ptr<model>*>(std::exchange(data_->to_wrap, nullptr));
  if (opened == nullptr) throw js_error(info.Env(), error_code::argument, "models are opened with openModel");
  model_ = std::move(*opened);
  stop_workers_at_exit();
  info.This().As<Napi::Object>().Set("info", info_object(info.Env(), model_->info()));
}

Napi::Value model_object::tokenize(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::string text = text_of(info[0], "text");
    const bool special = options_of(info, 1).boolean("special");
    const std::vector<int32_t> tokens = checked().tokenize(text, special);
    auto array = Napi::Int32Array::New(info.Env(), tokens.size());
    std::copy(tokens.begin(), tokens.end(), array.Data());
    return array;
  });
}

Napi::Value model_object::detokenize(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::vector<int32_t> tokens = int32_array_of(info[0], "tokens");
    const bool special = options_of(info, 1).boolean("special");
    const std::string text = checked().detokenize(tokens, special);
    auto array = Napi::Uint8Array::New(info.Env(), text.size());
    std::copy(text.begin(), text.end(), array.Data());
    return array;
  });
}

Napi::Value model_object::is_end_of_generation(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto token = static_cast<int32_t>(integer_of(info[0], "token", int32_low, int32_high));
    return Napi::Boolean::New(info.Env(), checked().is_end_of_generation(token));
  });
}

Napi::Value model_object::open_context(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] { return context_object::open(info, *this); });
}

Napi::Value model_object::create_sampler(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const sampler_options options = sampler_object::parse(options_of(info, 0));
    checked();
    return sampler_object::create(info.Env(), model_, options);
  });
}

Napi::Value model_object::close(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return promised(env, [&]() -> Napi::Value {
    if (*contexts_ > 0) throw error(error_code::state, "the model has open contexts");
    // Without a model left, this only gives a promise that resolves.
    auto leaving = std::make_shared<std::shared_ptr<model>>(std::move(model_));
    auto self = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info.This().As<Napi::Object>()));
    operation<nothing> steps;
    steps.work = [leaving] {
      leaving->reset();
      return nothing{};
    };
    steps.convert = undefined;
    steps.settled = [self] {};
    return start(env, data_, worker_, std::move(steps));
  });
}

model& model_object::checked() const {
  if (!model_) throw error(error_code::state, "the model is closed");
  return *model_;
}

namespace {

Napi::Object info_object(Napi::Env env, const model_info& info) {
  const auto number = [&](auto value) { return Napi::Number::New(env, static_cast<double>(value)); };
  Napi::Object tokens = Napi::Object::New(env);
  tokens.Set("bos", number(info.tokens.bos));
  tokens.Set("eos", number(info.tokens.eos));
  tokens.Set("eot", number(info.tokens.eot));
  tokens.Set("fimPrefix", number(info.tokens.fim_prefix));
  tokens.Set("fimSuffix", number(info.tokens.fim_suffix));
  tokens.Set("fimMiddle", number(info.tokens.fim_middle));
  Napi::Object object = Napi::Object::New(env);
  object.Set("description", info.description);
  object.Set("architecture", info.architecture);
  object.Set("parameters", number(info.parameters));
  object.Set("bytes", number(info.bytes));
  object.Set("vocabulary", number(info.vocabulary));
  object.Set("trainedContext", number(info.trained_context));
  object.Set("embedding", number(info.embedding));
  object.Set("layers", number(info.layers));
  object.Set("heads", number(info.heads));
  object.Set("kvHeads", number(info.kv_heads));
  object.Set("addBos", Napi::Boolean::New(env, info.add_bos));
  object.Set("tokens", tokens);
  object.Set("chatTemplate", info.chat_template ? Napi::Value(Napi::String::New(env, *info.chat_template)) : env.Null());
  object.Set("gpuLayers", number(info.gpu_layers));
  object.Freeze();
  return object;
}

}  // namespace

}  // namespace precis
