// Calls of a Sequential of a compiled model: a layer and the activation behind it are one op. What
// the modules are is looked up at each call, so that hooks, replaced modules and changed classes
// count at once. See docs/fusion.md.
#include <optional>
#include <utility>
#include <vector>

#include "autograd/anomaly.h"
#include "autograd/meta.h"
#include "ops/autocast.h"
#include "ops/ops.h"
#include "ops/pointwise.h"
#include "python/bind.h"
#include "python/module_type.h"
#include "python/op_trace.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

using kernels::Elementwise;
using ops::Activation;

enum class Kind : uint8_t { Other, Sequence, Linear, Conv, Relu, Sigmoid, Tanh, Silu, Gelu };

// The forward functions of nn's own classes; set once, kept for ever.
std::vector<std::pair<PyObject*, Kind>> forwards;

struct Names {
  PyObject *forward = intern("forward"), *modules = intern("_modules"), *weight = intern("weight"),
           *bias = intern("bias"), *approximate = intern("approximate"), *stride = intern("stride"),
           *padding = intern("padding"), *dilation = intern("dilation"), *groups = intern("groups"),
           *padding_mode = intern("padding_mode");
  static PyObject* intern(const char* text) { return PyUnicode_InternFromString(text); }
};
const Names& names() {
  static const Names all;
  return all;
}

// Other for what is hooked, or whose forward() is not the one of nn.
Kind kind_of(PyObject* module) {
  if (!calls_forward(module)) return Kind::Other;
  const PyObject* forward = _PyType_Lookup(Py_TYPE(module), names().forward);
  for (const auto& [function, kind] : forwards) {
    if (function != forward) continue;
    PyObject* own = PyObject_GenericGetDict(module, nullptr);
    const bool replaced = !own || PyDict_Contains(own, names().forward) != 0;
    Py_XDECREF(own);
    PyErr_Clear();
    return replaced ? Kind::Other : kind;
  }
  return Kind::Other;
}

// An attribute, null without an error if there is none.
class Attribute {
 public:
  Attribute(PyObject* of, PyObject* name) : object_(PyObject_GetAttr(of, name)) {
    if (!object_) PyErr_Clear();
  }
  ~Attribute() { Py_XDECREF(object_); }
  Attribute(const Attribute&) = delete;
  Attribute& operator=(const Attribute&) = delete;
  PyObject* get() const { return object_; }
  bool is(const char* text) const {
    return object_ && PyUnicode_Check(object_) &&
           PyUnicode_CompareWithASCIIString(object_, text) == 0;
  }
  // A tuple of `count` integers.
  bool read(int64_t* to, int count) const {
    if (!object_ || !PyTuple_Check(object_) || PyTuple_GET_SIZE(object_) != count) return false;
    for (int d = 0; d < count; ++d)
      if (!to_index(PyTuple_GET_ITEM(object_, d), to + d)) return false;
    return true;
  }

 private:
  PyObject* object_;
};

