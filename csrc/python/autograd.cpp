// The backward pass and the recording modes, seen from Python.
#include "python/autograd.h"

#include <cstring>

#include "autograd/engine.h"
#include "autograd/meta.h"
#include "ops/ops.h"

namespace pyforge::python {

void read_arguments(const char* op, const char* const* names, int n, PyObject* const* args,
                    Py_ssize_t nargs, PyObject* kwnames, PyObject** given) {
  PF_CHECK(nargs <= n, Type, op, "() takes at most ", n, " arguments but ", nargs, " were given");
  for (Py_ssize_t i = 0; i < nargs; ++i) given[i] = args[i];
  Py_ssize_t n_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < n_keywords; ++k) {
    const char* key = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k));
    if (!key) throw PythonError();
    int i = 0;
    while (i < n && std::strcmp(names[i], key) != 0) ++i;
    PF_CHECK(i < n, Type, op, "() got an unexpected keyword argument '", key, "'");
    PF_CHECK(i >= nargs, Type, op, "() got multiple values for argument '", key, "'");
    given[i] = args[nargs + k];
  }
}

std::vector<Tensor> tensors_of(const char* op, const char* argument, PyObject* o) {
  if (is_tensor(o)) return {tensor_of(o)};
  PyObject* fast = PySequence_Fast(o, "");
  if (!fast) {
    PyErr_Clear();
    raise(ErrorKind::Type, op, "(): argument '", argument,
          "' must be a Tensor or a sequence of Tensors, not ", type_name(o));
  }
  std::vector<Tensor> list;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(fast, i);
    if (!is_tensor(item)) {
      std::string got = type_name(item);
      Py_DECREF(fast);
      raise(ErrorKind::Type, op, "(): element ", i, " of argument '", argument,
            "' must be a Tensor, not ", got);
    }
    list.push_back(tensor_of(item));
  }
  Py_DECREF(fast);
  return list;
}

Tensor root_gradient(const Tensor& root, const Tensor& given, size_t index) {
  PF_CHECK(root.requires_grad(), Runtime, "element ", index,
           " of tensors does not require grad and does not have a grad_fn; "
           "no input of its computation required grad, or it was made under no_grad() or detached");
  if (!given.defined()) {
    PF_CHECK(root.numel() == 1, Runtime,
             "grad can be implicitly created only for scalar outputs; element ", index,
             " has shape ", to_string(root.sizes()),
             ", pass gradient=... or reduce it with sum() or mean()");
    return ops::full(root.sizes(), Scalar(1), root.dtype());
  }
  PF_CHECK(given.sizes() == root.sizes(), Runtime, "Mismatch in shape: grad_output[", index,
           "] has a shape of ", to_string(given.sizes()), " and output[", index,
           "] has a shape of ", to_string(root.sizes()), ".");
  return given.dtype() == root.dtype() ? given : ops::to(given, root.dtype());
}

