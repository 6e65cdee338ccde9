#include "arguments.h"

#include <cmath>

#include "../core/error.h"

namespace precis {

namespace {

std::string must_be(const char* name, const std::string& what) { return std::string(name) + " must be " + what; }

// A detached array has no bytes and the length 0.
template <class Element>
std::vector<Element> array_of(const Napi::Value& value, const char* name, napi_typedarray_type wanted, const char* what) {
  require(value.IsTypedArray(), must_be(name, what));
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr);
  require(status == napi_ok && type == wanted, must_be(name, what));
  if (length == 0 || data == nullptr) return {};
  const auto* elements = static_cast<const Element*>(data);
  return std::vector<Element>(elements, elements + length);
}

}  // namespace

Napi::Object object_of(const Napi::Value& value, const char* name) {
  require(value.IsObject(), must_be(name, "an object"));
  return value.As<Napi::Object>();
}

std::string text_of(const Napi::Value& value, const char* name) {
  require(value.IsString(), must_be(name, "a string"));
  return value.As<Napi::String>().Utf8Value();
}

bool boolean_of(const Napi::Value& value, const char* name) {
  require(value.IsBoolean(), must_be(name, "true or false"));
  return value.As<Napi::Boolean>().Value();
}

double number_of(const Napi::Value& value, const char* name, double low, double high) {
  require(value.IsNumber(), must_be(name, "a number"));
  const double number = value.As<Napi::Number>().DoubleValue();
  // Written so that NaN fails.
  require(number >= low && number <= high, must_be(name, "within its range"));
  return number;
}

int64_t integer_of(const Napi::Value& value, const char* name, int64_t low, int64_t high) {
  const double number = number_of(value, name, static_cast<double>(low), static_cast<double>(high));
  require(std::trunc(number) == number, must_be(name, "a whole number"));
  return static_cast<int64_t>(number);
}

std::vector<int32_t> int32_array_of(const Napi::Value& value, const char* name) {
  return array_of<int32_t>(value, name, napi_int32_array, "an Int32Array");
}

std::vector<float> float32_array_of(const Napi::Value& value, const char* name) {
  return array_of<float>(value, name, napi_float32_array, "a Float32Array");
}

std::vector<uint8_t> uint8_array_of(const Napi::Value& value, const char* name) {
  return array_of<uint8_t>(value, name, napi_uint8_array, "a Uint8Array");
}

options_of options_of::optional(const Napi::CallbackInfo& info, size_t index) {
  if (info[index].IsUndefined()) return options_of(Napi::Object::New(info.Env()));
  return options_of(info, index);
}

std::string options_of::text(const char* key, const char* otherwise) const {
  const Napi::Value given = value(key);
  return given.IsUndefined() ? otherwise : text_of(given, key);
}

bool options_of::boolean(const char* key, bool otherwise) const {
  const Napi::Value given = value(key);
  return given.IsUndefined() ? otherwise : boolean_of(given, key);
}

double options_of::number(const char* key, double low, double high, double otherwise) const {
  const Napi::Value given = value(key);
  return given.IsUndefined() ? otherwise : number_of(given, key, low, high);
}

int64_t options_of::integer(const char* key, int64_t low, int64_t high, int64_t otherwise) const {
  const Napi::Value given = value(key);
  return given.IsUndefined() ? otherwise : integer_of(given, key, low, high);
}

Napi::Value options_of::function(const char* key) const {
  const Napi::Value given = value(key);
  require(given.IsUndefined() || given.IsFunction(), must_be(key, "a function"));
  return given;
}

}  // namespace precis
