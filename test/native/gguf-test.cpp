// The GGUF header reader against damaged files.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "check.h"
#include "gguf-header.h"
#include "library.h"
#include "model.h"

using namespace precis;
using precis_test::given;

namespace {

std::vector<char> read_bytes(const std::string& file, size_t count) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<char> bytes(count);
  stream.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<size_t>(stream.gcount()));
  return bytes;
}

std::string write_bytes(const std::string& name, const std::vector<char>& bytes) {
  const std::string file = given.folder + "/" + name;
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return file;
}

template <class Value>
void put(std::vector<char>& bytes, Value value) {
  const char* from = reinterpret_cast<const char*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof(value));
}

void put_text(std::vector<char>& bytes, const std::string& text) {
  put<uint64_t>(bytes, text.size());
  bytes.insert(bytes.end(), text.begin(), text.end());
}

// Magic, version, counts and the architecture.
std::vector<char> header_start(uint64_t tensors, uint64_t entries) {
  std::vector<char> bytes = {'G', 'G', 'U', 'F'};
  put<uint32_t>(bytes, 3);
  put<uint64_t>(bytes, tensors);
  put<uint64_t>(bytes, entries);
  put_text(bytes, "general.architecture");
  put<uint32_t>(bytes, 8);
  put_text(bytes, "llama");
  return bytes;
}

}  // namespace

TEST_CASE("gguf: the model's header is read, and its fingerprint tells models apart") {
  open_library(given.libraries);
  const gguf_header header = read_gguf_header(given.model);
  CHECK(header.architecture == "llama");
  CHECK(header.file_bytes == std::filesystem::file_size(given.model));
  CHECK(header.fingerprint == read_gguf_header(given.model).fingerprint);
  CHECK(header.fingerprint != read_gguf_header(given.other_model).fingerprint);
}

TEST_CASE("gguf: changed weights change the fingerprint") {
  std::vector<char> bytes = read_bytes(given.model, std::filesystem::file_size(given.model));
  const uint64_t before = read_gguf_header(given.model).fingerprint;
  // The first sample begins with the data section; the end of the file is far behind the header.
  for (size_t i = bytes.size() / 2; i < bytes.size(); i++) bytes[i] ^= 0x11;
  CHECK(read_gguf_header(write_bytes("changed.gguf", bytes)).fingerprint != before);
}

TEST_CASE("gguf: missing, folder, empty, other format, unknown version") {
  CHECK_CODE(model_missing, read_gguf_header(given.folder + "/none.gguf"));
  CHECK_CODE(model_missing, read_gguf_header(given.folder));
  CHECK_CODE(model_not_gguf, read_gguf_header(write_bytes("empty.gguf", {})));
  CHECK_CODE(model_not_gguf, read_gguf_header(write_bytes("html.gguf", {'<', 'h', 't', 'm', 'l', '>'})));
  CHECK_CODE(model_not_gguf, read_gguf_header(write_bytes("version.gguf", {'G', 'G', 'U', 'F', 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                                                           0, 0, 0, 0, 0, 0, 0, 0, 0})));
}

TEST_CASE("gguf: a file cut anywhere is truncated") {
  const std::vector<char> bytes = read_bytes(given.model, std::filesystem::file_size(given.model));
  for (const size_t count : {size_t{4}, size_t{7}, size_t{23}, size_t{24}, size_t{31}, size_t{100}, size_t{5000},
                             bytes.size() / 2, bytes.size() - 1}) {
    const std::string file = write_bytes("cut.gguf", {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)});
    CHECK_CODE(model_truncated, read_gguf_header(file));
    CHECK_CODE(model_truncated, model::open({file, 0, true, {}, nullptr}));
  }
}

TEST_CASE("gguf: forged lengths and counts are refused without reading or allocating by them") {
  for (const uint64_t huge : {UINT64_MAX, UINT64_MAX / 2, uint64_t{1} << 40}) {
    std::vector<char> counts = {'G', 'G', 'U', 'F'};
    put<uint32_t>(counts, 3);
    put<uint64_t>(counts, huge);
    put<uint64_t>(counts, 0);
    CHECK_CODE(model_not_gguf, read_gguf_header(write_bytes("counts.gguf", counts)));

    std::vector<char> key = {'G', 'G', 'U', 'F'};
    put<uint32_t>(key, 3);
    put<uint64_t>(key, 0);
    put<uint64_t>(key, 1);
    put<uint64_t>(key, huge);
    CHECK_CODE(model_truncated, read_gguf_header(write_bytes("key.gguf", key)));

    for (const uint32_t element : {0u, 8u, 12u}) {
      std::vector<char> array = header_start(0, 2);
      put_text(array, "some.array");
      put<uint32_t>(array, 9);
      put<uint32_t>(array, element);
      put<uint64_t>(array, huge);
      CHECK_CODE(model_truncated, read_gguf_header(write_bytes("array.gguf", array)));
    }

    std::vector<char> shape = header_start(1, 1);
    put_text(shape, "tensor");
    put<uint32_t>(shape, 2);
    put<uint64_t>(shape, 32);
    put<uint64_t>(shape, huge);
    put<uint32_t>(shape, 0);
    put<uint64_t>(shape, 0);
    try {
      read_gguf_header(write_bytes("shape.gguf", shape));
      CHECK(!"a huge tensor was accepted");
    } catch (const error& refused) {
      CHECK(refused.code() == error_code::model_not_gguf || refused.code() == error_code::model_truncated);
    }

    std::vector<char> offset = header_start(1, 1);
    put_text(offset, "tensor");
    put<uint32_t>(offset, 1);
    put<uint64_t>(offset, 32);
    put<uint32_t>(offset, 0);
    put<uint64_t>(offset, huge);
    try {
      read_gguf_header(write_bytes("offset.gguf", offset));
      CHECK(!"a far tensor was accepted");
    } catch (const error& refused) {
      CHECK(refused.code() == error_code::model_not_gguf || refused.code() == error_code::model_truncated);
    }
  }
}

TEST_CASE("gguf: random damage to the header never does more than throw an error") {
  const std::vector<char> original = read_bytes(given.model, 64 * 1024);
  std::mt19937 random(3);
  int refused = 0;
  for (int round = 0; round < 400; round++) {
    std::vector<char> bytes = original;
    // Most damage goes where the structure is dense.
    const size_t reach = round % 2 == 0 ? 2048 : bytes.size();
    for (int i = 0; i < 4; i++) bytes[random() % reach] = static_cast<char>(random());
    if (round % 3 == 0) bytes.resize(random() % bytes.size());
    try {
      read_gguf_header(write_bytes("damaged.gguf", bytes));
    } catch (const error&) {
      refused++;
    }
  }
  CHECK(refused > 0);
}
