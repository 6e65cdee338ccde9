// A few lines of test framework for the C++ core.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "error.h"

namespace precis_test {

struct test_case {
  const char* name;
  void (*body)();
};

inline std::vector<test_case>& test_cases() {
  static std::vector<test_case> all;
  return all;
}

struct registration {
  registration(const char* name, void (*body)()) { test_cases().push_back({name, body}); }
};

// Paths given to the program.
struct places {
  std::string libraries;    // folder of the llama.cpp libraries
  std::string model;        // a llama model
  std::string other_model;  // a model with another shape and vocabulary
  std::string folder;       // an empty folder to write to
};
extern places given;

void fail(const char* file, int line, const std::string& what);
// Fails unless the action throws precis::error with this code.
void check_code(const char* file, int line, precis::error_code code, const std::function<void()>& action);

}  // namespace precis_test

#define TEST_CASE_NAMED(name, id)                                                        \
  static void test_body_##id();                                                          \
  static const precis_test::registration test_registration_##id(name, test_body_##id);   \
  static void test_body_##id()
#define TEST_CASE_EXPANDED(name, id) TEST_CASE_NAMED(name, id)
#define TEST_CASE(name) TEST_CASE_EXPANDED(name, __LINE__)

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) precis_test::fail(__FILE__, __LINE__, #condition);      \
  } while (false)
#define CHECK_CODE(code, ...) \
  precis_test::check_code(__FILE__, __LINE__, precis::error_code::code, [&] { __VA_ARGS__; })
