// What one JavaScript environment (main thread or worker thread) has of the addon.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "js-queue.h"
#include "worker.h"

namespace precis {

class env_worker;

struct addon_data {
  explicit addon_data(Napi::Env env) : queue(env) {}

  js_queue queue;
  std::set<env_worker*> workers;
  bool owns_log_sink = false;

  Napi::FunctionReference model_class;
  Napi::FunctionReference context_class;
  Napi::FunctionReference sampler_class;
  Napi::FunctionReference kv_state_class;
  // What the next constructor call wraps; null when JavaScript calls the constructor itself.
  void* to_wrap = nullptr;
};

std::shared_ptr<addon_data> data_of(Napi::Env env);

// A worker that is interrupted and joined before its environment or the process ends.
class env_worker : public worker {
 public:
  explicit env_worker(std::shared_ptr<addon_data> data);
  ~env_worker();

  // Makes the running job end soon; may be empty.
  std::function<void()> interrupt;

 private:
  std::shared_ptr<addon_data> data_;
};

// process.exit ends the process without ending its environment first, and the libraries' static objects are destroyed
// while a worker still computes with them. So workers are also stopped when the process exits. Handlers run in reverse
// order, so this must be called again when the libraries may have created more static objects; it registers a handler
// at most `exit_handler_limit` times.
void stop_workers_at_exit();
constexpr int exit_handler_limit = 8;

}  // namespace precis
