// The module: what native/addon.ts calls NativeAddon.
#include <napi.h>

#include <memory>
#include <string>

#include "../core/library.h"
#include "../core/log.h"
#include "addon-data.h"
#include "arguments.h"
#include "context-object.h"
#include "kv-state-object.h"
#include "model-object.h"
#include "operation.h"
#include "sampler-object.h"

namespace precis {

namespace {

using data_holder = std::shared_ptr<addon_data>;

void forward_log_to(const Napi::Value& function, const data_holder& data) {
  auto reference = std::make_shared<Napi::FunctionReference>(Napi::Persistent(function.As<Napi::Function>()));
  set_log_sink([data, reference](const char* level, const std::string& message) {
    data->queue.post_droppable([reference, level, message](Napi::Env env) {
      call_back(env, *reference, {Napi::String::New(env, level), Napi::String::New(env, message)});
    });
  });
  data->owns_log_sink = true;
}

Napi::Value info_object(Napi::Env env, const library_info& info) {
  Napi::Array devices = Napi::Array::New(env, info.devices.size());
  for (uint32_t i = 0; i < info.devices.size(); i++) {
    const device& found = info.devices[i];
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", found.name);
    object.Set("description", found.description);
    object.Set("type", found.type);
    object.Set("freeBytes", Napi::Number::New(env, static_cast<double>(found.free_bytes)));
    object.Set("totalBytes", Napi::Number::New(env, static_cast<double>(found.total_bytes)));
    devices.Set(i, object);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("directory", info.directory);
  object.Set("release", info.release);
  object.Set("devices", devices);
  object.Set("systemInfo", info.system_info);
  return object;
}

Napi::Value load_library(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const options_of options(info, 0);
    const std::string directory = options.text("directory");
    const Napi::Value on_log = options.function("onLog");
    require(directory.find('\0') == std::string::npos, "directory must not contain a null character");
    if (on_log.IsFunction()) forward_log_to(on_log, data_of(info.Env()));
    const library_info& opened = open_library(directory);
    stop_workers_at_exit();
    return info_object(info.Env(), opened);
  });
}

// Runs before the queue closes, because it was registered after it.
void end_environment(data_holder* data) {
  if ((*data)->owns_log_sink) set_log_sink({});
  for (env_worker* thread : (*data)->workers) {
    if (thread->interrupt) thread->interrupt();
  }
  for (env_worker* thread : (*data)->workers) thread->stop();
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* data = new data_holder(std::make_shared<addon_data>(env));
  env.SetInstanceData(data);
  env.AddCleanupHook(end_environment, data);
  (*data)->model_class = Napi::Persistent(model_object::define(env));
  (*data)->context_class = Napi::Persistent(context_object::define(env));
  (*data)->sampler_class = Napi::Persistent(sampler_object::define(env));
  (*data)->kv_state_class = Napi::Persistent(kv_state_object::define(env));
  exports.Set("release", llama_release);
  exports.Set("loadLibrary", Napi::Function::New<load_library>(env, "loadLibrary"));
  exports.Set("openModel", Napi::Function::New<model_object::open>(env, "openModel"));
  exports.Set("decodeKvState", Napi::Function::New<kv_state_object::decode>(env, "decodeKvState"));
  exports.Set("joinKvStates", Napi::Function::New<kv_state_object::join>(env, "joinKvStates"));
  return exports;
}

}  // namespace

std::shared_ptr<addon_data> data_of(Napi::Env env) { return *env.GetInstanceData<data_holder>(); }

}  // namespace precis

static Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) { return precis::initialize(env, exports); }

NODE_API_MODULE(precis, initialize_addon)
