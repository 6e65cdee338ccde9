#include "library.h"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>

#include "error.h"
#include "shared-object.h"

namespace fs = std::filesystem;

namespace precis {

const char* const llama_release = PRECIS_LLAMA_RELEASE;

namespace {

struct opened_library {
  library functions;
  library_info info;
};

std::mutex opening;
std::unique_ptr<opened_library> opened;

fs::path find_library(const fs::path& directory, const std::string& stem);
void check_release(const fs::path& directory, const library& functions);
void load_symbols(const fs::path& directory, library& functions);
std::vector<device> list_devices(const library& functions);

}  // namespace

const library_info& open_library(const std::string& directory) {
  const std::lock_guard<std::mutex> lock(opening);
  if (opened) {
    if (opened->info.directory != directory) {
      throw error(error_code::state, "another library is already open: " + opened->info.directory);
    }
    return opened->info;
  }
  const fs::path path = fs::u8path(directory);
  require(path.is_absolute(), "directory must be an absolute path");
  std::error_code ignored_reason;
  if (!fs::is_directory(path, ignored_reason)) {
    throw error(error_code::library_missing, "there is no folder " + directory);
  }
  auto fresh = std::make_unique<opened_library>();
  load_symbols(path, fresh->functions);
  const library& functions = fresh->functions;
  check_release(path, functions);
  functions.llama_log_set(forward_log, nullptr);
  functions.ggml_backend_load_all_from_path(directory.c_str());
  functions.llama_backend_init();
  fresh->info.directory = directory;
  fresh->info.release = llama_release;
  fresh->info.devices = list_devices(functions);
  fresh->info.system_info = functions.llama_print_system_info();
  if (fresh->info.devices.empty()) {
    throw error(error_code::library_missing, "no usable back end in " + directory);
  }
  opened = std::move(fresh);
  return opened->info;
}

const library& llama() {
  // Written once under the lock, before any caller can hold an object that leads here.
  if (!opened) throw error(error_code::state, "loadLibrary has not been called");
  return opened->functions;
}

namespace {

#if defined(_WIN32)
constexpr const char* library_prefix = "";
constexpr const char* library_suffix = ".dll";
#elif defined(__APPLE__)
constexpr const char* library_prefix = "lib";
constexpr const char* library_suffix = ".dylib";
#else
constexpr const char* library_prefix = "lib";
constexpr const char* library_suffix = ".so";
#endif

// `libllama.so`, `libllama.v0.5.0.so`, `libllama.cuda.v0.5.0.so`, but not `libllama-common.so`.
fs::path find_library(const fs::path& directory, const std::string& stem) {
  const std::string wanted = library_prefix + stem;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(directory, failure)) {
    const fs::path name = entry.path().filename();
    const std::string text = name.u8string();
    if (name.extension() == library_suffix && text.substr(0, text.find('.')) == wanted) return entry.path();
  }
  throw error(error_code::library_missing, "no " + wanted + library_suffix + " in " + directory.u8string());
}

template <class Function>
void load_symbol(const shared_object& object, const char* name, Function& function) {
  void* address = object.symbol(name);
  if (address == nullptr) {
    throw error(error_code::library_mismatch, std::string("the library has no function ") + name);
  }
  function = reinterpret_cast<Function>(address);
}

void load_symbols(const fs::path& directory, library& functions) {
  // Dependencies first, so that the loader finds them already open.
  const shared_object ggml_base = shared_object::open(find_library(directory, "ggml-base"));
  const shared_object ggml = shared_object::open(find_library(directory, "ggml"));
  const shared_object llama = shared_object::open(find_library(directory, "llama"));
#define X(name) load_symbol(ggml_base, #name, functions.name);
  PRECIS_GGML_BASE_FUNCTIONS(X)
#undef X
#define X(name) load_symbol(ggml, #name, functions.name);
  PRECIS_GGML_FUNCTIONS(X)
#undef X
#define X(name) load_symbol(llama, #name, functions.name);
  PRECIS_LLAMA_FUNCTIONS(X)
#undef X
}

// The value of "release" in node-llama-cpp's build record, which lies next to the libraries.
std::optional<std::string> recorded_release(const fs::path& directory) {
  std::ifstream file(directory / "_nlcBuildMetadata.json");
  if (!file) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::string key = "\"release\"";
  const size_t at = text.find(key);
  if (at == std::string::npos) return std::nullopt;
  const size_t begin = text.find('"', at + key.size());
  const size_t end = begin == std::string::npos ? begin : text.find('"', begin + 1);
  if (end == std::string::npos) return std::nullopt;
  return text.substr(begin + 1, end - begin - 1);
}

// Parameter structs cross by value, so a library of another release would read garbage.
void check_release(const fs::path& directory, const library& functions) {
  const std::string version = functions.llama_version();  // such as 0.5.0-dev
  const std::string own = "v" + version.substr(0, version.find('-'));
  if (own != llama_release) {
    throw error(error_code::library_mismatch, "the library is llama.cpp " + own + ", this program needs " + llama_release);
  }
  const std::optional<std::string> recorded = recorded_release(directory);
  if (recorded && *recorded != llama_release) {
    throw error(error_code::library_mismatch,
                "the library was built from llama.cpp " + *recorded + ", this program needs " + llama_release);
  }
}

const char* device_type(enum ggml_backend_dev_type type) {
  switch (type) {
    case GGML_BACKEND_DEVICE_TYPE_CPU: return "cpu";
    case GGML_BACKEND_DEVICE_TYPE_GPU: return "gpu";
    case GGML_BACKEND_DEVICE_TYPE_IGPU: return "integratedGpu";
    default: return "accelerator";
  }
}

std::vector<device> list_devices(const library& functions) {
  std::vector<device> devices;
  for (size_t i = 0; i < functions.ggml_backend_dev_count(); i++) {
    ggml_backend_dev_t handle = functions.ggml_backend_dev_get(i);
    size_t free_bytes = 0;
    size_t total_bytes = 0;
    functions.ggml_backend_dev_memory(handle, &free_bytes, &total_bytes);
    devices.push_back({functions.ggml_backend_dev_name(handle), functions.ggml_backend_dev_description(handle),
                       device_type(functions.ggml_backend_dev_type(handle)), free_bytes, total_bytes});
  }
  return devices;
}

}  // namespace

}  // namespace precis
