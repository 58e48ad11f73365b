#include "kernels/dispatch.h"

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <mutex>

#include "core/cpu.h"

namespace pyforge::kernels {

namespace detail {
constinit std::atomic<const Table*> active{nullptr};
}

namespace {

struct InstructionSet {
  const char* name;
  int x86_level;  // 0: runs anywhere
  void (*fill)(Table& table);
};

constexpr InstructionSet kSets[] = {
#ifdef PYFORGE_HAVE_V4
    {"v4", 4, v4::fill},
#endif
#ifdef PYFORGE_HAVE_V3
    {"v3", 3, v3::fill},
#endif
#ifdef PYFORGE_HAVE_V2
    {"v2", 2, v2::fill},
#endif
#ifdef PYFORGE_HAVE_GENERIC
    {"generic", 0, generic::fill},
#endif
};
constexpr size_t kCount = std::size(kSets);

Table tables[kCount];
bool filled[kCount];
std::mutex fill_mutex;

bool runs_here(const InstructionSet& set) { return set.x86_level <= cpu::x86_level(); }

}  // namespace

bool select(const char* name) {
  for (size_t i = 0; i < kCount; ++i) {
    if (std::strcmp(kSets[i].name, name) != 0 || !runs_here(kSets[i])) continue;
    const std::lock_guard lock(fill_mutex);
    if (!filled[i]) {
      kSets[i].fill(tables[i]);
      filled[i] = true;
    }
    detail::active.store(&tables[i], std::memory_order_release);
    return true;
  }
  return false;
}

std::vector<const char*> available() {
  std::vector<const char*> names;
  for (const InstructionSet& set : kSets) {
    if (runs_here(set)) names.push_back(set.name);
  }
  return names;
}

std::string init() {
  const std::vector<const char*> names = available();
  if (names.empty())
    return "this processor lacks SSE4.2 and POPCNT (x86-64-v2), which pyforge needs";
  const char* wanted = std::getenv("PYFORGE_ISA");
  if (!wanted || !*wanted) {
    select(names.front());
    return {};
  }
  if (select(wanted)) return {};
  std::string message = "PYFORGE_ISA=" + std::string(wanted) + " cannot be used here; choose from:";
  for (const char* name : names) message += std::string(" ") + name;
  return message;
}

}  // namespace pyforge::kernels
