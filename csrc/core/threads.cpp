#include "core/threads.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pyforge {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int64_t kRangesPerThread = 8;
constexpr auto kWorkerSpin = std::chrono::microseconds(20);
constexpr auto kCallerSpin = std::chrono::microseconds(4);

// Control bits of the floating-point unit (rounding, denormals), without the sticky flags.
#if defined(__x86_64__)
constexpr uint32_t kFlushBits = 0x8040;  // flush to zero, denormals are zero
using FloatMode = uint32_t;
FloatMode float_mode() { return _mm_getcsr() & ~0x3fu; }
void set_float_mode(FloatMode mode) { _mm_setcsr(mode); }
void pause() { _mm_pause(); }
#elif defined(__aarch64__)
constexpr uint64_t kFlushBits = uint64_t{1} << 24;
using FloatMode = uint64_t;
FloatMode float_mode() {
  FloatMode mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
void set_float_mode(FloatMode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
void pause() { __asm__ volatile("yield"); }
#else
constexpr int kFlushBits = 0;
using FloatMode = int;
FloatMode float_mode() { return 0; }
void set_float_mode(FloatMode) {}
void pause() {}
#endif

// True as soon as `ready()` is, false after `limit` of busy waiting.
template <class Ready>
bool spin_until(std::chrono::steady_clock::duration limit, Ready ready) {
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    for (int i = 0; i < 16; ++i) {
      if (ready()) return true;
      pause();
    }
    if (std::chrono::steady_clock::now() - start > limit) return false;
  }
}

thread_local bool in_region = false;

// One job at a time: its owner holds `busy`. A worker reads the job between enter() and leave(),
// which the owner waits for after closing the job; a worker that wakes too late is turned away.
class Pool {
 public:
  bool try_acquire() { return !busy_.exchange(true, std::memory_order_acquire); }
  void release() { busy_.store(false, std::memory_order_release); }

  // The functions below are for the holder of the pool.
  void resize(int workers);
  void run(int64_t n, int64_t ranges, detail::RangeFn run, void* context);

 private:
  struct Job {
    detail::RangeFn run;
    void* context;
    int64_t ranges, base, remainder;  // the first `remainder` ranges have one unit more
    FloatMode mode;
    std::exception_ptr error;
  };

  static constexpr uint32_t kOpen = 1,
                            kMember = 2;  // state_: open bit and number of workers inside

  void worker_main(uint32_t seen);
  bool wait_for_job(uint32_t& seen);
  bool enter() { return state_.fetch_add(kMember, std::memory_order_acquire) & kOpen; }
  void leave();
  void work();
  void wake_workers(int64_t wanted);

  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint32_t> state_{0};
  alignas(64) std::atomic<uint32_t> epoch_{0};  // changes with every job and with `stop_`
  Job job_{};
  std::atomic<bool> failed_{false};
  std::atomic<bool> stop_{false};
  std::atomic<int> parked_{0};
  std::atomic<bool> owner_parked_{false};
  std::atomic<bool> busy_{false};
  std::mutex mutex_;
  std::condition_variable job_ready_, job_done_;
  std::vector<std::thread> workers_;
};

// Takes ranges until there are none left.
void Pool::work() {
  const Job& job = job_;
  for (;;) {
    const int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
    if (i >= job.ranges) return;
    const int64_t first = i * job.base + std::min(i, job.remainder);
    const int64_t last = first + job.base + (i < job.remainder ? 1 : 0);
    try {
      job.run(job.context, first, last);
    } catch (...) {
      next_.store(job.ranges, std::memory_order_relaxed);
      if (!failed_.exchange(true, std::memory_order_relaxed)) job_.error = std::current_exception();
    }
  }
}

void Pool::leave() {
  const uint32_t before = state_.fetch_sub(kMember, std::memory_order_seq_cst);
  if (before == kMember && owner_parked_.load(std::memory_order_seq_cst)) {
    {
      const std::lock_guard lock(mutex_);
    }
    job_done_.notify_one();
  }
}

// Returns false when the worker is to end.
bool Pool::wait_for_job(uint32_t& seen) {
  const auto changed = [&] { return epoch_.load(std::memory_order_acquire) != seen; };
  if (!spin_until(kWorkerSpin, changed)) {
    std::unique_lock lock(mutex_);
    parked_.fetch_add(1, std::memory_order_seq_cst);
    job_ready_.wait(lock, [&] { return epoch_.load(std::memory_order_seq_cst) != seen; });
    parked_.fetch_sub(1, std::memory_order_relaxed);
  }
  seen = epoch_.load(std::memory_order_acquire);
  return !stop_.load(std::memory_order_relaxed);
}

void Pool::worker_main(uint32_t seen) {
  in_region = true;
  while (wait_for_job(seen)) {
    if (enter()) {
      if (job_.mode != float_mode()) set_float_mode(job_.mode);
      work();
    }
    leave();
  }
}

void Pool::wake_workers(int64_t wanted) {
  const int parked = parked_.load(std::memory_order_seq_cst);
  if (parked == 0) return;
  {
    const std::lock_guard lock(mutex_);
  }
  if (wanted >= parked) {
    job_ready_.notify_all();
  } else {
    for (int64_t i = 0; i < wanted; ++i) job_ready_.notify_one();
  }
}

void Pool::run(int64_t n, int64_t ranges, detail::RangeFn run, void* context) {
  job_.run = run;
  job_.context = context;
  job_.ranges = ranges;
  job_.base = n / ranges;
  job_.remainder = n % ranges;
  job_.mode = float_mode();
  next_.store(0, std::memory_order_relaxed);
  failed_.store(false, std::memory_order_relaxed);
  state_.fetch_or(kOpen, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  wake_workers(ranges - 1);

  work();
  state_.fetch_and(~kOpen, std::memory_order_relaxed);
  const auto done = [&] { return state_.load(std::memory_order_acquire) == 0; };
  if (!spin_until(kCallerSpin, done)) {
    std::unique_lock lock(mutex_);
    owner_parked_.store(true, std::memory_order_seq_cst);
    job_done_.wait(lock, [&] { return state_.load(std::memory_order_seq_cst) == 0; });
    owner_parked_.store(false, std::memory_order_relaxed);
  }
  if (job_.error) std::rethrow_exception(std::exchange(job_.error, nullptr));
}

void Pool::resize(int workers) {
  if (static_cast<int>(workers_.size()) > workers) {
    stop_.store(true, std::memory_order_relaxed);
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    wake_workers(static_cast<int64_t>(workers_.size()));
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_.store(false, std::memory_order_relaxed);
  }
  if (static_cast<int>(workers_.size()) == workers) return;
  // Signals belong to the program's own threads; only faults are delivered where they happen.
  sigset_t blocked, previous;
  sigfillset(&blocked);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, &previous);
  try {
    workers_.reserve(static_cast<size_t>(workers));
    const uint32_t seen = epoch_.load(std::memory_order_relaxed);
    while (static_cast<int>(workers_.size()) < workers) {
      workers_.emplace_back([this, seen] { worker_main(seen); });
    }
  } catch (const std::exception&) {  // the system grants no more: make do with those there are
    set_num_threads(static_cast<int>(workers_.size()) + 1);
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

std::atomic<Pool*> pool{nullptr};
std::atomic<int> thread_count{0};  // 0: not determined yet

// Never destroyed: workers may be parked in it while the process exits.
Pool& the_pool() {
  Pool* current = pool.load(std::memory_order_acquire);
  if (current) return *current;
  Pool* fresh = new Pool;
  if (pool.compare_exchange_strong(current, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;
  return *current;
}

// The child of a fork has none of the workers, and the pool's locks may be held by threads that it
// has not got either: it leaves the pool behind and makes a new one when it needs it.
void forget_pool() {
  pool.store(nullptr, std::memory_order_relaxed);
  in_region = false;
}
[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, forget_pool);

// Marks the caller as inside a region and gives the pool back at the end.
struct Region {
  explicit Region(Pool& owned) : pool(owned) { in_region = true; }
  ~Region() {
    in_region = false;
    pool.release();
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  Pool& pool;
};

}  // namespace

int num_threads() {
  int count = thread_count.load(std::memory_order_relaxed);
  if (count > 0) return count;
  const int fresh = std::clamp(cpu::usable_cpus(), 1, kMaxThreads);
  return thread_count.compare_exchange_strong(count, fresh) ? fresh : count;
}

void set_num_threads(int count) { thread_count.store(std::clamp(count, 1, kMaxThreads)); }

std::string init_threads() {
  const char* text = std::getenv("PYFORGE_NUM_THREADS");
  if (!text || !*text) return {};
  char* end = nullptr;
  errno = 0;
  const long count = std::strtol(text, &end, 10);
  if (errno != 0 || *end != '\0' || count < 1 || count > kMaxThreads) {
    return "PYFORGE_NUM_THREADS=" + std::string(text) + " is not a number from 1 to " +
           std::to_string(kMaxThreads);
  }
  set_num_threads(static_cast<int>(count));
  return {};
}

void shutdown_threads() {
  Pool* current = pool.load(std::memory_order_acquire);
  if (!current || in_region) return;
  while (!current->try_acquire()) std::this_thread::yield();
  const Region region(*current);
  current->resize(0);
}

bool set_flush_denormal(bool enabled) {
  if (kFlushBits == 0) return false;
  const FloatMode mode = float_mode();
  set_float_mode(enabled ? mode | kFlushBits : mode & ~kFlushBits);
  return true;
}

namespace detail {

void parallel_run(int64_t n, int64_t grain, RangeFn run, void* context) {
  const int threads = in_region ? 1 : num_threads();
  const int64_t ranges = std::min(n / std::max<int64_t>(grain, 1), threads * kRangesPerThread);
  Pool* const mine = threads > 1 && ranges > 1 ? &the_pool() : nullptr;
  if (!mine || !mine->try_acquire()) {
    run(context, 0, n);
    return;
  }
  const Region region(*mine);
  mine->resize(threads - 1);
  mine->run(n, ranges, run, context);
}

}  // namespace detail
}  // namespace pyforge
