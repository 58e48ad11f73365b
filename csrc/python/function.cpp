// Nodes whose derivative is written in Python (autograd.Function).
#include <pybind11/stl.h>

#include <map>
#include <string>
#include <vector>

#include "autograd/inplace.h"
#include "autograd/meta.h"
#include "ops/ops.h"
#include "python/autograd.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/object.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

// entry(ctx, saved, grads) -> one gradient or None per argument of forward
struct PythonFunction {
  PyObject* entry;
  PyObject* ctx;
  std::vector<int32_t> positions;  // argument number of each edge
  int32_t n_arguments;

  static void backward(Node& n, Tensor* in, Tensor* out);
};

void PythonFunction::backward(Node& n, Tensor* in, Tensor* out) {
  auto& p = n.as<PythonFunction>();
  auto tuple = [](uint32_t size, auto get) {
    PyObject* t = PyTuple_New(size);
    if (!t) throw PythonError();
    auto hold = py::reinterpret_steal<py::object>(t);
    for (uint32_t i = 0; i < size; ++i) PyTuple_SET_ITEM(t, i, wrap(get(i)));
    return hold;
  };
  py::object saved = tuple(n.n_saved, [&](uint32_t i) { return n.saved(i); });
  py::object grads = tuple(n.n_outputs, [&](uint32_t i) { return in[i]; });
  auto result = py::reinterpret_steal<py::object>(
      PyObject_CallFunctionObjArgs(p.entry, p.ctx, saved.ptr(), grads.ptr(), nullptr));
  if (!result) throw PythonError();
  PyObject* items =
      PyTuple_Check(result.ptr()) ? Py_NewRef(result.ptr()) : PyTuple_Pack(1, result.ptr());
  auto hold = py::reinterpret_steal<py::object>(items);
  Py_ssize_t given = PyTuple_GET_SIZE(items);
  bool extra_none = given > p.n_arguments;  // trailing None is allowed
  for (Py_ssize_t i = p.n_arguments; i < given; ++i)
    extra_none = extra_none && PyTuple_GET_ITEM(items, i) == Py_None;
  PF_CHECK(given == p.n_arguments || extra_none, Runtime, "function ", n.type->name,
           " returned an incorrect number of gradients (expected ", p.n_arguments, ", got ", given,
           ")");
  for (size_t e = 0; e < p.positions.size(); ++e) {
    PyObject* g = PyTuple_GET_ITEM(items, p.positions[e]);
    if (g == Py_None || !n.needs(static_cast<uint32_t>(e))) continue;
    PF_CHECK(is_tensor(g), Type, "function ", n.type->name, " returned a gradient of type ",
             type_name(g), " at position ", p.positions[e], ", expected a Tensor or None");
    Output& input = n.input(static_cast<uint32_t>(e));
    const Tensor& t = tensor_of(g);
    bool fits = t.dim() >= IntSpan(input.shape).size();
    int64_t shift = t.dim() - IntSpan(input.shape).size();
    for (int64_t d = 0; fits && d < IntSpan(input.shape).size(); ++d)
      fits = input.shape[d] == t.size(d + shift) || input.shape[d] == 1;
    PF_CHECK(fits, Runtime, "Function ", n.type->name, " returned an invalid gradient at index ",
             p.positions[e], " - got ", to_string(t.sizes()),
             " but expected shape compatible with ", to_string(input.shape));
    out[e] = t;
  }
}

const NodeType* python_type(const std::string& name) {
  static std::map<std::string, NodeType*> types;
  NodeType*& type = types[name];
  if (!type) {
    auto* kept = new std::string(name);
    type = new NodeType{kept->c_str(), PythonFunction::backward,
                        [](Node& n) {
                          auto& p = n.as<PythonFunction>();
                          Py_CLEAR(p.entry);
                          Py_CLEAR(p.ctx);
                          p.~PythonFunction();
                        },
                        nullptr};
  }
  return type;
}

}  // namespace

PF_BIND {
  // Records outputs = f(arguments) with a derivative written in Python. `arguments` holds a Tensor
  // or None for each argument of forward. Returns the outputs: the given ones, aliases of arguments
  // that were returned as they are, or changed arguments (dirty).
  m.def("_record_function",
        [](const std::string& name, const py::object& entry, const py::object& ctx,
           const std::vector<py::object>& arguments, const std::vector<Tensor>& outputs,
           const std::vector<py::object>& saved, const std::vector<bool>& differentiable,
           const std::vector<Tensor>& dirty, bool materialize) {
          std::vector<Tensor> tensors;
          std::vector<int32_t> positions;
          for (size_t i = 0; i < arguments.size(); ++i) {
            if (!is_tensor(arguments[i].ptr())) continue;
            tensors.push_back(tensor_of(arguments[i].ptr()));
            positions.push_back(static_cast<int32_t>(i));
          }
          auto is_dirty = [&](const Tensor& t) {
            for (const Tensor& d : dirty)
              if (d.is(t)) return true;
            return false;
          };
          for (const Tensor& d : dirty) check_inplace(name.c_str(), d, true);
          auto n_edges = static_cast<uint32_t>(tensors.size());
          Node* n = Node::allocate_raw(python_type(name), (sizeof(PythonFunction) + 7) / 8 * 8,
                                       n_edges, static_cast<uint32_t>(outputs.size()),
                                       static_cast<uint32_t>(saved.size()));
          new (n->payload()) PythonFunction{entry.inc_ref().ptr(), ctx.inc_ref().ptr(), positions,
                                            static_cast<int32_t>(arguments.size())};
          if (materialize) n->flags |= kMaterialize;
          Ref<Node> owned = Ref<Node>::steal(n);
          for (uint32_t i = 0; i < n_edges; ++i) n->edges()[i] = gradient_edge(tensors[i]);
          std::vector<Tensor> results;
          for (uint32_t i = 0; i < outputs.size(); ++i) {
            Tensor y = outputs[i];
            bool flows = differentiable[i] && is_floating(y.dtype());
            if (flows && is_dirty(y)) {
              n->outputs()[i].dtype = y.dtype();
              n->outputs()[i].shape.assign(y.sizes());
              rebase_history(y, n, i);
            } else {
              bool returned_as_is = y.requires_grad();
              for (const Tensor& t : tensors) returned_as_is = returned_as_is || t.is(y);
              if (returned_as_is) y = alias(y);
              if (flows) {
                set_history(y, n, i);
              } else {
                n->outputs()[i].dtype = y.dtype();
                n->outputs()[i].shape.assign(y.sizes());
              }
            }
            results.push_back(std::move(y));
          }
          for (uint32_t i = 0; i < saved.size(); ++i)
            if (is_tensor(saved[i].ptr())) save(n, i, tensor_of(saved[i].ptr()));
          return results;
        });
}

}  // namespace pyforge::python
