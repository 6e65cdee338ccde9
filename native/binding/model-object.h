// NativeModel of native/addon.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "../core/model.h"
#include "addon-data.h"

namespace precis {

class model_object : public Napi::ObjectWrap<model_object> {
 public:
  static Napi::Function define(Napi::Env env);
  // The promise of a model object; the model is read on its own thread.
  static Napi::Value open(const Napi::CallbackInfo& info);

  // The model of a value. Throws error(argument) for anything that `open` did not make, error(state) after close.
  static std::shared_ptr<const model> of(const Napi::Value& value);

  explicit model_object(const Napi::CallbackInfo& info);

  const std::shared_ptr<model>& opened() const { return model_; }
  // How many contexts are open; outlives the object, because an ending environment destroys objects in any order.
  const std::shared_ptr<int>& contexts() const { return contexts_; }

 private:
  Napi::Value tokenize(const Napi::CallbackInfo& info);
  Napi::Value detokenize(const Napi::CallbackInfo& info);
  Napi::Value is_end_of_generation(const Napi::CallbackInfo& info);
  Napi::Value open_context(const Napi::CallbackInfo& info);
  Napi::Value create_sampler(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  model& checked() const;

  std::shared_ptr<addon_data> data_;
  std::shared_ptr<model> model_;  // null after close
  env_worker worker_;
  std::shared_ptr<int> contexts_ = std::make_shared<int>(0);
};

}  // namespace precis
