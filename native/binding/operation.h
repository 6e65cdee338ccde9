// The one way from a JavaScript call to the core and back: errors become codes, work runs on a worker's thread, and the
// promise settles whatever happens.
#pragma once

#include <napi.h>

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "../core/error.h"
#include "addon-data.h"
#include "worker.h"

namespace precis {

inline Napi::Error js_error(Napi::Env env, error_code code, const std::string& message) {
  Napi::Error failure = Napi::Error::New(env, message);
  failure.Set("code", Napi::String::New(env, code_name(code)));
  return failure;
}

// Runs the body of a synchronous method; the core's errors become JavaScript errors with a code.
template <class Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const error& failure) {
    throw js_error(env, failure.code(), failure.what());
  } catch (const Napi::Error&) {
    throw;  // from JavaScript code that ran on the way, such as a getter
  } catch (const std::bad_alloc&) {
    throw js_error(env, error_code::out_of_memory, "not enough memory");
  } catch (const std::exception& failure) {
    throw js_error(env, error_code::failed, failure.what());
  }
}

// Runs the body of a method that gives a promise; what fails before the work starts rejects it.
template <class Body>
Napi::Value promised(Napi::Env env, Body body) {
  try {
    return guarded(env, body);
  } catch (const Napi::Error& failure) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(failure.Value());
    return deferred.Promise();
  }
}

template <class Result>
struct operation {
  // On the worker's thread.
  std::function<Result()> work;
  // On the JavaScript thread: the value to resolve with.
  std::function<Napi::Value(Napi::Env, Result&)> convert;
  // On the JavaScript thread, before the promise settles, also after a failure.
  std::function<void()> settled;
};

// Created, settled and destroyed on the JavaScript thread, because it may hold references to JavaScript values.
template <class Result>
struct pending_operation {
  operation<Result> steps;
  Napi::Promise::Deferred deferred;
  std::optional<Result> result;
  std::optional<error> failure;

  void run() {
    try {
      result.emplace(steps.work());
    } catch (const error& caught) {
      failure = caught;
    } catch (const std::bad_alloc&) {
      failure = error(error_code::out_of_memory, "not enough memory");
    } catch (const std::exception& caught) {
      failure = error(error_code::failed, caught.what());
    } catch (...) {
      failure = error(error_code::failed, "an unknown exception");
    }
  }

  void settle(Napi::Env env) {
    if (steps.settled) steps.settled();
    if (failure) {
      deferred.Reject(js_error(env, failure->code(), failure->what()).Value());
      return;
    }
    try {
      deferred.Resolve(guarded(env, [&] { return steps.convert(env, *result); }));
    } catch (const Napi::Error& caught) {
      deferred.Reject(caught.Value());
    }
  }
};

template <class Result>
Napi::Promise start(Napi::Env env, const std::shared_ptr<addon_data>& data, worker& thread, operation<Result> steps) {
  auto* pending = new pending_operation<Result>{std::move(steps), Napi::Promise::Deferred::New(env), {}, {}};
  const Napi::Promise promise = pending->deferred.Promise();
  data->queue.hold();
  const auto finish = [pending, data](Napi::Env settling_env) {
    const std::unique_ptr<pending_operation<Result>> owned(pending);
    data->queue.release();
    owned->settle(settling_env);
  };
  try {
    thread.post([pending, data, finish] {
      pending->run();
      data->queue.post(finish);
    });
  } catch (const std::system_error& failure) {
    pending->failure = error(error_code::failed, std::string("no thread can be started: ") + failure.what());
    finish(env);
  }
  return promise;
}

// For operations without a result.
struct nothing {};
inline Napi::Value undefined(Napi::Env env, nothing&) { return env.Undefined(); }

// A callback that the worker's thread may call; the arguments are made on the JavaScript thread.
template <class Argument>
std::function<void(Argument)> callback_of(const std::shared_ptr<addon_data>& data, const Napi::Value& function) {
  if (!function.IsFunction()) return {};
  auto reference = std::make_shared<Napi::FunctionReference>(Napi::Persistent(function.As<Napi::Function>()));
  return [data, reference](Argument argument) {
    data->queue.post([reference, argument](Napi::Env env) {
      call_back(env, *reference, {Napi::Number::New(env, static_cast<double>(argument))});
    });
  };
}

}  // namespace precis
