#include "context-object.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "context-values.h"
#include "kv-state-object.h"
#include "model-object.h"
#include "sampler-object.h"

namespace precis {

namespace {

// What the constructor takes over from `open`.
struct opened_context {
  std::unique_ptr<context> opened;
  std::shared_ptr<int> contexts_of_model;
  Napi::Object model_value;
  std::shared_ptr<env_worker> thread;
};

int32_t sequence_of(const Napi::Value& value, const char* name = "sequence") {
  return static_cast<int32_t>(integer_of(value, name, int32_low, int32_high));
}

}  // namespace

Napi::Function context_object::define(Napi::Env env) {
  return DefineClass(env, "NativeContext",
                     {InstanceMethod<&context_object::used_cells>("usedCells"),
                      InstanceMethod<&context_object::next_position>("nextPosition"),
                      InstanceMethod<&context_object::read>("read"), InstanceMethod<&context_object::next>("next"),
                      InstanceMethod<&context_object::extend>("extend"),
                      InstanceMethod<&context_object::score>("score"),
                      InstanceMethod<&context_object::distributions>("distributions"),
                      InstanceMethod<&context_object::observe>("observe"),
                      InstanceMethod<&context_object::remove>("remove"),
                      InstanceMethod<&context_object::copy_sequence>("copySequence"),
                      InstanceMethod<&context_object::clear>("clear"),
                      InstanceMethod<&context_object::capture_sequence>("captureSequence"),
                      InstanceMethod<&context_object::attach_state>("attachState"),
                      InstanceMethod<&context_object::save_sequence>("saveSequence"),
                      InstanceMethod<&context_object::restore_sequence>("restoreSequence"),
                      InstanceMethod<&context_object::cancel>("cancel"), InstanceMethod<&context_object::close>("close")});
}

Napi::Value context_object::open(const Napi::CallbackInfo& info, model_object& owner) {
  const context_options options = context_options_of(options_of(info, 0));
  const std::shared_ptr<const model> opened = owner.opened();
  if (!opened) throw error(error_code::state, "the model is closed");
  const std::shared_ptr<addon_data> data = data_of(info.Env());
  auto thread = std::make_shared<env_worker>(data);
  auto self = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info.This().As<Napi::Object>()));
  // The model counts this context from now on, so that it cannot be closed meanwhile.
  const std::shared_ptr<int> contexts = owner.contexts();
  ++*contexts;
  using opening = std::unique_ptr<context>;
  operation<opening> steps;
  steps.work = [opened, options] { return context::open(opened, options); };
  steps.settled = [contexts] { --*contexts; };
  steps.convert = [data, thread, self, contexts](Napi::Env, opening& result) -> Napi::Value {
    opened_context handover{std::move(result), contexts, self->Value(), thread};
    data->to_wrap = &handover;
    const Napi::Object object = data->context_class.New({});
    return object;
  };
  return start(info.Env(), data, *thread, std::move(steps));
}

context_object::context_object(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<context_object>(info), data_(data_of(info.Env())) {
  auto* opened = static_cast<opened_context*>(std::exchange(data_->to_wrap, nullptr));
  if (opened == nullptr) throw js_error(info.Env(), error_code::argument, "contexts are opened with openContext");
  context_ = std::move(opened->opened);
  stop_workers_at_exit();
  contexts_of_model_ = opened->contexts_of_model;
  model_reference_ = Napi::Persistent(opened->model_value);
  worker_ = opened->thread;
  worker_->interrupt = [this] {
    if (context_) context_->cancel();
  };
  ++*contexts_of_model_;
  info.This().As<Napi::Object>().Set("info", context_info_object(info.Env(), context_->info()));
}

// The net under a forgotten close: the collector found this object unreachable, so no operation is running.
context_object::~context_object() {
  if (worker_) worker_->interrupt = {};
  if (context_) --*contexts_of_model_;
}

Napi::Value context_object::used_cells(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const int32_t sequence = sequence_of(info[0]);
    return Napi::Number::New(info.Env(), static_cast<double>(idle().used_cells(sequence)));
  });
}

Napi::Value context_object::next_position(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const int32_t sequence = sequence_of(info[0]);
    return Napi::Number::New(info.Env(), idle().next_position(sequence));
  });
}

