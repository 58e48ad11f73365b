// Caching allocator: 64-byte aligned blocks from size-class free lists, with counters.
// Called with the GIL held (see refcount.h); worker threads never allocate.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pyforge {

struct AllocatorStats {
  int64_t live_bytes, peak_bytes, cached_bytes, live_blocks, allocations, system_allocations;
};
struct SizeClassStats {
  int64_t block_bytes, live_blocks, cached_blocks;
};

// A block of at least `bytes` bytes, 64-byte aligned. Throws Error(Memory).
void* allocate(size_t bytes);
// `bytes` as given to allocate.
void deallocate(void* block, size_t bytes) noexcept;

AllocatorStats allocator_stats();
void reset_peak_bytes();
int size_class_count();
SizeClassStats size_class_stats(int index);
// Returns cached large blocks to the system.
void empty_cache();

// Free list for one fixed-size kind of object; memory comes from allocate() and is kept.
template <size_t kBytes>
class ObjectPool {
 public:
  void* get() {
#ifndef PYFORGE_NO_FREE_LISTS
    if (free_) {
      Item* item = free_;
      free_ = item->next;
      return item;
    }
    return refill();
#else
    return ::operator new(kBytes);
#endif
  }
  void put(void* p) {
#ifndef PYFORGE_NO_FREE_LISTS
    Item* item = static_cast<Item*>(p);
    item->next = free_;
    free_ = item;
#else
    ::operator delete(p);
#endif
  }

 private:
  struct Item {
    Item* next;
  };
  static constexpr size_t kStep = (kBytes + 15) / 16 * 16;
  [[gnu::noinline]] void* refill() {
    constexpr size_t kChunk = 64 * kStep;
    char* chunk = static_cast<char*>(::operator new(kChunk));
    for (size_t i = 63; i > 0; --i) put(chunk + i * kStep);
    return chunk;
  }
  Item* free_ = nullptr;
};

}  // namespace pyforge