std::optional<Activation> activation_of(PyObject* module) {
  switch (kind_of(module)) {
    case Kind::Relu:
      return Activation{Elementwise::relu};
    case Kind::Sigmoid:
      return Activation{Elementwise::sigmoid};
    case Kind::Tanh:
      return Activation{Elementwise::tanh};
    case Kind::Silu:
      return Activation{Elementwise::silu};
    case Kind::Gelu: {
      const Attribute form(module, names().approximate);
      if (form.is("none")) return Activation{Elementwise::gelu};
      if (form.is("tanh")) return Activation{Elementwise::gelu_tanh};
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

// Weight and bias of a layer, where both are tensors that nothing diagnoses.
struct Parameters {
  Attribute weight, bias;

  explicit Parameters(PyObject* layer) : weight(layer, names().weight), bias(layer, names().bias) {}
  bool usable() const {
    return weight.get() && is_tensor(weight.get()) && bias.get() &&
           (bias.get() == Py_None || is_tensor(bias.get())) && !(w()->meta && w()->meta->watch);
  }
  const Tensor& w() const { return tensor_of(weight.get()); }
  const Tensor& b() const {
    static const Tensor none;
    return bias.get() == Py_None ? none : tensor_of(bias.get());
  }
};

struct Geometry {
  int64_t stride[3], padding[3], dilation[3], groups;

  // False for what the fused op does not do.
  bool read(PyObject* layer, const Tensor& weight) {
    const int dims = static_cast<int>(weight.dim()) - 2;
    if (dims < 1 || dims > 3 || !Attribute(layer, names().padding_mode).is("zeros") ||
        !Attribute(layer, names().stride).read(stride, dims) ||
        !Attribute(layer, names().dilation).read(dilation, dims)) {
      return false;
    }
    const Attribute given(layer, names().padding), count(layer, names().groups);
    const bool same = given.is("same"), valid = given.is("valid");
    if (!same && !valid && !given.read(padding, dims)) return false;
    for (int d = 0; d < dims && (same || valid); ++d) {
      const int64_t total = same ? dilation[d] * (weight.size(d + 2) - 1) : 0;
      if (total % 2 || (same && stride[d] != 1)) return false;
      padding[d] = total / 2;
    }
    return count.get() && to_index(count.get(), &groups);
  }
};

// layer(x), and the activation of it if there is one. Null with `aside`: not fused, and nothing
// done; null otherwise: an error.
PyObject* run_layer(PyObject* layer, Kind kind, const std::optional<Activation>& activation,
                    PyObject* x, bool& aside) {
  static const std::string linear = "linear", conv = "conv";
  const Parameters p(layer);
  Geometry g;
  aside = !p.usable() || (kind == Kind::Conv && !g.read(layer, p.w()));
  if (aside) return nullptr;
  const Tensor& input = tensor_of(x);
  return guarded([&] {
    return naming(kind == Kind::Linear ? linear : conv, [&] {
      if (!activation) return wrap(ops::linear(input, p.w(), p.b()));
      if (kind == Kind::Linear)
        return wrap(ops::linear_pointwise(input, p.w(), p.b(), *activation));
      const auto dims = p.w().dim() - 2;
      return wrap(ops::convolution_pointwise(input, p.w(), p.b(), {g.padding, dims},
                                             {g.stride, dims}, {g.dilation, dims}, g.groups,
                                             *activation));
    });
  });
}

// The result of modules[i] and, fused, of the next one, which `i` then passes over.
PyObject* run_step(PyObject* modules, Py_ssize_t& i, PyObject* x) {
  PyObject* const module = PyList_GET_ITEM(modules, i);
  const Kind kind = kind_of(module);
  if ((kind == Kind::Linear || kind == Kind::Conv) && is_tensor(x)) {
    std::optional<Activation> activation;
    if (i + 1 < PyList_GET_SIZE(modules))
      activation = activation_of(PyList_GET_ITEM(modules, i + 1));
    if (activation || kind == Kind::Linear) {
      bool aside = false;
      PyObject* const y = run_layer(module, kind, activation, x, aside);
      if (!aside) {
        if (activation) ++i;
        return y;
      }
    }
  }
  return call_module(module, x);
}

PyObject* run_modules(PyObject* sequence, PyObject* input) {
  const Attribute registry(sequence, names().modules);
  PyObject* const modules =
      registry.get() && PyDict_Check(registry.get()) ? PyDict_Values(registry.get()) : nullptr;
  if (!modules) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_AttributeError, "_modules");
    return nullptr;
  }
  PyObject* x = Py_NewRef(input);
  for (Py_ssize_t i = 0; x && i < PyList_GET_SIZE(modules); ++i) {
    PyObject* const y = run_step(modules, i, x);
    Py_DECREF(x);
    x = y;
  }
  Py_DECREF(modules);
  return x;
}

PF_BIND {
  // Keys are the names of `Kind`.
  m.def("_set_fused_forwards", [](const py::dict& given) {
    if (!forwards.empty()) return;
    const std::pair<const char*, Kind> kinds[] = {
        {"Sequential", Kind::Sequence}, {"Linear", Kind::Linear},   {"Conv", Kind::Conv},
        {"ReLU", Kind::Relu},           {"Sigmoid", Kind::Sigmoid}, {"Tanh", Kind::Tanh},
        {"SiLU", Kind::Silu},           {"GELU", Kind::Gelu}};
    for (const auto& [name, kind] : kinds)
      if (given.contains(name)) forwards.emplace_back(Py_NewRef(given[name].ptr()), kind);
  });
}

}  // namespace

PyObject* call_fused(PyObject* sequence, PyObject* input) {
  if (autocast_enabled() || anomaly_mode.enabled || op_calls_replaced() ||
      kind_of(sequence) != Kind::Sequence) {
    PyObject* given[] = {sequence, input};
    return PyObject_VectorcallMethod(names().forward, given, 2, nullptr);
  }
  if (Py_EnterRecursiveCall(" while calling a Sequential")) return nullptr;
  PyObject* const result = run_modules(sequence, input);
  Py_LeaveRecursiveCall();
  return result;
}

}  // namespace pyforge::python
