// The option and result objects of NativeContext.
#pragma once

#include <napi.h>

#include <vector>

#include "../core/context.h"
#include "arguments.h"

namespace precis {

context_options context_options_of(const options_of& options);
std::vector<score_item> score_items_of(const Napi::Value& value);
observe_options observe_options_of(const options_of& options);
Napi::Object observation_object(Napi::Env env, const observation& result);
Napi::Object context_info_object(Napi::Env env, const context_info& info);

}  // namespace precis
