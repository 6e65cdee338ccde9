// NativeSampler of native/addon.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "../core/sampler.h"
#include "addon-data.h"
#include "arguments.h"

namespace precis {

class sampler_object : public Napi::ObjectWrap<sampler_object> {
 public:
  static Napi::Function define(Napi::Env env);
  static sampler_options parse(const options_of& options);
  static Napi::Value create(Napi::Env env, const std::shared_ptr<const model>& model, const sampler_options& options);
  // Throws error(argument) for anything that `create` did not make, error(state) after close or while in use.
  static sampler_object& of(const Napi::Value& value);

  explicit sampler_object(const Napi::CallbackInfo& info);

  // A sampler has a state, so one operation uses it at a time. It stays alive until the operation gives it back.
  std::shared_ptr<sampler> borrow();
  void give_back() { in_use_ = false; }

 private:
  void close(const Napi::CallbackInfo& info);

  std::shared_ptr<sampler> sampler_;  // null after close
  bool in_use_ = false;
};

}  // namespace precis
