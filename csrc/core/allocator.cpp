#include "core/allocator.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "core/error.h"

namespace pyforge {
namespace {

// Classes 0..63 step by 64 bytes up to 4 KiB; above, eight classes per doubling up to 2^46.
constexpr int kSmallClasses = 64;
constexpr size_t kSmallLimit = 64 * kSmallClasses;
constexpr int kLargeClasses = 8 * 34;
constexpr int kClasses = kSmallClasses + kLargeClasses;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kMaxBytes = size_t{1} << 46;

struct Block {
  Block* next;
};
struct SizeClass {
  Block* free = nullptr;
  int64_t live = 0, cached = 0;
};

SizeClass classes[kClasses];
AllocatorStats stats{};

size_t class_bytes(int c) {
  if (c < kSmallClasses) return size_t{64} * (c + 1);
  int k = c - kSmallClasses;
  size_t base = kSmallLimit << (k / 8);
  return base + (base / 8) * (k % 8 + 1);
}

int class_of(size_t bytes) {
  if (bytes <= kSmallLimit) return bytes ? static_cast<int>((bytes - 1) / 64) : 0;
  int log2 = 63 - __builtin_clzll(bytes - 1);  // base <= bytes-1 < 2*base
  size_t base = size_t{1} << log2;
  return kSmallClasses + (log2 - 12) * 8 + static_cast<int>((bytes - 1 - base) / (base / 8));
}

void* system_allocate(size_t bytes) {
  ++stats.system_allocations;
  size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  void* p = nullptr;
  if (posix_memalign(&p, alignment, bytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) madvise(p, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return p;
}

[[gnu::noinline]] void* allocate_slow(int c, size_t requested) {
  size_t bytes = class_bytes(c);
#ifndef PYFORGE_NO_FREE_LISTS
  if (c < kSmallClasses) {  // carve a chunk
    size_t chunk = bytes <= 1024 ? 16384 : 65536;
    char* p = static_cast<char*>(system_allocate(chunk));
    if (p) {
      for (size_t at = chunk / bytes * bytes - bytes; at > 0; at -= bytes) {
        auto* block = reinterpret_cast<Block*>(p + at);
        block->next = classes[c].free;
        classes[c].free = block;
        ++classes[c].cached;
        stats.cached_bytes += static_cast<int64_t>(bytes);
      }
      return p;
    }
  }
#endif
  void* p = system_allocate(bytes);
  if (!p) {
    empty_cache();
    p = system_allocate(bytes);
  }
  PF_CHECK(p, Memory, "out of memory: cannot allocate ", requested, " bytes (", stats.live_bytes,
           " bytes are in use by tensors); use smaller tensors or free some first");
  return p;
}

}  // namespace

void* allocate(size_t bytes) {
  PF_CHECK(bytes < kMaxBytes, Memory, "out of memory: cannot allocate ", bytes,
           " bytes; check the sizes asked for");
  int c = class_of(bytes);
  SizeClass& list = classes[c];
  void* p = list.free;
  int64_t size = static_cast<int64_t>(class_bytes(c));
  if (p) {
    list.free = list.free->next;
    --list.cached;
    stats.cached_bytes -= size;
  } else {
    p = allocate_slow(c, bytes);
  }
  ++list.live;
  ++stats.allocations;
  ++stats.live_blocks;
  stats.live_bytes += size;
  if (stats.live_bytes > stats.peak_bytes) stats.peak_bytes = stats.live_bytes;
  return p;
}

void deallocate(void* block, size_t bytes) noexcept {
  int c = class_of(bytes);
  SizeClass& list = classes[c];
  int64_t size = static_cast<int64_t>(class_bytes(c));
  --list.live;
  --stats.live_blocks;
  stats.live_bytes -= size;
#ifdef PYFORGE_NO_FREE_LISTS
  std::free(block);
#else
  auto* b = static_cast<Block*>(block);
  b->next = list.free;
  list.free = b;
  ++list.cached;
  stats.cached_bytes += size;
#endif
}

AllocatorStats allocator_stats() { return stats; }
void reset_peak_bytes() { stats.peak_bytes = stats.live_bytes; }
int size_class_count() { return kClasses; }
SizeClassStats size_class_stats(int index) {
  return {static_cast<int64_t>(class_bytes(index)), classes[index].live, classes[index].cached};
}

void empty_cache() {
  for (int c = kSmallClasses; c < kClasses; ++c) {
    while (Block* b = classes[c].free) {
      classes[c].free = b->next;
      --classes[c].cached;
      stats.cached_bytes -= static_cast<int64_t>(class_bytes(c));
      std::free(b);
    }
  }
}

}  // namespace pyforge
