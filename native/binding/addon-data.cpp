#include "addon-data.h"

#include <cstdlib>
#include <mutex>

namespace precis {

namespace {

struct worker_registry {
  std::mutex lock;
  std::set<env_worker*> workers;
};

// Never destroyed: it is used while the process exits.
worker_registry& registry() {
  static auto* const all = new worker_registry();
  return *all;
}

void stop_all_workers() {
  const std::lock_guard<std::mutex> lock(registry().lock);
  for (env_worker* thread : registry().workers) {
    if (thread->interrupt) thread->interrupt();
  }
  for (env_worker* thread : registry().workers) thread->stop();
}

}  // namespace

env_worker::env_worker(std::shared_ptr<addon_data> data) : data_(std::move(data)) {
  data_->workers.insert(this);
  const std::lock_guard<std::mutex> lock(registry().lock);
  registry().workers.insert(this);
}

env_worker::~env_worker() {
  data_->workers.erase(this);
  const std::lock_guard<std::mutex> lock(registry().lock);
  registry().workers.erase(this);
}

void stop_workers_at_exit() {
  static int registered = 0;
  static std::mutex lock;
  const std::lock_guard<std::mutex> guard(lock);
  if (registered < exit_handler_limit && std::atexit(stop_all_workers) == 0) registered++;
}

}  // namespace precis
