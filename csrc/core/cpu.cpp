#include "core/cpu.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace pyforge::cpu {
namespace {

#if defined(__x86_64__)

constexpr uint32_t bit(int n) { return uint32_t{1} << n; }
constexpr bool has(uint32_t word, uint32_t mask) { return (word & mask) == mask; }

uint64_t read_xcr0() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

int detect_level() {
  // Leaf 1 ecx: sse3 ssse3 cx16 sse4.1 sse4.2 popcnt | fma movbe osxsave avx f16c.
  constexpr uint32_t v2_leaf1 = bit(0) | bit(9) | bit(13) | bit(19) | bit(20) | bit(23);
  constexpr uint32_t v3_leaf1 = bit(12) | bit(22) | bit(27) | bit(28) | bit(29);
  // Leaf 7 ebx: bmi1 avx2 bmi2 | avx512 f dq cd bw vl.
  constexpr uint32_t v3_leaf7 = bit(3) | bit(5) | bit(8);
  constexpr uint32_t v4_leaf7 = bit(16) | bit(17) | bit(28) | bit(30) | bit(31);
  // Leaf 0x80000001 ecx: lahf | lzcnt.
  constexpr uint32_t v2_extended = bit(0), v3_extended = bit(5);
  // XCR0: state the operating system saves: xmm ymm | opmask zmm.
  constexpr uint64_t ymm_state = 0x06, zmm_state = 0xe6;

  uint32_t eax, ebx, ecx, edx, extended = 0;
  if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx)) extended = ecx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return 1;
  const uint32_t leaf1 = ecx;
  if (!has(leaf1, v2_leaf1) || !has(extended, v2_extended)) return 1;
  uint32_t leaf7 = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) leaf7 = ebx;
  if (!has(leaf1, v3_leaf1) || !has(leaf7, v3_leaf7) || !has(extended, v3_extended)) return 2;
  const uint64_t saved = read_xcr0();
  if ((saved & ymm_state) != ymm_state) return 2;
  if (!has(leaf7, v4_leaf7) || (saved & zmm_state) != zmm_state) return 3;
  return 4;
}

bool detect_avx512_bf16() {
  uint32_t eax, ebx, ecx, edx;
  return detect_level() == 4 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && has(eax, bit(5));
}

#else

int detect_level() { return 0; }
bool detect_avx512_bf16() { return false; }

#endif

int affinity_count() {
#if defined(__linux__)
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 2) {
    cpu_set_t* set = CPU_ALLOC(capacity);
    if (!set) break;
    const size_t size = CPU_ALLOC_SIZE(capacity);
    const int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

#if defined(__linux__)

// Processors granted by one cgroup folder, or 0 where it sets no limit.
int quota_of(const std::string& folder, bool v2) {
  double quota = 0, period = 0;
  if (v2) {
    std::string text;
    std::ifstream file(folder + "/cpu.max");
    if (!(file >> text >> period) || text == "max") return 0;
    if (std::sscanf(text.c_str(), "%lf", &quota) != 1) return 0;
  } else {
    std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
    std::ifstream period_file(folder + "/cpu.cfs_period_us");
    if (!(quota_file >> quota) || !(period_file >> period)) return 0;
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::clamp((quota + period - 1) / period, 1.0, 1e6));
}

// Smallest limit from the process's own group up to the root. Inside a container the path may
// not exist below the mount point; the folders above it still count.
int quota_up_from(const std::string& mount, std::string path, bool v2) {
  int limit = 0;
  for (;;) {
    const int here = quota_of(mount + path, v2);
    if (here > 0 && (limit == 0 || here < limit)) limit = here;
    const size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return limit;
    path.resize(slash);
  }
}

bool lists_cpu_controller(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

// Processors granted by cgroup v1 or v2, or 0 where there is no limit.
int cgroup_quota() {
  int limit = 0;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // id:controllers:path
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    std::vector<std::string> mounts;
    const bool v2 = controllers.empty();
    if (v2) {
      mounts = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    } else if (lists_cpu_controller(controllers)) {
      mounts = {"/sys/fs/cgroup/" + controllers, "/sys/fs/cgroup/cpu"};
    }
    for (const std::string& mount : mounts) {
      const int here = quota_up_from(mount, path, v2);
      if (here > 0 && (limit == 0 || here < limit)) limit = here;
    }
  }
  return limit;
}

#else

int cgroup_quota() { return 0; }

#endif

}  // namespace

int x86_level() {
  static const int level = detect_level();
  return level;
}

int usable_cpus() {
  const int count = affinity_count();
  const int quota = cgroup_quota();
  return quota > 0 ? std::min(count, quota) : count;
}

bool has_avx512_bf16() {
  static const bool has = detect_avx512_bf16();
  return has;
}

}  // namespace pyforge::cpu
