#include "core/allocator.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "core/error.h"

namespace pyforge {

namespace detail {
SizeClass size_classes[kSizeClasses];
Counters counters;
}  // namespace detail

namespace {

using detail::counters;
using detail::FreeBlock;
using detail::kSizeClasses;
using detail::kSmallClasses;
using detail::kSmallLimit;
using detail::size_classes;
using detail::SizeClass;

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kMaxBytes = size_t{1} << 46;
int64_t system_allocations = 0;

size_t class_bytes(int c) {
  if (c < kSmallClasses) return size_t{64} * (c + 1);
  int k = c - kSmallClasses;
  size_t base = kSmallLimit << (k / 8);
  return base + (base / 8) * (k % 8 + 1);
}

int class_of(size_t bytes) {
  if (bytes <= kSmallLimit) return detail::small_class(bytes);
  int log2 = 63 - __builtin_clzll(bytes - 1);  // base <= bytes-1 < 2*base
  size_t base = size_t{1} << log2;
  return kSmallClasses + (log2 - 12) * 8 + static_cast<int>((bytes - 1 - base) / (base / 8));
}

void* system_allocate(size_t bytes) {
  ++system_allocations;
  size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  void* p = nullptr;
  if (posix_memalign(&p, alignment, bytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) madvise(p, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return p;
}

void* new_block(int c, size_t requested) {
  size_t bytes = class_bytes(c);
#ifndef PYFORGE_NO_FREE_LISTS
  if (c < kSmallClasses) {  // carve a chunk
    size_t chunk = bytes <= 1024 ? 16384 : 65536;
    char* p = static_cast<char*>(system_allocate(chunk));
    if (p) {
      for (size_t at = chunk / bytes * bytes - bytes; at > 0; at -= bytes) {
        auto* block = reinterpret_cast<FreeBlock*>(p + at);
        block->next = size_classes[c].free;
        size_classes[c].free = block;
      }
      size_classes[c].total += static_cast<int64_t>(chunk / bytes);
      return p;
    }
  }
#endif
  void* p = system_allocate(bytes);
  if (!p) {
    empty_cache();
    p = system_allocate(bytes);
  }
  PF_CHECK(p, Memory, "out of memory: cannot allocate ", requested, " bytes (", counters.live_bytes,
           " bytes are in use by tensors); use smaller tensors or free some first");
  ++size_classes[c].total;
  return p;
}

}  // namespace

namespace detail {

void* allocate_slow(size_t bytes) {
  PF_CHECK(bytes < kMaxBytes, Memory, "out of memory: cannot allocate ", bytes,
           " bytes; check the sizes asked for");
  int c = class_of(bytes);
  SizeClass& list = size_classes[c];
  void* p = list.free;
  if (p) {
    list.free = list.free->next;
  } else {
    p = new_block(c, bytes);
  }
  ++list.live;
  counters.add(static_cast<int64_t>(class_bytes(c)));
  return p;
}

void deallocate_large(void* block, size_t bytes) noexcept {
  int c = class_of(bytes);
  SizeClass& list = size_classes[c];
  --list.live;
  counters.live_bytes -= static_cast<int64_t>(class_bytes(c));
#ifdef PYFORGE_NO_FREE_LISTS
  --list.total;
  std::free(block);
#else
  auto* b = static_cast<FreeBlock*>(block);
  b->next = list.free;
  list.free = b;
#endif
}

}  // namespace detail

AllocatorStats allocator_stats() {
  AllocatorStats s{counters.live_bytes,  counters.peak_bytes, 0, 0,
                   counters.allocations, system_allocations};
  for (int c = 0; c < kSizeClasses; ++c) {
    const SizeClass& list = size_classes[c];
    s.live_blocks += list.live;
    s.cached_bytes += (list.total - list.live) * static_cast<int64_t>(class_bytes(c));
  }
  return s;
}
void reset_peak_bytes() { counters.peak_bytes = counters.live_bytes; }
int size_class_count() { return kSizeClasses; }
SizeClassStats size_class_stats(int index) {
  const SizeClass& list = size_classes[index];
  return {static_cast<int64_t>(class_bytes(index)), list.live, list.total - list.live};
}

void empty_cache() {
  for (int c = kSmallClasses; c < kSizeClasses; ++c) {
    while (FreeBlock* b = size_classes[c].free) {
      size_classes[c].free = b->next;
      --size_classes[c].total;
      std::free(b);
    }
  }
}

}  // namespace pyforge
