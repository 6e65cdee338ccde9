// Reads the header of a GGUF file before llama.cpp does, to tell apart: missing, not GGUF, truncated. The file is
// untrusted: every length is checked against the bytes that are there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace precis {

struct gguf_header {
  std::string architecture;  // value of general.architecture
  uint64_t file_bytes = 0;
  // Hash of all metadata, tensor descriptions and samples of the tensor data: tells models apart.
  uint64_t fingerprint = 0;
  // The tensor rope_freqs.weight: divisors of the rotary frequencies (kv-model.h). Empty where there is none.
  std::vector<float> rope_factors;
};

// Throws error(model_missing | model_not_gguf | model_truncated). Format: ggml/docs/gguf.md, versions 2 and 3.
gguf_header read_gguf_header(const std::filesystem::path& file);

}  // namespace precis
