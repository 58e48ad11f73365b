// The thread pool. Light: hot code includes it.
#pragma once
#include <cstdint>
#include <string>
#include <type_traits>

namespace pyforge {

// Threads that a parallel region may use, the caller included. Default: the environment variable
// PYFORGE_NUM_THREADS, else cpu::usable_cpus().
int num_threads();
void set_num_threads(int count);

// Reads PYFORGE_NUM_THREADS. Returns an empty string, or what is wrong with it.
std::string init_threads();

// Ends the workers and waits for them; the next parallel region starts new ones.
void shutdown_threads();

// Treats denormal floating-point numbers as zero on the calling thread and in the parallel regions
// that it starts. False where the processor has no such mode.
bool set_flush_denormal(bool enabled);

namespace detail {
using RangeFn = void (*)(void* context, int64_t first, int64_t last);
void parallel_run(int64_t n, int64_t grain, RangeFn run, void* context);
}  // namespace detail

// Calls f(first, last) on ranges that together are [0, n), each of at least `grain` (> 0) units,
// on several threads where that may pay. Ranges are handed out as threads become free, so their
// bounds vary from run to run: results may not depend on the division. Nested calls and calls
// while another thread uses the pool run serially. An exception ends the region and reaches the
// caller, the first one if there are several.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  if (n <= grain) {
    f(int64_t{0}, n);
    return;
  }
  using Fn = std::remove_reference_t<F>;
  detail::parallel_run(
      n, grain,
      [](void* context, int64_t first, int64_t last) { (*static_cast<Fn*>(context))(first, last); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace pyforge
