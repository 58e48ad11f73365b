#include "ops/external.h"

#include <dlfcn.h>

#include <cstring>
#include <map>

#include "kernels/dispatch.h"

namespace pyforge {
namespace {

struct Libraries {
  std::map<std::string, Ref<Library>, std::less<>> loaded;
  std::map<std::string, ExternalOp*, std::less<>> ops;
};
Libraries& libraries() {
  static auto* all = new Libraries;  // never destroyed: libraries may outlive static objects
  return *all;
}

void forget(Library& lib) {
  auto& all = libraries();
  for (const Ref<ExternalOp>& op : lib.ops) {
    auto it = all.ops.find(op->def.name);
    if (it != all.ops.end() && it->second == op.get()) all.ops.erase(it);
  }
  lib.ops.clear();
}

std::string abi_text(int major, int minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

}  // namespace

void Library::destroy(Library* lib) {
  void* handle = lib->handle;
  delete lib;
  if (handle) dlclose(handle);
}

void check_library_abi(const std::string& path, const pf_library_info* info) {
  PF_CHECK(info && info->size >= sizeof(uint32_t) + 2 * sizeof(uint16_t), Runtime, path,
           " is not a library of pyforge ops; include <pyforge/op.h> in one of its sources");
  bool fits = info->abi_major == PF_ABI_MAJOR && info->abi_minor <= PF_ABI_MINOR;
  bool newer = info->abi_major > PF_ABI_MAJOR ||
               (info->abi_major == PF_ABI_MAJOR && info->abi_minor > PF_ABI_MINOR);
  PF_CHECK(fits, Runtime, path, " was built for version ",
           abi_text(info->abi_major, info->abi_minor),
           " of pyforge's interface for custom ops and this pyforge has version ",
           abi_text(PF_ABI_MAJOR, PF_ABI_MINOR), ": ",
           newer ? "upgrade pyforge" : "build the library again with this pyforge");
  if (info->size < sizeof(pf_library_info) || !info->instruction_set) return;
  bool runs = false;
  for (const char* name : kernels::available())
    runs = runs || !std::strcmp(name, info->instruction_set);
  PF_CHECK(runs, Runtime, path, " was compiled for the instruction set ", info->instruction_set,
           ", which this processor or this build of pyforge does not run: build the library again "
           "on this machine");
}

Ref<Library> load_library(const std::string& name, const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  PF_CHECK(handle, Runtime, "cannot load ", path, ": ", dlerror());
  auto lib = Ref<Library>::steal(new Library);
  lib->name = name;
  lib->path = path;
  lib->handle = handle;
  check_library_abi(path, static_cast<const pf_library_info*>(dlsym(handle, "pyforge_op_library")));
  auto load = reinterpret_cast<pf_load_fn>(dlsym(handle, "pyforge_op_load"));
  PF_CHECK(load, Runtime, path, " does not export pyforge_op_load");
  external::clear_error();
  auto& all = libraries();
  try {
    if (load(&external::host(), reinterpret_cast<pf_library>(lib.get())) != PF_OK)
      raise(ErrorKind::Runtime, path, ": ", external::host().error_text());
    for (const Ref<ExternalOp>& op : lib->ops) {
      const std::string& op_name = op->def.name;
      auto it = all.ops.find(op_name);
      PF_CHECK(it == all.ops.end() || it->second->library->name == name, Runtime, path, ": op '",
               op_name, "' is already registered by library '",
               it == all.ops.end() ? "" : it->second->library->name,
               "'; unload that one or rename the op");
    }
  } catch (...) {
    lib->ops.clear();
    throw;
  }
  unload_library(name);  // a new version takes the place of the old one
  for (const Ref<ExternalOp>& op : lib->ops) all.ops[op->def.name] = op.get();
  all.loaded[name] = lib;
  return lib;
}

bool unload_library(const std::string& name) {
  auto& all = libraries();
  auto it = all.loaded.find(name);
  if (it == all.loaded.end()) return false;
  Ref<Library> lib = it->second;
  all.loaded.erase(it);
  forget(*lib);
  return true;
}

std::vector<std::string> external_op_names() {
  std::vector<std::string> names;
  for (const auto& [name, op] : libraries().ops) names.push_back(name);
  return names;
}

ExternalOp* find_external(std::string_view name) {
  auto& all = libraries();
  auto it = all.ops.find(name);
  return it == all.ops.end() ? nullptr : it->second;
}

}  // namespace pyforge