Napi::Value context_object::read(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] {
    const int32_t sequence = sequence_of(info[0]);
    auto tokens = int32_array_of(info[1], "tokens");
    const auto progress = callback_of<size_t>(data_, options_of::optional(info, 2).function("onProgress"));
    return run<nothing>(
        info,
        [sequence, tokens = std::move(tokens), progress](context& target) {
          target.read(sequence, tokens, progress);
          return nothing{};
        },
        undefined);
  });
}

Napi::Value context_object::next(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&]() -> Napi::Value {
    const int32_t sequence = sequence_of(info[0]);
    sampler_object& sampler_value = sampler_object::of(info[1]);
    idle();  // before the sampler is borrowed
    const std::shared_ptr<sampler> borrowed = sampler_value.borrow();
    auto alive = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[1].As<Napi::Object>()));
    return run<int32_t>(
        info, [sequence, borrowed](context& target) { return target.next(sequence, *borrowed); },
        [](Napi::Env env, int32_t& token) -> Napi::Value { return Napi::Number::New(env, token); },
        [alive, &sampler_value] { sampler_value.give_back(); });
  });
}

Napi::Value context_object::extend(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&]() -> Napi::Value {
    const int32_t sequence = sequence_of(info[0]);
    sampler_object& sampler_value = sampler_object::of(info[1]);
    auto tokens = int32_array_of(info[2], "tokens");
    idle();  // before the sampler is borrowed
    const std::shared_ptr<sampler> borrowed = sampler_value.borrow();
    auto alive = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[1].As<Napi::Object>()));
    return run<drawn_tokens>(
        info,
        [sequence, borrowed, tokens = std::move(tokens)](context& target) {
          return target.extend(sequence, *borrowed, tokens);
        },
        [](Napi::Env env, drawn_tokens& result) -> Napi::Value {
          auto tokens = Napi::Int32Array::New(env, result.tokens.size());
          std::copy(result.tokens.begin(), result.tokens.end(), tokens.Data());
          auto logs = Napi::Float32Array::New(env, result.log_probabilities.size());
          std::copy(result.log_probabilities.begin(), result.log_probabilities.end(), logs.Data());
          Napi::Object drawn = Napi::Object::New(env);
          drawn.Set("tokens", tokens);
          drawn.Set("logProbabilities", logs);
          return drawn;
        },
        [alive, &sampler_value] { sampler_value.give_back(); });
  });
}

Napi::Value context_object::score(const Napi::CallbackInfo& info) {
  using scores = std::vector<std::vector<float>>;
  return promised(info.Env(), [&] {
    auto items = score_items_of(info[0]);
    return run<scores>(
        info, [items = std::move(items)](context& target) { return target.score(items); },
        [](Napi::Env env, scores& result) -> Napi::Value {
          Napi::Array lists = Napi::Array::New(env, result.size());
          for (uint32_t i = 0; i < result.size(); i++) {
            auto list = Napi::Float32Array::New(env, result[i].size());
            std::copy(result[i].begin(), result[i].end(), list.Data());
            lists.Set(i, list);
          }
          return lists;
        });
  });
}

Napi::Value context_object::distributions(const Napi::CallbackInfo& info) {
  using values = std::vector<float>;
  return promised(info.Env(), [&] {
    const int32_t sequence = sequence_of(info[0]);
    auto tokens = int32_array_of(info[1], "tokens");
    return run<values>(
        info, [sequence, tokens = std::move(tokens)](context& target) { return target.distributions(sequence, tokens); },
        [](Napi::Env env, values& result) -> Napi::Value {
          auto list = Napi::Float32Array::New(env, result.size());
          std::copy(result.begin(), result.end(), list.Data());
          return list;
        });
  });
}

Napi::Value context_object::observe(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] {
    const int32_t sequence = sequence_of(info[0]);
    auto tokens = int32_array_of(info[1], "tokens");
    const observe_options options = observe_options_of(options_of(info, 2));
    return run<observation>(
        info,
        [sequence, tokens = std::move(tokens), options](context& target) { return target.observe(sequence, tokens, options); },
        [](Napi::Env env, observation& result) -> Napi::Value { return observation_object(env, result); });
  });
}

