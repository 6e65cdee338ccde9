// Tasks for the JavaScript thread, posted from any thread, run in order.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <initializer_list>

namespace precis {

using js_task = std::function<void(Napi::Env)>;

// Calls a function of the user's from a task. What it throws becomes an uncaught exception, as for any callback.
void call_back(Napi::Env env, const Napi::FunctionReference& function, std::initializer_list<napi_value> arguments);

class js_queue {
 public:
  // Does not keep the process alive until `hold`.
  explicit js_queue(Napi::Env env);
  js_queue(const js_queue&) = delete;
  js_queue& operator=(const js_queue&) = delete;

  // The task is destroyed on the JavaScript thread, unless the environment has ended: then it is dropped unrun.
  void post(js_task task);
  // For messages that may be lost: drops the task when `droppable_limit` of them are waiting.
  void post_droppable(js_task task);

  // The process stays alive while there are more holds than releases. JavaScript thread only.
  void hold();
  void release();

 private:
  static constexpr int droppable_limit = 10000;
  static void run(napi_env env, napi_value function, void* context, void* data);

  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  int holds_ = 0;
  std::atomic<int> droppable_waiting_{0};
};

}  // namespace precis
