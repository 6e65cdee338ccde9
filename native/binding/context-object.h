// NativeContext of native/addon.ts.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "../core/context.h"
#include "addon-data.h"
#include "operation.h"

namespace precis {

class model_object;

class context_object : public Napi::ObjectWrap<context_object> {
 public:
  static Napi::Function define(Napi::Env env);
  // The promise of a context object. Throws for bad arguments and a closed model.
  static Napi::Value open(const Napi::CallbackInfo& info, model_object& model);

  explicit context_object(const Napi::CallbackInfo& info);
  ~context_object() override;

 private:
  Napi::Value used_cells(const Napi::CallbackInfo& info);
  Napi::Value next_position(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value next(const Napi::CallbackInfo& info);
  Napi::Value extend(const Napi::CallbackInfo& info);
  Napi::Value score(const Napi::CallbackInfo& info);
  Napi::Value distributions(const Napi::CallbackInfo& info);
  Napi::Value observe(const Napi::CallbackInfo& info);
  void remove(const Napi::CallbackInfo& info);
  void copy_sequence(const Napi::CallbackInfo& info);
  void clear(const Napi::CallbackInfo& info);
  Napi::Value capture_sequence(const Napi::CallbackInfo& info);
  Napi::Value attach_state(const Napi::CallbackInfo& info);
  Napi::Value save_sequence(const Napi::CallbackInfo& info);
  Napi::Value restore_sequence(const Napi::CallbackInfo& info);
  void cancel(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  // Throws error(state) when the context is closed or an operation runs.
  context& idle() const;
  // Runs one operation; `after` (may be empty) runs on the JavaScript thread when it has ended.
  template <class Result>
  Napi::Value run(const Napi::CallbackInfo& info, std::function<Result(context&)> work,
                  std::function<Napi::Value(Napi::Env, Result&)> convert, std::function<void()> after = {});

  std::shared_ptr<addon_data> data_;
  std::unique_ptr<context> context_;  // null after close
  std::shared_ptr<int> contexts_of_model_;
  Napi::ObjectReference model_reference_;  // a model is not collected while it has contexts
  std::shared_ptr<env_worker> worker_;
  bool busy_ = false;
};

}  // namespace precis