void context_object::remove(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const int32_t sequence = sequence_of(info[0]);
    const auto from = static_cast<int32_t>(integer_of(info[1], "from", int32_low, int32_high));
    const auto to = static_cast<int32_t>(integer_of(info[2], "to", int32_low, int32_high));
    idle().remove(sequence, from, to);
  });
}

void context_object::copy_sequence(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const int32_t source = sequence_of(info[0], "source");
    const int32_t target = sequence_of(info[1], "target");
    idle().copy_sequence(source, target);
  });
}

void context_object::clear(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { idle().clear(); });
}

Napi::Value context_object::capture_sequence(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] {
    const int32_t sequence = sequence_of(info[0]);
    const options_of range = options_of::optional(info, 1);
    const bool whole = info[1].IsUndefined();
    const auto from = whole ? 0 : static_cast<int32_t>(range.integer("from", int32_low, int32_high));
    const auto to = whole ? max_position + 1 : static_cast<int32_t>(range.integer("to", int32_low, int32_high));
    return run<kv_state>(
        info, [sequence, from, to](context& target) { return target.capture(sequence, from, to); },
        [](Napi::Env env, kv_state& state) { return kv_state_object::create(env, std::move(state)); });
  });
}

Napi::Value context_object::attach_state(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] {
    const int32_t sequence = sequence_of(info[0]);
    const std::shared_ptr<const kv_state> state = kv_state_object::of(info[1]);
    return run<nothing>(
        info,
        [sequence, state](context& target) {
          target.attach(sequence, *state);
          return nothing{};
        },
        undefined);
  });
}

Napi::Value context_object::save_sequence(const Napi::CallbackInfo& info) {
  using bytes = std::vector<uint8_t>;
  return promised(info.Env(), [&] {
    const int32_t sequence = sequence_of(info[0]);
    return run<bytes>(
        info, [sequence](context& target) { return target.save(sequence); },
        [](Napi::Env env, bytes& blob) -> Napi::Value {
          auto array = Napi::Uint8Array::New(env, blob.size());
          std::copy(blob.begin(), blob.end(), array.Data());
          return array;
        });
  });
}

Napi::Value context_object::restore_sequence(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] {
    const int32_t sequence = sequence_of(info[0]);
    auto blob = uint8_array_of(info[1], "blob");
    return run<nothing>(
        info,
        [sequence, blob = std::move(blob)](context& target) {
          target.restore(sequence, blob);
          return nothing{};
        },
        undefined);
  });
}

void context_object::cancel(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    if (busy_ && context_) context_->cancel();
  });
}

Napi::Value context_object::close(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&]() -> Napi::Value {
    // A running operation ends first: it was posted earlier to the same thread.
    auto leaving = std::make_shared<std::unique_ptr<context>>(std::move(context_));
    const bool was_open = *leaving != nullptr;
    if (was_open) (*leaving)->cancel();
    auto self = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info.This().As<Napi::Object>()));
    operation<nothing> steps;
    steps.work = [leaving] {
      leaving->reset();
      return nothing{};
    };
    steps.settled = [contexts = contexts_of_model_, self, was_open] {
      if (was_open) --*contexts;
    };
    steps.convert = undefined;
    return start(info.Env(), data_, *worker_, std::move(steps));
  });
}

context& context_object::idle() const {
  if (!context_) throw error(error_code::state, "the context is closed");
  if (busy_) throw error(error_code::state, "another operation is running on the context");
  return *context_;
}

template <class Result>
Napi::Value context_object::run(const Napi::CallbackInfo& info, std::function<Result(context&)> work,
                                std::function<Napi::Value(Napi::Env, Result&)> convert, std::function<void()> after) {
  context& target = idle();
  target.allow();
  busy_ = true;
  auto self = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info.This().As<Napi::Object>()));
  operation<Result> steps;
  steps.work = [&target, work = std::move(work)] { return work(target); };
  steps.convert = std::move(convert);
  steps.settled = [this, self, after = std::move(after)] {
    busy_ = false;
    if (after) after();
  };
  return start(info.Env(), data_, *worker_, std::move(steps));
}

}  // namespace precis
