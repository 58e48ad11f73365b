// The functions that a library of custom ops calls: C in and out, no exception passes.
#include <cstring>
#include <exception>

#include "core/gil.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/external_context.h"
#include "ops/ops.h"

namespace pyforge {
namespace {

struct ErrorState {
  std::exception_ptr caught;
  std::string text;
};
thread_local ErrorState error_state;
int fill_byte = -1;

constexpr size_t kGuard = 64;
constexpr unsigned char kGuardByte = 0xa5;

}  // namespace

void set_output_fill(int byte) { fill_byte = byte; }
int output_fill() { return fill_byte; }

namespace external {

void clear_error() {
  error_state.caught = nullptr;
  error_state.text.clear();
}

void catch_error() noexcept {
  error_state.caught = std::current_exception();
  try {
    throw;
  } catch (const std::exception& e) {
    error_state.text = e.what();
  } catch (...) {
    error_state.text = "a Python exception";
  }
}

void rethrow(const ExternalOp& op) {
  if (std::exception_ptr caught = std::exchange(error_state.caught, nullptr))
    std::rethrow_exception(caught);
  raise(ErrorKind::Runtime, op.def.name, ": failed without saying why");
}

DType dtype_from(int32_t code) {
  switch (code) {
    case PF_BOOL:
      return DType::Bool;
    case PF_UINT8:
      return DType::UInt8;
    case PF_INT8:
      return DType::Int8;
    case PF_INT16:
      return DType::Int16;
    case PF_INT32:
      return DType::Int32;
    case PF_INT64:
      return DType::Int64;
    case PF_FLOAT32:
      return DType::Float32;
    case PF_FLOAT64:
      return DType::Float64;
    case PF_FLOAT16:
      return DType::Float16;
    case PF_BFLOAT16:
      return DType::BFloat16;
    default:
      raise(ErrorKind::Value, "unknown dtype code ", code);
  }
}

int32_t code_of(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return PF_BOOL;
    case DType::UInt8:
      return PF_UINT8;
    case DType::Int8:
      return PF_INT8;
    case DType::Int16:
      return PF_INT16;
    case DType::Int32:
      return PF_INT32;
    case DType::Int64:
      return PF_INT64;
    case DType::Float32:
      return PF_FLOAT32;
    case DType::Float64:
      return PF_FLOAT64;
    case DType::Float16:
      return PF_FLOAT16;
    case DType::BFloat16:
      return PF_BFLOAT16;
  }
  __builtin_unreachable();
}

pf_value to_c(const Value& v) {
  pf_value out{};
  switch (v.kind) {
    case Value::IsTensor:
      out.kind = PF_TENSOR;
      out.as.tensor = reinterpret_cast<pf_tensor>(v.tensor_impl);
      break;
    case Value::IsNumber:
      if (v.number.kind == Scalar::Float) {
        out.kind = PF_NUMBER_FLOAT;
        out.as.f = v.number.f;
      } else {
        out.kind = PF_NUMBER_INT;
        out.is_bool = v.number.kind == Scalar::Bool;
        out.as.i = v.number.i;
      }
      break;
    case Value::IsInts:
      out.kind = PF_INTS;
      out.count = v.ints.size();
      out.as.ints = v.ints.begin();
      break;
    case Value::IsFloats:
      out.kind = PF_FLOATS;
      out.count = static_cast<int64_t>(v.floats->size());
      out.as.floats = v.floats->data();
      break;
    case Value::IsTensors:
      out.kind = PF_TENSORS;
      out.count = static_cast<int64_t>(v.tensors->size());
      out.as.tensors = reinterpret_cast<const pf_tensor*>(v.tensors->data());
      break;
    case Value::IsString:
      out.kind = PF_STRING;
      out.count = static_cast<int64_t>(v.string.size());
      out.as.string = v.string.data();
      break;
    case Value::IsDType:
      out.kind = PF_DTYPE;
      out.as.i = code_of(v.dtype);
      break;
    default:
      break;
  }
  return out;
}

Tensor guarded_empty(pf_context_s& c, IntSpan sizes, DType dtype) {
  int64_t bytes = count(sizes) * static_cast<int64_t>(itemsize(dtype));
  Tensor block = empty({bytes + static_cast<int64_t>(kGuard)}, DType::UInt8);
  std::memset(block->data, fill_byte, static_cast<size_t>(bytes));
  std::memset(block->data + bytes, kGuardByte, kGuard);
  Tensor t = empty(sizes, dtype);
  t->storage = block->storage;
  t->data = block->data;
  c.guarded.push_back(t);
  return t;
}

void check_guards(const pf_context_s& c) {
  for (const Tensor& t : c.guarded) {
    auto* guard = reinterpret_cast<const unsigned char*>(t->data) +
                  t.numel() * static_cast<int64_t>(itemsize(t.dtype()));
    for (size_t i = 0; i < kGuard; ++i)
      PF_CHECK(guard[i] == kGuardByte, Runtime, c.op->def.name,
               ": the kernel wrote past the end of an output of shape ", to_string(t.sizes()));
  }
}

namespace {

// Runs f; an exception is kept for rethrow() and `failure` is returned.
template <class F>
auto bordered(decltype(std::declval<F>()()) failure, F&& f) noexcept -> decltype(f()) {
  try {
    return f();
  } catch (...) {
    catch_error();
    return failure;
  }
}

void set_error(int32_t kind, const char* message) {
  constexpr ErrorKind kinds[] = {ErrorKind::Runtime, ErrorKind::Type,           ErrorKind::Value,
                                 ErrorKind::Index,   ErrorKind::NotImplemented, ErrorKind::Memory};
  ErrorKind k = kind >= 0 && kind <= PF_MEMORY_ERROR ? kinds[kind] : ErrorKind::Runtime;
  error_state.text = message ? message : "an error without a message";
  error_state.caught = std::make_exception_ptr(Error(k, error_state.text));
}
const char* error_text() { return error_state.text.c_str(); }

void retain(pf_tensor t) {
  if (t) ++reinterpret_cast<TensorImpl*>(t)->refs;
}
void release_tensor(pf_tensor t) {
  if (t) Ref<TensorImpl>::steal(reinterpret_cast<TensorImpl*>(t));
}

void view(pf_tensor handle, pf_view* out) {
  auto* t = reinterpret_cast<TensorImpl*>(handle);
  out->dtype = code_of(t->dtype);
  out->ndim = t->ndim;
  out->contiguous = (t->flags & kContiguous) != 0;
  out->numel = t->numel;
  out->data = t->data;
  out->sizes = t->dims;
  out->strides = t->dims + t->ndim;
}

pf_tensor new_empty(pf_context c, const int64_t* sizes, int32_t ndim, int32_t dtype) {
  return bordered(nullptr, [&]() -> pf_tensor {
    if (__builtin_expect(fill_byte >= 0 && c, 0))
      return release(guarded_empty(*c, {sizes, ndim}, dtype_from(dtype)));
    Tensor t = empty({sizes, ndim}, dtype_from(dtype));
    if (c && c->node && grad_enabled()) t = mark_unrecorded(*c, std::move(t));
    return release(std::move(t));
  });
}

pf_tensor from_memory(void* data, const int64_t* sizes, int32_t ndim, int32_t dtype,
                      void (*free)(void*), void* owner) {
  return bordered(nullptr, [&] {
    IntSpan shape(sizes, ndim);
    DType type = dtype_from(dtype);
    auto nbytes = static_cast<size_t>(count(shape)) * itemsize(type);
    auto storage = Storage::wrap(data, nbytes, false, free ? free : [](void*) {}, owner);
    Tensor t = empty(shape, type);
    t->data = static_cast<char*>(data);
    t->storage = std::move(storage);
    return release(std::move(t));
  });
}

int32_t requires_grad(pf_tensor t) { return t && borrow(t).requires_grad(); }

pf_op find(const char* name) { return reinterpret_cast<pf_op>(find_op(name)); }

// Arguments of a call from C, in the order of the schema.
struct Arguments {
  Value values[64];
  std::vector<std::vector<Tensor>> tensor_lists;
  std::vector<std::vector<double>> float_lists;

