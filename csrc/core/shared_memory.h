// Storages that other processes can use as well: anonymous memory behind a file descriptor, which
// the system frees with its last user, however that ends.
#pragma once
#include "core/storage.h"

namespace pyforge {

// Zeros. Throws Error(Runtime) if the system gives no memory.
Ref<Storage> make_shared_storage(size_t nbytes);
// Over the memory behind `descriptor`, which is taken over; the same storage if this process has
// one of that memory already. Throws Error(Runtime) if it is not `nbytes` long.
Ref<Storage> attach_shared_storage(int descriptor, size_t nbytes);
bool is_shared(const Storage& storage);
// Of a shared storage, which keeps it.
int shared_descriptor(const Storage& storage);

}  // namespace pyforge
