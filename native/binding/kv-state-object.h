// NativeKvState of native/addon.ts.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>

#include "../core/kv-state.h"
#include "addon-data.h"

namespace precis {

class kv_state_object : public Napi::ObjectWrap<kv_state_object> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Value create(Napi::Env env, kv_state state);
  // Throws error(argument) for anything that `create` did not make, error(state) after close.
  static std::shared_ptr<const kv_state> of(const Napi::Value& value);

  // decodeKvState and joinKvStates of NativeAddon.
  static Napi::Value decode(const Napi::CallbackInfo& info);
  static Napi::Value join(const Napi::CallbackInfo& info);

  explicit kv_state_object(const Napi::CallbackInfo& info);
  ~kv_state_object() override;

 private:
  Napi::Value keys(const Napi::CallbackInfo& info);
  Napi::Value values(const Napi::CallbackInfo& info);
  Napi::Value select(const Napi::CallbackInfo& info);
  Napi::Value slice(const Napi::CallbackInfo& info);
  Napi::Value shift(const Napi::CallbackInfo& info);
  Napi::Value convert(const Napi::CallbackInfo& info);
  Napi::Value refit(const Napi::CallbackInfo& info);
  void cancel(const Napi::CallbackInfo& info);
  Napi::Value encode(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  const std::shared_ptr<const kv_state>& checked() const;
  void release();

  std::shared_ptr<const kv_state> state_;  // null after close
  std::shared_ptr<std::atomic<bool>> refits_cancelled_;  // shared by the refits since the last cancel
};

}  // namespace precis
