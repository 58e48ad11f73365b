#include "core/storage.h"

#include <new>

#include "core/error.h"

namespace pyforge {

static constexpr size_t kHeader = (sizeof(Storage) + 63) / 64 * 64;

Ref<Storage> Storage::make(size_t nbytes) {
  PF_CHECK(nbytes < (size_t{1} << 62), Memory, "out of memory: cannot allocate ", nbytes, " bytes");
  char* block = static_cast<char*>(allocate(kHeader + nbytes));
  auto* s = new (block) Storage;
  s->data = block + kHeader;
  s->nbytes = nbytes;
  return Ref<Storage>::steal(s);
}

Ref<Storage> Storage::wrap(void* data, size_t nbytes, bool read_only, void (*release)(void*),
                           void* owner) {
  auto* s = new (allocate(kHeader)) Storage;
  s->data = static_cast<char*>(data);
  s->nbytes = nbytes;
  s->read_only = read_only;
  s->release = release;
  s->owner = owner;
  return Ref<Storage>::steal(s);
}

void Storage::destroy(Storage* s) {
  size_t block = kHeader + (s->release ? 0 : s->nbytes);
  if (s->release) s->release(s->owner);
  s->~Storage();
  deallocate(s, block);
}

}  // namespace pyforge
