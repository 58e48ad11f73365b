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

namespace detail {

// Classes 0..63 step by 64 bytes up to 4 KiB; above, eight classes per doubling up to 2^46.
inline constexpr int kSmallClasses = 64;
inline constexpr size_t kSmallLimit = 64 * kSmallClasses;
inline constexpr int kSizeClasses = kSmallClasses + 8 * 34;

struct FreeBlock {
  FreeBlock* next;
};
struct SizeClass {
  FreeBlock* free = nullptr;
  int64_t live = 0, total = 0;  // blocks in use; in use or on the free list
};
struct Counters {
  int64_t live_bytes = 0, peak_bytes = 0, allocations = 0;

  void add(int64_t bytes) {
    ++allocations;
    live_bytes += bytes;
    if (live_bytes > peak_bytes) peak_bytes = live_bytes;
  }
};
extern SizeClass size_classes[kSizeClasses];
extern Counters counters;

inline int small_class(size_t bytes) { return static_cast<int>((bytes - (bytes != 0)) / 64); }
void* allocate_slow(size_t bytes);
void deallocate_large(void* block, size_t bytes) noexcept;

}  // namespace detail

// A block of at least `bytes` bytes, 64-byte aligned. Throws Error(Memory).
inline void* allocate(size_t bytes) {
  if (__builtin_expect(bytes <= detail::kSmallLimit, 1)) {
    int c = detail::small_class(bytes);
    detail::SizeClass& list = detail::size_classes[c];
    if (detail::FreeBlock* block = list.free; __builtin_expect(block != nullptr, 1)) {
      list.free = block->next;
      ++list.live;
      detail::counters.add(64 * (c + 1));
      return block;
    }
  }
  return detail::allocate_slow(bytes);
}

// `bytes` as given to allocate.
inline void deallocate(void* block, size_t bytes) noexcept {
#ifndef PYFORGE_NO_FREE_LISTS
  if (__builtin_expect(bytes <= detail::kSmallLimit, 1)) {
    int c = detail::small_class(bytes);
    detail::SizeClass& list = detail::size_classes[c];
    auto* b = static_cast<detail::FreeBlock*>(block);
    b->next = list.free;
    list.free = b;
    --list.live;
    detail::counters.live_bytes -= 64 * (c + 1);
    return;
  }
#endif
  detail::deallocate_large(block, bytes);
}

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
