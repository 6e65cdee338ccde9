#include "js-queue.h"

#include <memory>
#include <utility>

namespace precis {

namespace {

// False while a worker thread is being terminated: then every call into JavaScript fails.
bool can_run_js(napi_env env) {
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  napi_value global = nullptr;
  bool found = false;
  const bool able = napi_get_global(env, &global) == napi_ok &&
                    napi_has_named_property(env, global, "undefined", &found) == napi_ok;
  napi_close_handle_scope(env, scope);
  return able;
}

}  // namespace

js_queue::js_queue(Napi::Env env) : env_(env) {
  const Napi::String name = Napi::String::New(env, "precis");
  const napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                                             js_queue::run, &function_);
  if (status != napi_ok) throw Napi::Error::New(env, "cannot create the addon's queue");
  napi_unref_threadsafe_function(env, function_);
}

void js_queue::post(js_task task) {
  auto* waiting = new js_task(std::move(task));
  // Fails only while the environment ends; what the task holds may then not be released from this thread.
  (void)napi_call_threadsafe_function(function_, waiting, napi_tsfn_nonblocking);
}

void js_queue::post_droppable(js_task task) {
  if (droppable_waiting_.fetch_add(1) >= droppable_limit) {
    droppable_waiting_.fetch_sub(1);
    return;
  }
  post([this, task = std::move(task)](Napi::Env env) {
    droppable_waiting_.fetch_sub(1);
    task(env);
  });
}

void js_queue::hold() {
  if (holds_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void js_queue::release() {
  if (--holds_ == 0) napi_unref_threadsafe_function(env_, function_);
}

void js_queue::run(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<js_task> task(static_cast<js_task*>(data));
  if (env == nullptr || !can_run_js(env)) {
    // The environment is ending, and with it what the task refers to; releasing that now could crash.
    task.release();
    return;
  }
  const Napi::HandleScope scope(env);
  try {
    (*task)(Napi::Env(env));
  } catch (const Napi::Error& failure) {
    napi_fatal_exception(env, failure.Value());
  }
}

void call_back(Napi::Env env, const Napi::FunctionReference& function, std::initializer_list<napi_value> arguments) {
  napi_value result = nullptr;
  if (napi_call_function(env, env.Undefined(), function.Value(), arguments.size(), arguments.begin(), &result) == napi_ok) {
    return;
  }
  // The function may also have ended its environment (process.exit in a worker thread); then there is nobody to tell.
  napi_value thrown = nullptr;
  if (napi_get_and_clear_last_exception(env, &thrown) != napi_ok) return;
  if (can_run_js(env)) napi_fatal_exception(env, thrown);
}

}  // namespace precis