namespace {

bool truth(PyObject* o) {
  int t = PyObject_IsTrue(o);
  if (t < 0) throw PythonError();
  return t != 0;
}

// (tensors, grads or None, inputs, retain_graph, create_graph, accumulate, allow_unused) -> tuple
// of gradients. Tensors, grads and inputs are tensors or sequences; one gradient stands for each
// root.
PyObject* py_run_backward(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    PF_CHECK(nargs == 6 || nargs == 7, Type, "_run_backward() takes 6 or 7 arguments");
    const char* op = truth(args[5]) ? "backward" : "grad";
    std::vector<Tensor> roots = tensors_of(op, "tensors", args[0]), inputs, grads;
    if (args[2] != Py_None) {
      inputs = tensors_of(op, "inputs", args[2]);
      PF_CHECK(!inputs.empty(), Runtime, "`inputs` argument to `", op, "()` cannot be empty.");
    }
    const bool shared = is_tensor(args[1]);
    PyObject* given = args[1] == Py_None || shared
                          ? nullptr
                          : PySequence_Fast(args[1], "grad_tensors must be a sequence");
    if (args[1] != Py_None && !shared && !given) throw PythonError();
    struct Drop {
      PyObject* o;
      ~Drop() { Py_XDECREF(o); }
    } drop{given};
    PF_CHECK(!given || PySequence_Fast_GET_SIZE(given) == static_cast<Py_ssize_t>(roots.size()),
             Runtime, "got ", roots.size(), " tensors and ",
             given ? PySequence_Fast_GET_SIZE(given) : 0, " gradients");
    for (size_t i = 0; i < roots.size(); ++i) {
      PyObject* g = given ? PySequence_Fast_GET_ITEM(given, static_cast<Py_ssize_t>(i)) : args[1];
      PF_CHECK(g == Py_None || is_tensor(g), Type, "gradients can be either Tensors or None, got ",
               type_name(g));
      grads.push_back(root_gradient(roots[i], g == Py_None ? Tensor() : tensor_of(g), i));
    }
    BackwardOptions options;
    options.retain_graph = truth(args[3]);
    options.create_graph = truth(args[4]);
    options.accumulate = truth(args[5]);
    for (size_t i = 0; i < inputs.size(); ++i)
      PF_CHECK(inputs[i].requires_grad(), Runtime,
               "One of the differentiated Tensors does not require grad: input ", i, " of shape ",
               to_string(inputs[i].sizes()));
    std::vector<Tensor> result = run_backward(roots, std::move(grads), inputs, options);
    if (nargs == 7 && !truth(args[6]))
      for (const Tensor& g : result)
        PF_CHECK(g.defined(), Runtime,
                 "One of the differentiated Tensors appears to not have been used in the graph. "
                 "Set allow_unused=True if this is the desired behavior.");
    PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(result.size()));
    for (size_t i = 0; tuple && i < result.size(); ++i)
      PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), wrap(std::move(result[i])));
    return tuple;
  });
}

PyObject* py_is_grad_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(grad_mode_state.enabled);
}
PyObject* py_set_grad_enabled(PyObject*, PyObject* on) {
  bool before = grad_mode_state.enabled;
  grad_mode_state.enabled = PyObject_IsTrue(on) == 1;
  return PyBool_FromLong(before);
}
PyObject* py_is_inference(PyObject*, PyObject*) {
  return PyBool_FromLong(grad_mode_state.inference);
}
PyObject* py_set_inference(PyObject*, PyObject* on) {
  bool before = grad_mode_state.inference;
  grad_mode_state.inference = PyObject_IsTrue(on) == 1;
  new_tensor_flags = grad_mode_state.inference ? kInference : 0;
  return PyBool_FromLong(before);
}

// (cls, data, requires_grad) -> an instance of cls that shares data's memory
PyObject* py_make_subclass(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    PF_CHECK(nargs == 3 && PyType_Check(args[0]) &&
                 PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(args[0]), &TensorType) &&
                 is_tensor(args[1]),
             Type,
             "_make_subclass(cls, data, requires_grad): cls must be a subclass of Tensor and data "
             "a Tensor");
    Tensor t = alias(tensor_of(args[1]));
    if (truth(args[2])) {
      PF_CHECK(is_floating(t.dtype()), Runtime,
               "only Tensors of floating point dtype can require gradients, got ",
               dtype_name(t.dtype()));
      t->flags |= kRequiresGrad;
    }
    return wrap_as(reinterpret_cast<PyTypeObject*>(args[0]), std::move(t));
  });
}

template <class F>
PyCFunction fast(F f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef functions[] = {
    {"_run_backward", fast(py_run_backward), METH_FASTCALL, nullptr},
    {"is_grad_enabled", py_is_grad_enabled, METH_NOARGS, "True where ops are recorded."},
    {"_set_grad_enabled", py_set_grad_enabled, METH_O, nullptr},
    {"is_inference_mode_enabled", py_is_inference, METH_NOARGS, "True inside inference_mode()."},
    {"_set_inference_mode", py_set_inference, METH_O, nullptr},
    {"_make_subclass", fast(py_make_subclass), METH_FASTCALL, nullptr},
    {}};

}  // namespace

bool init_autograd(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace pyforge::python
