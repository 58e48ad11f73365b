// Lists of the ops that Python calls: all of them, for pyforge.diagnose and for the profiler; and,
// in anomaly mode, those alone that give values that are not finite. Tracing replaces the entry
// points of op objects and of the Tensor type's slots while it is on, so that calls cost nothing
// while it is off.
#include "python/op_trace.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <unordered_map>
#include <utility>

#include "autograd/anomaly.h"
#include "autograd/profile.h"
#include "python/bind.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

struct TracedOp {
  std::string name;
  std::vector<Tensor> inputs, outputs;
  SourceLocation where;
  bool grad_enabled = true;
  bool bad_input = false, bad_output = false;  // some value is not finite
};

std::vector<TracedOp*> trace;
size_t trace_limit = 0;
bool tracing = false;

bool not_finite(const Tensor& t) { return finiteness(t) != kernels::kFinite; }

void collect(PyObject* o, std::vector<Tensor>& into, int depth = 0) {
  if (!o) return;
  if (is_tensor(o)) {
    into.push_back(tensor_of(o));
  } else if (depth < 3 && (PyTuple_Check(o) || PyList_Check(o))) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
      collect(PySequence_Fast_GET_ITEM(o, i), into, depth + 1);
  }
}

TracedOp* begin(const std::string& name) {
  if (!tracing || trace.size() >= trace_limit) return nullptr;
  auto* row = new TracedOp;
  row->name = name;
  row->where.capture();
  row->grad_enabled = grad_mode_state.enabled;
  return row;
}

void read_inputs(TracedOp& row) {
  for (const Tensor& t : row.inputs) row.bad_input = row.bad_input || not_finite(t);
}

// Takes `row`; a call that failed or gave no tensor is kept if it had tensors.
void end(TracedOp* row, PyObject* result) {
  if (result && result != Py_NotImplemented) collect(result, row->outputs);
  if (!result || result == Py_NotImplemented || (row->inputs.empty() && row->outputs.empty())) {
    delete row;
    return;
  }
  for (const Tensor& t : row->outputs) row->bad_output = row->bad_output || not_finite(t);
  trace.push_back(row);
}

// ---- anomaly mode

constexpr size_t kFirstPruning = 64;
bool watching = false;
// In order; never destroyed, since the interpreter may be gone by then.
std::vector<std::shared_ptr<TracedOp>>& bad_ops = *new std::vector<std::shared_ptr<TracedOp>>;
size_t prune_at = kFirstPruning;

template <class F>
bool any_tensor(PyObject* o, const F& test, int depth = 0) {
  if (!o) return false;
  if (is_tensor(o)) return test(tensor_of(o));
  if (depth < 3 && (PyTuple_Check(o) || PyList_Check(o)))
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
      if (any_tensor(PySequence_Fast_GET_ITEM(o, i), test, depth + 1)) return true;
  return false;
}

// Drops the rows that lead to no tensor that is still in use elsewhere.
void prune_bad_ops() {
  std::unordered_map<TensorImpl*, uint32_t> held;
  std::unordered_map<Storage*, uint32_t> views;  // tensors of the list on each storage
  auto count = [&](const Tensor& t) {
    if (held[t.get()]++ == 0) ++views[t->storage.get()];
  };
  for (const auto& row : bad_ops) {
    for (const Tensor& t : row->inputs) count(t);
    for (const Tensor& t : row->outputs) count(t);
  }
  constexpr uint32_t kNeeded = 0;  // an input of a row that stays: never all references are ours
  std::vector<std::shared_ptr<TracedOp>> kept, dropped;  // freed once the list is in order again
  for (size_t i = bad_ops.size(); i-- > 0;) {
    std::shared_ptr<TracedOp>& row = bad_ops[i];
    bool used = false;
    for (const Tensor& t : row->outputs)
      used = used || t->refs > held[t.get()] || !held[t.get()] ||
             t->storage->refs > views[t->storage.get()];
    if (used)
      for (const Tensor& t : row->inputs) held[t.get()] = views[t->storage.get()] = kNeeded;
    (used ? kept : dropped).push_back(std::move(row));
  }
  bad_ops.assign(kept.rbegin(), kept.rend());
  prune_at = std::max(kFirstPruning, 2 * bad_ops.size());
}

// What an in-place op will overwrite is looked at before the call.
bool in_place(const char* name) {
  const size_t length = std::strlen(name);
  return length && name[length - 1] == '_';
}
bool overwrites_bad(const char* name, PyObject* target) {
  return in_place(name) && target && is_tensor(target) && not_finite(tensor_of(target));
}

