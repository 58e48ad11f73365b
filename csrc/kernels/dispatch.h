// Which instruction set's kernels are in use.
#pragma once
#include <atomic>
#include <string>
#include <vector>

#include "kernels/table.h"

namespace pyforge::kernels {

namespace detail {
extern std::atomic<const Table*> active __attribute__((visibility("hidden")));
}

// The kernels in use. Valid once init() has succeeded.
inline const Table& active() { return *detail::active.load(std::memory_order_acquire); }

// Selects the set named by the environment variable PYFORGE_ISA, else the best one that this
// processor runs. Returns an empty string, or what is wrong.
std::string init();

// Switches to "v2", "v3", "v4" or "generic". False, and no change, if it is unknown, not built in
// or not supported by this processor. Kernels that are running finish with the old set.
bool select(const char* name);

// Names that select() accepts here, best first.
std::vector<const char*> available();

}  // namespace pyforge::kernels
