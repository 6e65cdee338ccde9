#include "shared-object.h"

#include <string>

#include "error.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace precis {

#ifdef _WIN32

shared_object shared_object::open(const std::filesystem::path& file) {
  // The altered search path lets the library find its neighbours in its own folder.
  HMODULE module = LoadLibraryExW(file.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (module == nullptr) {
    throw error(error_code::library_missing,
                file.u8string() + ": LoadLibrary failed with error " + std::to_string(GetLastError()));
  }
  return shared_object(reinterpret_cast<void*>(module));
}

void* shared_object::symbol(const char* name) const {
  return reinterpret_cast<void*>(GetProcAddress(reinterpret_cast<HMODULE>(handle_), name));
}

#else

shared_object shared_object::open(const std::filesystem::path& file) {
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    throw error(error_code::library_missing, reason == nullptr ? file.string() + " cannot be opened" : reason);
  }
  return shared_object(handle);
}

void* shared_object::symbol(const char* name) const { return dlsym(handle_, name); }

#endif

}  // namespace precis
