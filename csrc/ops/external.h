// Ops of libraries loaded at run time. Everything a library registers is owned by counted objects:
// a call, a Python callable and a recorded node keep the library's code mapped.
#pragma once
#include <string>
#include <vector>

#include "autograd/node.h"
#include "core/refcount.h"
#include "ops/registry.h"
#include "pyforge/pyforge_op.h"

namespace pyforge {

struct ExternalOp;

struct Library {
  uint32_t refs = 1;
  std::string name, path;
  void* handle = nullptr;
  std::vector<Ref<ExternalOp>> ops;  // while loaded

  static void destroy(Library* lib);
};

struct ExternalOp {
  uint32_t refs = 1;
  OpDef def;
  OpGroup group;
  Ref<Library> library;
  std::string node_name;
  NodeType node_type, missing_type;  // with a derivative and without
  std::vector<bool> mutates;         // parameter: changed in place
  int n_outputs = 1;
  bool any_mutates = false, elementwise = false;
  pf_op_def op{};
  pf_elementwise_def rows{};

  static void destroy(ExternalOp* op) { delete op; }
};

// The libraries in use, by name.
Ref<Library> load_library(const std::string& name, const std::string& path);
// Forgets the ops; the code stays mapped while a callable or a graph refers to it. False: unknown.
bool unload_library(const std::string& name);
std::vector<std::string> external_op_names();
ExternalOp* find_external(std::string_view name);
void check_library_abi(const std::string& path, const pf_library_info* info);

// Calls with parsed arguments; `inplace`: the in-place form of an elementwise op.
Result call_external(const ExternalOp& op, const Value* args);
void call_external_inplace(const ExternalOp& op, const Value* args);

// While on, the memory of new outputs is filled with a byte and guarded, for opcheck.
void set_output_fill(int byte);  // -1: off
int output_fill();

// For opcheck: parallel loops of custom ops run on the calling thread, in up to 64 ranges, the last
// one first.
void set_ranges_reversed(bool on);

namespace external {

const pf_host& host();
// Rethrows what a library reported with set_error(), or what a host function caught.
[[noreturn]] void rethrow(const ExternalOp& op);
void clear_error();
DType dtype_from(int32_t code);
int32_t code_of(DType dtype);
void register_op(Library& lib, const pf_op_def& def);
void register_elementwise(Library& lib, const pf_elementwise_def& def);
Result call_elementwise(const ExternalOp& op, const Value* args);
void call_elementwise_inplace(const ExternalOp& op, const Value* args);

}  // namespace external
}  // namespace pyforge