template <class Operands>
void watch_result(const char* name, const Operands& operands, size_t count, bool wrote,
                  bool bad_before, PyObject* result) {
  if (!result || result == Py_NotImplemented) return;
  // A view holds nothing new; it is of interest if what it views was found to be bad.
  auto is_bad = [&](const Tensor& t) {
    if (t->base && t->storage->refs > 1 && !wrote && bad_ops.empty()) return false;
    return not_finite(t);
  };
  if (!any_tensor(result, is_bad)) return;
  auto row = std::make_shared<TracedOp>();
  row->name = name;
  row->where.capture();
  row->grad_enabled = grad_mode_state.enabled;
  row->bad_output = true;
  row->bad_input = bad_before;
  for (size_t i = 0; i < count; ++i) collect(operands[i], row->inputs);
  collect(result, row->outputs);
  for (const Tensor& t : row->inputs) {
    bool overwritten = false;
    for (const Tensor& o : row->outputs) overwritten = overwritten || o.is(t);
    row->bad_input = row->bad_input || (!overwritten && not_finite(t));
  }
  if (bad_ops.size() >= prune_at) prune_bad_ops();
  bad_ops.push_back(std::move(row));
}

// ---- the profiler

// A list of tensors counts as so many arguments; what is no tensor has an empty shape.
void add_shapes(PyObject* o, profile::Shapes& shapes) {
  if ((PyTuple_Check(o) || PyList_Check(o)) && PySequence_Fast_GET_SIZE(o) > 0 &&
      is_tensor(PySequence_Fast_GET_ITEM(o, 0))) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
      PyObject* item = PySequence_Fast_GET_ITEM(o, i);
      shapes.add(is_tensor(item) ? impl_of(item)->sizes() : IntSpan());
    }
    return;
  }
  shapes.add(is_tensor(o) ? impl_of(o)->sizes() : IntSpan());
}

void record_shapes(profile::Handle event, bool of_results, PyObject* const* args,
                   size_t count) noexcept {
  try {
    profile::Shapes shapes;
    for (size_t i = 0; i < count; ++i) add_shapes(args[i], shapes);
    profile::set_shapes(event, of_results, shapes);
  } catch (...) {  // no memory: the event goes without
  }
}

template <class Call>
PyObject* profiled(std::string_view name, PyObject* const* args, size_t count, const Call& call) {
  if (!profile::on) return call();
  profile::Scope scope(name);
  const bool shapes = profile::wants_shapes();
  if (__builtin_expect(shapes, 0)) record_shapes(scope.handle(), false, args, count);
  PyObject* result = call();
  if (__builtin_expect(shapes, 0) && result) record_shapes(scope.handle(), true, &result, 1);
  return result;
}

