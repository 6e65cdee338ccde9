// The test program of the C++ core: runs all cases, prints one line each, exits with the number of failed ones.
#include <chrono>
#include <cstdio>
#include <exception>

#include "check.h"

namespace precis_test {

places given;

namespace {
bool failed = false;
}

void fail(const char* file, int line, const std::string& what) {
  failed = true;
  std::printf("  %s:%d: %s\n", file, line, what.c_str());
}

void check_code(const char* file, int line, precis::error_code code, const std::function<void()>& action) {
  const std::string wanted = precis::code_name(code);
  try {
    action();
  } catch (const precis::error& caught) {
    if (caught.code() == code) return;
    fail(file, line, std::string("wanted ") + wanted + ", got " + precis::code_name(caught.code()) + ": " + caught.what());
    return;
  } catch (const std::exception& caught) {
    fail(file, line, "wanted " + wanted + ", got " + caught.what());
    return;
  }
  fail(file, line, "wanted " + wanted + ", but nothing was thrown");
}

}  // namespace precis_test

int main(int count, char** arguments) {
  using namespace precis_test;
  if (count != 5) {
    std::fprintf(stderr, "usage: core-test LIBRARIES MODEL OTHER_MODEL FOLDER\n");
    return 2;
  }
  given = {arguments[1], arguments[2], arguments[3], arguments[4]};
  int failures = 0;
  for (const test_case& test : test_cases()) {
    failed = false;
    const auto begin = std::chrono::steady_clock::now();
    try {
      test.body();
    } catch (const std::exception& uncaught) {
      fail(test.name, 0, uncaught.what());
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("%s %s (%.2f s)\n", failed ? "not ok" : "ok", test.name, seconds.count());
    std::fflush(stdout);
    if (failed) failures++;
  }
  return failures;
}
