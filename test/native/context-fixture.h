// The real models of the context tests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "context.h"
#include "library.h"

namespace precis_test {

inline std::shared_ptr<precis::model> open_model(const std::string& path) {
  precis::open_library(given.libraries);
  return precis::model::open({path, 0, true, {}, nullptr});
}

inline std::shared_ptr<precis::model> shared_model() {
  static const std::shared_ptr<precis::model> opened = open_model(given.model);
  return opened;
}

inline precis::context_options small(uint32_t sequences = 4, bool unified = true) {
  precis::context_options options;
  options.cells = 1024;
  options.batch_tokens = 64;
  options.sequences = sequences;
  options.unified = unified;
  options.threads = 1;  // llama.cpp's threads wait for each other by spinning, which a busy machine punishes
  return options;
}

inline std::vector<int32_t> some_tokens(size_t count, int32_t step = 37) {
  std::vector<int32_t> tokens;
  const int32_t vocabulary = shared_model()->info().vocabulary;
  for (size_t i = 0; i < count; i++) tokens.push_back(static_cast<int32_t>((i * i * 13 + i * static_cast<size_t>(step) + 5) % static_cast<size_t>(vocabulary)));
  return tokens;
}

inline std::vector<int32_t> generate(precis::context& target, int32_t sequence, int count) {
  const precis::sampler greedy(shared_model(), {});
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; i++) tokens.push_back(target.next(sequence, greedy));
  return tokens;
}

}  // namespace precis_test
