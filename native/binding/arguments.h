// Reads JavaScript values that may be anything. Every function throws error(argument) naming the argument.
#pragma once

#include <napi.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace precis {

Napi::Object object_of(const Napi::Value& value, const char* name);
std::string text_of(const Napi::Value& value, const char* name);
bool boolean_of(const Napi::Value& value, const char* name);
// Finite and within [low, high].
double number_of(const Napi::Value& value, const char* name, double low, double high);
// Whole and within [low, high].
int64_t integer_of(const Napi::Value& value, const char* name, int64_t low, int64_t high);
// Copies, so that the caller may change or transfer its array while another thread reads.
std::vector<int32_t> int32_array_of(const Napi::Value& value, const char* name);
std::vector<float> float32_array_of(const Napi::Value& value, const char* name);
std::vector<uint8_t> uint8_array_of(const Napi::Value& value, const char* name);

// The range of int32_t, for arguments whose range the core checks.
constexpr int64_t int32_low = std::numeric_limits<int32_t>::min();
constexpr int64_t int32_high = std::numeric_limits<int32_t>::max();

// The options object that is argument `index`.
class options_of {
 public:
  options_of(const Napi::CallbackInfo& info, size_t index) : object_(object_of(info[index], "options")) {}
  // An options object that may be left out.
  static options_of optional(const Napi::CallbackInfo& info, size_t index);

  Napi::Value value(const char* key) const { return object_.Get(key); }
  std::string text(const char* key) const { return text_of(value(key), key); }
  std::string text(const char* key, const char* otherwise) const;
  bool boolean(const char* key) const { return boolean_of(value(key), key); }
  bool boolean(const char* key, bool otherwise) const;
  double number(const char* key, double low, double high) const { return number_of(value(key), key, low, high); }
  double number(const char* key, double low, double high, double otherwise) const;
  int64_t integer(const char* key, int64_t low, int64_t high) const { return integer_of(value(key), key, low, high); }
  int64_t integer(const char* key, int64_t low, int64_t high, int64_t otherwise) const;
  // Undefined when absent, else a function.
  Napi::Value function(const char* key) const;

 private:
  explicit options_of(Napi::Object object) : object_(object) {}
  Napi::Object object_;
};

}  // namespace precis
