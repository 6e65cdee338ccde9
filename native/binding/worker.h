// One thread that runs jobs in order. Each native object has its own, so that a long prompt neither blocks the other
// contexts nor occupies the thread pool that Node reads files with.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace precis {

class worker {
 public:
  worker() = default;
  ~worker() { stop(); }
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  // Starts the thread at the first job (std::system_error when the system gives none). Jobs must not throw.
  void post(std::function<void()> job);
  // Waits for the running job; waiting jobs are dropped. Not from the worker's own thread.
  void stop();

 private:
  void loop();

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
  bool stopping_ = false;
};

}  // namespace precis
