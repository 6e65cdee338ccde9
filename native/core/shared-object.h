// A dynamic library opened by absolute path: dlopen on POSIX, LoadLibrary on Windows.
#pragma once

#include <filesystem>

namespace precis {

// Stays loaded until the process ends: llama.cpp's back ends keep threads and static state that unloading would break.
class shared_object {
 public:
  // Throws error(library_missing) with the loader's own message.
  static shared_object open(const std::filesystem::path& file);

  // Null when the library has no such symbol.
  void* symbol(const char* name) const;

 private:
  explicit shared_object(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace precis
