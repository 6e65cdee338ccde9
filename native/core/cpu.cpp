#include "cpu.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>

#include <vector>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#else
#include <sched.h>
#endif

namespace precis {

namespace {
int logical_cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }
}  // namespace

#if defined(_WIN32)

int physical_cores() {
  DWORD bytes = 0;
  GetLogicalProcessorInformation(nullptr, &bytes);
  std::vector<SYSTEM_LOGICAL_PROCESSOR_INFORMATION> processors(bytes / sizeof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION));
  if (processors.empty() || !GetLogicalProcessorInformation(processors.data(), &bytes)) return logical_cores();
  const auto cores = std::count_if(processors.begin(), processors.end(),
                                   [](const auto& processor) { return processor.Relationship == RelationProcessorCore; });
  return std::max(1, static_cast<int>(cores));
}

uint64_t available_memory() {
  MEMORYSTATUSEX status;
  status.dwLength = sizeof(status);
  return GlobalMemoryStatusEx(&status) ? status.ullAvailPhys : 0;
}

#elif defined(__APPLE__)

namespace {
template <class Value>
Value system_value(const char* name) {
  Value value = 0;
  size_t bytes = sizeof(value);
  return sysctlbyname(name, &value, &bytes, nullptr, 0) == 0 ? value : 0;
}
}  // namespace

int physical_cores() {
  // The slow cores of Apple silicon hold the fast ones back.
  const int fast = system_value<int>("hw.perflevel0.physicalcpu");
  return fast > 0 ? fast : std::max(1, system_value<int>("hw.physicalcpu"));
}

// macOS has no figure for memory that is free or can be freed; the whole is the only sure bound.
uint64_t available_memory() { return system_value<uint64_t>("hw.memsize"); }

#else

int physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return logical_cores();
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    std::string siblings;
    // Hyper-threads of one core list the same siblings.
    if (!(file >> siblings)) return logical_cores();
    cores.insert(siblings);
  }
  return std::max(1, static_cast<int>(cores.size()));
}

uint64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::string rest;
  uint64_t kibibytes = 0;
  while (file >> key >> kibibytes && std::getline(file, rest)) {
    if (key == "MemAvailable:") return kibibytes * 1024;
  }
  return 0;
}

#endif

}  // namespace precis
