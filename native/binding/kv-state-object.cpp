#include "kv-state-object.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "../core/kv-file.h"
#include "../core/kv-recode.h"
#include "../core/kv-refit.h"
#include "../core/value-refit.h"
#include "arguments.h"
#include "model-object.h"
#include "operation.h"

namespace precis {

namespace {

// Chosen at random; tells our states from other wrapped objects, whatever their prototype says.
constexpr napi_type_tag kv_state_tag = {0x3d9a6c41e87f2b05, 0xb61f0de2947ca853};
constexpr uint32_t max_joined = 65536;

Napi::Object info_object(Napi::Env env, const kv_state& state);
template <class Array, class Element>
Array array_from(Napi::Env env, const std::vector<Element>& elements);
size_t layer_of(const Napi::Value& value, const kv_state& state);

// Tells the collector what a forgotten state would weigh. Also called while objects are destroyed: so it must not throw.
void weigh(Napi::Env env, int64_t bytes) {
  int64_t total = 0;
  napi_adjust_external_memory(env, bytes, &total);
}

}  // namespace

Napi::Function kv_state_object::define(Napi::Env env) {
  return DefineClass(
      env, "NativeKvState",
      {InstanceMethod<&kv_state_object::keys>("keys"), InstanceMethod<&kv_state_object::values>("values"),
       InstanceMethod<&kv_state_object::select>("select"), InstanceMethod<&kv_state_object::slice>("slice"),
       InstanceMethod<&kv_state_object::shift>("shift"), InstanceMethod<&kv_state_object::convert>("convert"),
       InstanceMethod<&kv_state_object::refit>("refit"), InstanceMethod<&kv_state_object::cancel>("cancel"),
       InstanceMethod<&kv_state_object::encode>("encode"), InstanceMethod<&kv_state_object::close>("close")});
}

Napi::Value kv_state_object::create(Napi::Env env, kv_state state) {
  auto made = std::make_shared<const kv_state>(std::move(state));
  const std::shared_ptr<addon_data> data = data_of(env);
  data->to_wrap = &made;
  const Napi::Object object = data->kv_state_class.New({});
  object.TypeTag(&kv_state_tag);
  return object;
}

std::shared_ptr<const kv_state> kv_state_object::of(const Napi::Value& value) {
  const bool is_state = value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&kv_state_tag);
  require(is_state, "state must come from captureSequence, decodeKvState or another state");
  return Unwrap(value.As<Napi::Object>())->checked();
}

Napi::Value kv_state_object::decode(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::shared_ptr<const model> opened = model_object::of(info[0]);
    const std::vector<uint8_t> bytes = uint8_array_of(info[1], "bytes");
    kv_file file = decode_kv_file(opened->kv(), bytes.data(), bytes.size());
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("state", create(info.Env(), std::move(file.state)));
    result.Set("tokens", array_from<Napi::Int32Array>(info.Env(), file.tokens));
    result.Set("segments", array_from<Napi::Int32Array>(info.Env(), file.segments));
    return result;
  });
}

Napi::Value kv_state_object::join(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    require(info[0].IsArray(), "states must be an array");
    const auto array = info[0].As<Napi::Array>();
    const uint32_t count = array.Length();
    require(count <= max_joined, "there are more than 65,536 states");
    std::vector<std::shared_ptr<const kv_state>> states;
    for (uint32_t i = 0; i < count; i++) states.push_back(of(array.Get(i)));
    return create(info.Env(), join_states(states));
  });
}

kv_state_object::kv_state_object(const Napi::CallbackInfo& info) : Napi::ObjectWrap<kv_state_object>(info) {
  const std::shared_ptr<addon_data> data = data_of(info.Env());
  auto* made = static_cast<std::shared_ptr<const kv_state>*>(std::exchange(data->to_wrap, nullptr));
  if (made == nullptr) throw js_error(info.Env(), error_code::argument, "states are made with captureSequence");
  state_ = std::move(*made);
  weigh(info.Env(), static_cast<int64_t>(state_->bytes()));
  info.This().As<Napi::Object>().Set("info", info_object(info.Env(), *state_));
}

kv_state_object::~kv_state_object() { release(); }

Napi::Value kv_state_object::keys(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const kv_state& state = *checked();
    return array_from<Napi::Float32Array>(info.Env(), read_keys(state, layer_of(info[0], state)));
  });
}

Napi::Value kv_state_object::values(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const kv_state& state = *checked();
    return array_from<Napi::Float32Array>(info.Env(), read_values(state, layer_of(info[0], state)));
  });
}

Napi::Value kv_state_object::select(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::vector<int32_t> cells = int32_array_of(info[0], "cells");
    const std::vector<int32_t> positions = int32_array_of(info[1], "positions");
    return create(info.Env(), select_cells(*checked(), cells, positions));
  });
}