  bool convert(const OpDef& def, const pf_value* args, int32_t n) {
    if (n > static_cast<int32_t>(def.params.size()) || def.params.size() > 64) return false;
    tensor_lists.clear();
    float_lists.clear();
    tensor_lists.reserve(64);
    float_lists.reserve(64);
    for (size_t i = 0; i < def.params.size(); ++i) {
      const Param& p = def.params[i];
      if (i >= static_cast<size_t>(n)) {
        if (!p.has_default) return false;
        values[i] = p.default_value;
      } else if (!convert(p, args[i], values[i])) {
        return false;
      }
    }
    return true;
  }

 private:
  bool convert(const Param& p, const pf_value& from, Value& v) {
    v = Value();
    bool null = from.kind == PF_NONE || (from.kind == PF_TENSOR && !from.as.tensor);
    if (null) return p.nullable;
    switch (from.kind) {
      case PF_TENSOR:
        v.kind = Value::IsTensor;
        v.tensor_impl = reinterpret_cast<TensorImpl*>(from.as.tensor);
        return p.type == ArgType::Tensor || p.type == ArgType::Operand;
      case PF_NUMBER_INT:
        if (p.type == ArgType::IntList) {
          v.kind = Value::IsInts;
          v.ints = IntSpan(&from.as.i, 1);
          return true;
        }
        v.kind = Value::IsNumber;
        v.number = from.is_bool ? Scalar(from.as.i != 0) : Scalar(from.as.i);
        return p.type == ArgType::Bool ? from.is_bool : number(p.type);
      case PF_NUMBER_FLOAT:
        v.kind = Value::IsNumber;
        v.number = Scalar(from.as.f);
        return p.type != ArgType::Int && number(p.type);
      case PF_INTS:
        v.kind = Value::IsInts;
        v.ints = IntSpan(from.as.ints, from.count);
        return p.type == ArgType::IntList || p.type == ArgType::BoolList;
      case PF_FLOATS:
        float_lists.emplace_back(from.as.floats, from.as.floats + from.count);
        v.kind = Value::IsFloats;
        v.floats = &float_lists.back();
        return p.type == ArgType::FloatList;
      case PF_TENSORS: {
        std::vector<Tensor> list;
        for (int64_t i = 0; i < from.count; ++i) list.push_back(borrow(from.as.tensors[i]));
        tensor_lists.push_back(std::move(list));
        v.kind = Value::IsTensors;
        v.tensors = &tensor_lists.back();
        return p.type == ArgType::TensorList;
      }
      case PF_STRING:
        v.kind = Value::IsString;
        v.string = std::string_view(from.as.string, static_cast<size_t>(from.count));
        return p.type == ArgType::String;
      case PF_DTYPE:
        v.kind = Value::IsDType;
        v.dtype = dtype_from(static_cast<int32_t>(from.as.i));
        return p.type == ArgType::DType;
      default:
        return false;
    }
  }
  static bool number(ArgType type) {
    return type == ArgType::Number || type == ArgType::Operand || type == ArgType::Int ||
           type == ArgType::Float;
  }
};

int32_t to_results(Result result, pf_value* out, int32_t capacity) {
  if (auto* list = std::get_if<std::vector<Tensor>>(&result)) {
    PF_CHECK(static_cast<int64_t>(list->size()) <= capacity, Runtime, "an op with ", list->size(),
             " results was called with room for ", capacity);
    int32_t n = 0;
    for (Tensor& t : *list) {
      out[n] = {PF_TENSOR, 0, 0, {}};
      out[n++].as.tensor = release(std::move(t));
    }
    return n;
  }
  if (std::holds_alternative<std::monostate>(result)) return 0;
  PF_CHECK(capacity >= 1, Runtime, "an op with a result was called with room for none");
  out[0] = {};
  if (auto* t = std::get_if<Tensor>(&result)) {
    out[0].kind = PF_TENSOR;
    out[0].as.tensor = release(std::move(*t));
  } else if (auto* b = std::get_if<bool>(&result)) {
    out[0].kind = PF_NUMBER_INT;
    out[0].is_bool = 1;
    out[0].as.i = *b;
  } else if (auto* i = std::get_if<int64_t>(&result)) {
    out[0].kind = PF_NUMBER_INT;
    out[0].as.i = *i;
  } else {
    out[0].kind = PF_NUMBER_FLOAT;
    out[0].as.f = std::get<double>(result);
  }
  return 1;
}

int32_t call(pf_op op, const pf_value* args, int32_t n_args, pf_value* results, int32_t capacity) {
  return bordered(-1, [&]() -> int32_t {
    const auto* group = reinterpret_cast<const OpGroup*>(op);
    Arguments a;
    for (const OpDef* def : group->overloads) {
      if (!a.convert(*def, args, n_args)) continue;
      Result r = def->external ? call_external(*def->external, a.values) : def->call(a.values);
      return to_results(std::move(r), results, capacity);
    }
    std::string expected;
    for (const OpDef* def : group->overloads) expected += "\n * " + def->schema;
    raise(ErrorKind::Type, group->name, ": called with ", n_args,
          " arguments that do not fit; expected one of:", expected);
  });
}

int32_t run_parallel(int64_t n, int64_t grain, pf_range_fn body, void* state) {
  return bordered(PF_FAILED, [&]() -> int32_t {
    ReleaseGil gil(n > grain);
    parallel_for(n, grain < 1 ? 1 : grain,
                 [=](int64_t first, int64_t last) { body(state, first, last); });
    return PF_OK;
  });
}

void set_output(pf_context c, int32_t index, pf_tensor t) {
  c->n_given = std::max(c->n_given, index + 1);
  if (index >= 0 && index < kMaxOutputs) c->outputs[index] = borrow(t);
}
void save_tensor(pf_context c, pf_tensor t) {
  if (c->records) c->save(borrow(t));
}
int32_t records(pf_context c) { return c->records; }
void mark_non_differentiable(pf_context c, int32_t output) {
  if (output >= 0 && output < kMaxOutputs) c->non_differentiable |= 1u << output;
}

pf_tensor grad_of(pf_context c, int32_t output) {
  bool fits = c->node && output >= 0 && output < static_cast<int32_t>(c->node->n_outputs);
  return fits ? release(c->grads_in[output]) : nullptr;
}
int32_t saved_of(pf_context c, int32_t index, pf_tensor* out) {
  return bordered(PF_FAILED, [&]() -> int32_t {
    PF_CHECK(c->node && index >= 0 && index < static_cast<int32_t>(c->node->n_saved), Index,
             c->op->def.name, ": there is no saved value ", index, "; forward saved ",
             c->node ? c->node->n_saved : 0);
    *out = release(c->node->saved(static_cast<uint32_t>(index)));
    return PF_OK;
  });
}
int32_t n_saved(pf_context c) { return c->node ? static_cast<int32_t>(c->node->n_saved) : 0; }
int32_t needs(pf_context c, int32_t parameter, int32_t element) {
  int32_t edge = c->edge_of(parameter, element);
  return edge >= 0 && c->node->needs(static_cast<uint32_t>(edge));
}
void set_grad(pf_context c, int32_t parameter, int32_t element, pf_tensor t) {
  int32_t edge = c->edge_of(parameter, element);
  if (edge >= 0 && c->node->needs(static_cast<uint32_t>(edge))) c->grads_out[edge] = borrow(t);
}
int32_t create_graph(pf_context) { return grad_enabled(); }
int32_t input_shape(pf_context c, int32_t parameter, int32_t element, pf_view* out) {
  int32_t edge = c->edge_of(parameter, element);
  if (edge < 0 || !c->node->needs(static_cast<uint32_t>(edge))) return PF_FAILED;
  Output& o = c->node->input(static_cast<uint32_t>(edge));
  IntSpan sizes = o.shape;
  out->dtype = code_of(o.dtype);
  out->ndim = static_cast<int32_t>(sizes.size());
  out->contiguous = 1;
  out->numel = count(sizes);
  out->data = nullptr;
  out->sizes = sizes.begin();
  out->strides = nullptr;
  return PF_OK;
}

const pf_value* argument(pf_context c, int32_t parameter) {
  return parameter >= 0 && parameter < c->n_values ? c->values + parameter : nullptr;
}
int32_t parameter_index(pf_context c, const char* name) {
  for (size_t i = 0; i < c->op->def.params.size(); ++i)
    if (c->op->def.params[i].name == name) return static_cast<int32_t>(i);
  return -1;
}

int32_t add_op(pf_library lib, const pf_op_def* def) {
  return bordered(PF_FAILED, [&]() -> int32_t {
    register_op(*reinterpret_cast<Library*>(lib), *def);
    return PF_OK;
  });
}
int32_t add_elementwise(pf_library lib, const pf_elementwise_def* def) {
  return bordered(PF_FAILED, [&]() -> int32_t {
    register_elementwise(*reinterpret_cast<Library*>(lib), *def);
    return PF_OK;
  });
}

}  // namespace

const pf_host& host() {
  static pf_host table{sizeof(pf_host),
                       PF_ABI_MAJOR,
                       PF_ABI_MINOR,
                       nullptr,
                       set_error,
                       error_text,
                       retain,
                       release_tensor,
                       view,
                       new_empty,
                       from_memory,
                       requires_grad,
                       find,
                       call,
                       run_parallel,
                       set_output,
                       save_tensor,
                       records,
                       mark_non_differentiable,
                       grad_of,
                       saved_of,
                       n_saved,
                       needs,
                       set_grad,
                       create_graph,
                       input_shape,
                       argument,
                       parameter_index,
                       add_op,
                       add_elementwise};
  table.instruction_set = kernels::active().name;
  return table;
}

}  // namespace external
}  // namespace pyforge