size_t argument_count(size_t nargsf, PyObject* kwnames) {
  return static_cast<size_t>(PyVectorcall_NARGS(nargsf)) +
         static_cast<size_t>(kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
}

PyObject* profiled_op_call(PyObject* self, PyObject* const* args, size_t nargsf,
                           PyObject* kwnames) {
  return profiled(op_object_name(self), args, argument_count(nargsf, kwnames),
                  [&] { return plain_op_call(self, args, nargsf, kwnames); });
}

PyObject* traced_op(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  TracedOp* row = begin(op_object_name(self));
  if (row) {
    const size_t total = argument_count(nargsf, kwnames);
    for (size_t i = 0; i < total; ++i) collect(args[i], row->inputs);
    read_inputs(*row);
  }
  if (!watching) {
    PyObject* result = profiled_op_call(self, args, nargsf, kwnames);
    if (row) end(row, result);
    return result;
  }
  const size_t total = argument_count(nargsf, kwnames);
  const char* name = op_object_name(self).c_str();
  const bool bad_before = overwrites_bad(name, total ? args[0] : nullptr);
  PyObject* result = profiled_op_call(self, args, nargsf, kwnames);
  watch_result(name, args, total, in_place(name), bad_before, result);
  if (row) end(row, result);
  return result;
}

template <class Call>
PyObject* traced_slot(const char* name, std::initializer_list<PyObject*> operands, const Call& call,
                      std::string_view profile_name) {
  TracedOp* row = begin(name);
  if (row) {
    for (PyObject* o : operands) collect(o, row->inputs);
    read_inputs(*row);
  }
  const bool bad_before = watching && overwrites_bad(name, operands.begin()[0]);
  PyObject* result = profiled(profile_name, operands.begin(), operands.size(), call);
  if (watching)
    watch_result(name, operands.begin(), operands.size(), in_place(name), bad_before, result);
  if (row) end(row, result);
  return result;
}

struct Slot {
  const char* name;
  size_t offset;  // in PyNumberMethods
};
#define PF_SLOT(slot, name) {name, offsetof(PyNumberMethods, slot)}
constexpr Slot binary_slots[] = {
    PF_SLOT(nb_add, "add"),
    PF_SLOT(nb_subtract, "sub"),
    PF_SLOT(nb_multiply, "mul"),
    PF_SLOT(nb_true_divide, "div"),
    PF_SLOT(nb_floor_divide, "floor_divide"),
    PF_SLOT(nb_remainder, "remainder"),
    PF_SLOT(nb_and, "bitwise_and"),
    PF_SLOT(nb_or, "bitwise_or"),
    PF_SLOT(nb_xor, "bitwise_xor"),
    PF_SLOT(nb_matrix_multiply, "matmul"),
    PF_SLOT(nb_inplace_add, "add_"),
    PF_SLOT(nb_inplace_subtract, "sub_"),
    PF_SLOT(nb_inplace_multiply, "mul_"),
    PF_SLOT(nb_inplace_true_divide, "div_"),
};
constexpr Slot unary_slots[] = {PF_SLOT(nb_negative, "neg"), PF_SLOT(nb_absolute, "abs"),
                                PF_SLOT(nb_invert, "bitwise_not")};
constexpr Slot ternary_slots[] = {PF_SLOT(nb_power, "pow"), PF_SLOT(nb_inplace_power, "pow_")};
#undef PF_SLOT
constexpr size_t kBinary = std::size(binary_slots), kUnary = std::size(unary_slots),
                 kTernary = std::size(ternary_slots);

binaryfunc plain_binary[kBinary];
unaryfunc plain_unary[kUnary];
ternaryfunc plain_ternary[kTernary];
binaryfunc plain_subscript;
richcmpfunc plain_compare;
objobjargproc plain_assign;

template <size_t I>
PyObject* traced_binary(PyObject* a, PyObject* b) {
  return traced_slot(
      binary_slots[I].name, {a, b}, [&] { return plain_binary[I](a, b); }, binary_slots[I].name);
}
template <size_t I>
PyObject* traced_unary(PyObject* a) {
  return traced_slot(
      unary_slots[I].name, {a}, [&] { return plain_unary[I](a); }, unary_slots[I].name);
}
template <size_t I>
PyObject* traced_ternary(PyObject* a, PyObject* b, PyObject* c) {
  return traced_slot(
      ternary_slots[I].name, {a, b}, [&] { return plain_ternary[I](a, b, c); },
      ternary_slots[I].name);
}
PyObject* traced_subscript(PyObject* a, PyObject* key) {
  return traced_slot("index", {a, key}, [&] { return plain_subscript(a, key); }, "index");
}
PyObject* traced_compare(PyObject* a, PyObject* b, int op) {
  static constexpr const char* names[] = {"lt", "le", "eq", "ne", "gt", "ge"};  // as Py_LT ...
  return traced_slot("comparison", {a, b}, [&] { return plain_compare(a, b, op); }, names[op]);
}
int traced_assign(PyObject* a, PyObject* key, PyObject* value) {
  TracedOp* row = begin("index assignment");
  if (row) {
    collect(a, row->inputs);
    collect(value, row->inputs);
    read_inputs(*row);
  }
  const bool bad_before = watching && not_finite(tensor_of(a));
  int status;
  {
    profile::Scope scope("index_put_");
    status = plain_assign(a, key, value);
  }
  if (watching && status == 0) {
    PyObject* const operands[] = {a, value};
    watch_result("index assignment", operands, 2, true, bad_before, a);
  }
  if (row) end(row, status == 0 ? a : nullptr);
  return status;
}

template <class F>
F& slot_at(PyNumberMethods* m, size_t offset) {
  return *reinterpret_cast<F*>(reinterpret_cast<char*>(m) + offset);
}
template <class F>
void exchange_slot(F& slot, F from, F to) {
  if (slot == from) slot = to;
}

template <size_t... I>
constexpr auto binary_table(std::index_sequence<I...>) {
  return std::array<binaryfunc, sizeof...(I)>{traced_binary<I>...};
}
template <size_t... I>
constexpr auto unary_table(std::index_sequence<I...>) {
  return std::array<unaryfunc, sizeof...(I)>{traced_unary<I>...};
}
template <size_t... I>
constexpr auto ternary_table(std::index_sequence<I...>) {
  return std::array<ternaryfunc, sizeof...(I)>{traced_ternary<I>...};
}

// Tensor and its subclasses, which have inherited copies of the slots.
void exchange_in(PyTypeObject* type, bool on) {
  static constexpr auto binary = binary_table(std::make_index_sequence<kBinary>{});
  static constexpr auto unary = unary_table(std::make_index_sequence<kUnary>{});
  static constexpr auto ternary = ternary_table(std::make_index_sequence<kTernary>{});
  auto swap = [on](auto& slot, auto plain, auto traced) {
    exchange_slot(slot, on ? plain : traced, on ? traced : plain);
  };
  if (PyNumberMethods* m = type->tp_as_number) {
    for (size_t i = 0; i < kBinary; ++i)
      swap(slot_at<binaryfunc>(m, binary_slots[i].offset), plain_binary[i], binary[i]);
    for (size_t i = 0; i < kUnary; ++i)
      swap(slot_at<unaryfunc>(m, unary_slots[i].offset), plain_unary[i], unary[i]);
    for (size_t i = 0; i < kTernary; ++i)
      swap(slot_at<ternaryfunc>(m, ternary_slots[i].offset), plain_ternary[i], ternary[i]);
  }
  if (PyMappingMethods* m = type->tp_as_mapping) {
    swap(m->mp_subscript, plain_subscript, &traced_subscript);
    swap(m->mp_ass_subscript, plain_assign, &traced_assign);
  }
  swap(type->tp_richcompare, plain_compare, &traced_compare);
  py::object below = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(type))
                         .attr("__subclasses__")();
  for (auto child : below) exchange_in(reinterpret_cast<PyTypeObject*>(child.ptr()), on);
}