Napi::Value kv_state_object::slice(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const auto from = static_cast<int32_t>(integer_of(info[0], "from", int32_low, int32_high));
    const auto to = static_cast<int32_t>(integer_of(info[1], "to", int32_low, int32_high));
    return create(info.Env(), slice_positions(*checked(), from, to));
  });
}

Napi::Value kv_state_object::shift(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const int64_t by = integer_of(info[0], "by", int32_low, int32_high);
    return create(info.Env(), shift_positions(*checked(), by));
  });
}

Napi::Value kv_state_object::convert(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const enum ggml_type type = kv_type_of(text_of(info[0], "kvType"));
    const kv_state& state = *checked();
    return create(info.Env(), recode(state, encoding_of(state.shape(), type)));
  });
}

Napi::Value kv_state_object::refit(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&]() -> Napi::Value {
    const options_of given(info, 0);
    refit_options wanted;
    wanted.cells = int32_array_of(given.value("cells"), "cells");
    wanted.positions = int32_array_of(given.value("positions"), "positions");
    wanted.query_vectors = float32_array_of(given.value("queryVectors"), "queryVectors");
    wanted.query_count = static_cast<size_t>(given.integer("queryCount", 1, int32_high));
    if (!given.value("fixed").IsUndefined()) {
      wanted.fixed = uint8_array_of(given.value("fixed"), "fixed");
      require(wanted.fixed.size() == wanted.positions.size(), "fixed must hold one byte for each position");
    }
    wanted.ridge = given.number("ridge", min_ridge, max_ridge);
    const std::shared_ptr<const kv_state> state = checked();
    const std::shared_ptr<addon_data> data = data_of(info.Env());
    if (!refits_cancelled_ || *refits_cancelled_) refits_cancelled_ = std::make_shared<std::atomic<bool>>(false);
    const std::shared_ptr<std::atomic<bool>> cancelled = refits_cancelled_;
    auto thread = std::make_shared<env_worker>(data);
    thread->interrupt = [cancelled] { *cancelled = true; };
    operation<kv_state> steps;
    steps.work = [state, wanted = std::move(wanted), cancelled] { return refit_cells(*state, wanted, *cancelled); };
    steps.convert = [](Napi::Env env, kv_state& result) { return create(env, std::move(result)); };
    steps.settled = [thread] {};  // alive until then
    return start(info.Env(), data, *thread, std::move(steps));
  });
}

void kv_state_object::cancel(const Napi::CallbackInfo&) {
  if (refits_cancelled_) *refits_cancelled_ = true;
}

Napi::Value kv_state_object::encode(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Object meta = object_of(info[0], "meta");
    const std::vector<int32_t> tokens = int32_array_of(meta.Get("tokens"), "tokens");
    const std::vector<int32_t> segments = int32_array_of(meta.Get("segments"), "segments");
    return array_from<Napi::Uint8Array>(info.Env(), encode_kv_file(*checked(), tokens, segments));
  });
}

void kv_state_object::close(const Napi::CallbackInfo&) { release(); }

const std::shared_ptr<const kv_state>& kv_state_object::checked() const {
  if (!state_) throw error(error_code::state, "the state is closed");
  return state_;
}

void kv_state_object::release() {
  if (!state_) return;
  weigh(Env(), -static_cast<int64_t>(state_->bytes()));
  state_.reset();
}

namespace {

Napi::Object info_object(Napi::Env env, const kv_state& state) {
  const auto number = [&](auto value) { return Napi::Number::New(env, static_cast<double>(value)); };
  Napi::Object object = Napi::Object::New(env);
  object.Set("cells", number(state.cells()));
  object.Set("layers", number(state.shape().layers));
  object.Set("kvHeads", number(state.shape().kv_heads));
  object.Set("keySize", number(state.shape().key_size));
  object.Set("valueSize", number(state.shape().value_size));
  object.Set("kvType", kv_type_name(state.encoding.type));
  object.Set("bytes", number(state.bytes()));
  object.Set("positions", array_from<Napi::Int32Array>(env, state.positions));
  object.Freeze();
  return object;
}

template <class Array, class Element>
Array array_from(Napi::Env env, const std::vector<Element>& elements) {
  Array array = Array::New(env, elements.size());
  std::copy(elements.begin(), elements.end(), array.Data());
  return array;
}

size_t layer_of(const Napi::Value& value, const kv_state& state) {
  return static_cast<size_t>(integer_of(value, "layer", 0, static_cast<int64_t>(state.shape().layers) - 1));
}

}  // namespace

}  // namespace precis
