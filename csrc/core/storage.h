// A buffer shared by a tensor and its views, with the version that in-place writes bump.
#pragma once
#include "core/allocator.h"
#include "core/refcount.h"
#include "core/source.h"

namespace pyforge {

struct Storage {
  uint32_t refs = 1;
  uint32_t version = 0;
  char* data = nullptr;
  size_t nbytes = 0;
  // Memory that somebody else owns: called once when the last tensor lets go.
  void (*release)(void*) = nullptr;
  void* owner = nullptr;
  SourceLocation last_write;  // of the newest in-place change
  bool read_only = false;     // borrowed from an array that must not be written

  // Header and data share one block; the data begins at the next 64-byte line.
  static Ref<Storage> make(size_t nbytes);
  static Ref<Storage> wrap(void* data, size_t nbytes, bool read_only, void (*release)(void*),
                           void* owner);
  static void destroy(Storage* s);
  void bump() {
    ++version;
    last_write.capture();
  }
};

}  // namespace pyforge