void remember_plain() {
  if (plain_compare) return;
  PyNumberMethods* m = TensorType.tp_as_number;
  for (size_t i = 0; i < kBinary; ++i)
    plain_binary[i] = slot_at<binaryfunc>(m, binary_slots[i].offset);
  for (size_t i = 0; i < kUnary; ++i) plain_unary[i] = slot_at<unaryfunc>(m, unary_slots[i].offset);
  for (size_t i = 0; i < kTernary; ++i)
    plain_ternary[i] = slot_at<ternaryfunc>(m, ternary_slots[i].offset);
  plain_subscript = TensorType.tp_as_mapping->mp_subscript;
  plain_assign = TensorType.tp_as_mapping->mp_ass_subscript;
  plain_compare = TensorType.tp_richcompare;
}

}  // namespace

void exchange_entries() {
  static bool exchanged = false;
  const bool on = tracing || watching || profile::on;
  if (on == exchanged) return;
  exchanged = on;
  remember_plain();
  set_op_call(on ? traced_op : nullptr);
  exchange_in(&TensorType, on);
}

namespace {

// Records the calls from now on, at most `limit` of them; 0 ends it. What is recorded stays.
void set_trace(size_t limit) {
  trace_limit = limit;
  tracing = limit > 0;
  exchange_entries();
}

// Keeps the calls that give values that are not finite, for as long as these are in use.
void watch_calls(bool on) {
  watching = on;
  exchange_entries();
  if (on) return;
  std::exchange(bad_ops, {}).clear();
  prune_at = kFirstPruning;
}

py::list list_bad_ops() {
  prune_bad_ops();
  py::list rows;
  for (const auto& row : bad_ops) rows.append(row);
  return rows;
}

void record(const std::string& name, const py::object& inputs, const py::object& outputs) {
  TracedOp* row = begin(name);
  if (!row) return;
  collect(inputs.ptr(), row->inputs);
  collect(outputs.ptr(), row->outputs);
  read_inputs(*row);
  for (const Tensor& t : row->outputs) row->bad_output = row->bad_output || not_finite(t);
  trace.push_back(row);
}

py::list take_trace() {
  py::list rows;
  for (TracedOp* row : std::exchange(trace, {}))
    rows.append(py::cast(row, py::return_value_policy::take_ownership));
  return rows;
}

PF_BIND {
  py::class_<TracedOp, std::shared_ptr<TracedOp>>(m, "_TracedOp")
      .def_readonly("name", &TracedOp::name)
      .def_readonly("inputs", &TracedOp::inputs)
      .def_readonly("outputs", &TracedOp::outputs)
      .def_readonly("grad_enabled", &TracedOp::grad_enabled)
      .def_readonly("bad_input", &TracedOp::bad_input)
      .def_readonly("bad_output", &TracedOp::bad_output)
      .def_property_readonly("source", [](const TracedOp& row) { return row.where.text(); });
  m.def("_set_trace", set_trace);
  m.def("_trace_length", [] { return trace.size(); });
  m.def("_trace_record", record);
  m.def("_take_trace", take_trace);
  m.def("_watch_calls", watch_calls);
  m.def("_bad_calls", list_bad_ops);
}

}  // namespace
}  // namespace pyforge::python
