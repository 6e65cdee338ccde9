#include "worker.h"

#include <utility>

namespace precis {

void worker::post(std::function<void()> job) {
  {
    const std::lock_guard<std::mutex> lock(lock_);
    if (!thread_.joinable() && !stopping_) thread_ = std::thread([this] { loop(); });
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void worker::stop() {
  {
    const std::lock_guard<std::mutex> lock(lock_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void worker::loop() {
  std::unique_lock<std::mutex> lock(lock_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

}  // namespace precis
