#include "core/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>

#include "core/error.h"

namespace pyforge {
namespace {

using FileId = std::pair<dev_t, ino_t>;

struct Mapping {
  int descriptor;
  void* address;
  size_t bytes;
  FileId file;
};

// Of this process, by the file behind them; never destroyed, since tensors may outlive statics.
std::map<FileId, Storage*>& storages = *new std::map<FileId, Storage*>;

void release(void* owner) {
  auto* m = static_cast<Mapping*>(owner);
  storages.erase(m->file);
  munmap(m->address, m->bytes);
  close(m->descriptor);
  delete m;
}

[[noreturn]] void failed(const char* what, int descriptor) {
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  raise(ErrorKind::Runtime, "shared memory: ", what, ": ", std::strerror(error),
        error == EMFILE ? "; each tensor needs a file descriptor, raise the limit with ulimit -n"
                        : "");
}

int anonymous_file() {
#ifdef __linux__
  return memfd_create("pyforge", MFD_CLOEXEC);
#else
  static unsigned counter = 0;
  std::string name = "/pyforge-" + std::to_string(getpid()) + "-" + std::to_string(++counter);
  int descriptor = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (descriptor >= 0) shm_unlink(name.c_str());
  return descriptor;
#endif
}

size_t mapped_bytes(size_t nbytes) { return nbytes ? nbytes : 1; }

Ref<Storage> map(int descriptor, size_t nbytes, FileId file) {
  const size_t bytes = mapped_bytes(nbytes);
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) failed("cannot map it", descriptor);
  auto* mapping = new Mapping{descriptor, address, bytes, file};
  Ref<Storage> s = Storage::wrap(static_cast<char*>(address), nbytes, false, release, mapping);
  storages[file] = s.get();
  return s;
}

}  // namespace

Ref<Storage> make_shared_storage(size_t nbytes) {
  int descriptor = anonymous_file();
  if (descriptor < 0) failed("cannot make it", descriptor);
  struct stat info;
  if (ftruncate(descriptor, static_cast<off_t>(mapped_bytes(nbytes))) || fstat(descriptor, &info))
    failed("cannot give it its size", descriptor);
  return map(descriptor, nbytes, {info.st_dev, info.st_ino});
}

Ref<Storage> attach_shared_storage(int descriptor, size_t nbytes) {
  struct stat info;
  if (fstat(descriptor, &info)) failed("not a file descriptor", -1);
  if (static_cast<size_t>(info.st_size) != mapped_bytes(nbytes)) {
    close(descriptor);
    raise(ErrorKind::Runtime, "shared memory: expected ", nbytes, " bytes, found ", info.st_size);
  }
  FileId file{info.st_dev, info.st_ino};
  if (auto known = storages.find(file); known != storages.end()) {
    close(descriptor);
    return Ref<Storage>::borrow(known->second);
  }
  return map(descriptor, nbytes, file);
}

bool is_shared(const Storage& storage) { return storage.release == release; }

int shared_descriptor(const Storage& storage) {
  return static_cast<Mapping*>(storage.owner)->descriptor;
}

}  // namespace pyforge
