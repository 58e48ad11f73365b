// Methods of Tensor that are not registered ops.
#include <vector>

#include "autograd/engine.h"
#include "autograd/inplace.h"
#include "autograd/meta.h"
#include "autograd/profile.h"
#include "ops/ops.h"
#include "python/autograd.h"
#include "python/object.h"
#include "python/parse.h"
#include "python/tensor_type.h"

namespace pyforge::python {
namespace {

PyObject* backward(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static const char* const names[] = {"gradient", "retain_graph", "create_graph", "inputs"};
    PyObject* given[4] = {Py_None, Py_None, Py_False, Py_None};
    read_arguments("backward", names, 4, args, nargs, kwnames, given);
    std::vector<Tensor> inputs;
    if (given[3] != Py_None) {
      inputs = tensors_of("backward", "inputs", given[3]);
      PF_CHECK(!inputs.empty(), Runtime,
               "backward: `inputs` argument to `backward()` cannot be empty.");
    }
    PF_CHECK(given[0] == Py_None || is_tensor(given[0]), Type,
             "backward: gradients can be either Tensors or None, got ", type_name(given[0]));
    BackwardOptions options;
    options.create_graph = PyObject_IsTrue(given[2]) == 1;
    options.retain_graph =
        given[1] == Py_None ? options.create_graph : PyObject_IsTrue(given[1]) == 1;
    Tensor root = tensor_of(self);
    std::vector<Tensor> grads{
        root_gradient(root, given[0] == Py_None ? Tensor() : tensor_of(given[0]), 0)};
    run_backward({root}, std::move(grads), inputs, options);
    Py_RETURN_NONE;
  });
}

PyObject* detach(PyObject* self, PyObject*) {
  return guarded([&] {
    const Tensor& t = tensor_of(self);
    Tensor y = alias(t);
    if (!grad_mode_state.inference) y->base = Ref<TensorImpl>();
    return wrap(std::move(y));
  });
}

PyObject* detach_(PyObject* self, PyObject*) {
  return guarded([&] {
    const Tensor& t = tensor_of(self);
    PF_CHECK(!t->base || !t.requires_grad(), Runtime,
             "detach_: Can't detach views in-place; use detach() instead. If you are using "
             "DistributedDataParallel (DDP) "
             "for training, and gradient_as_bucket_view is set as True, use detach().");
    if (Node* fn = t->grad_fn) {
      if (t->meta && t->meta->retains_grad && fn->extra)
        std::erase_if(fn->extra->retain_grad, [&](auto& r) { return r.second == t.get(); });
      if (t->meta) t->meta->retains_grad = false;
      t->grad_fn = nullptr;
      Ref<Node>::steal(fn);
    }
    t->flags &= static_cast<uint8_t>(~kRequiresGrad);
    return Py_NewRef(self);
  });
}

PyObject* requires_grad_(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                         PyObject* kwnames) {
  return guarded([&] {
    static const char* const names[] = {"requires_grad"};
    PyObject* given[1] = {Py_True};
    read_arguments("requires_grad_", names, 1, args, nargs, kwnames, given);
    set_requires_grad(tensor_of(self), PyObject_IsTrue(given[0]) == 1);
    return Py_NewRef(self);
  });
}

PyObject* retain_grad(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    PF_CHECK(t.requires_grad(), Runtime,
             "can't retain_grad on Tensor that has requires_grad=False");
    Node* fn = grad_fn_of(t);
    if (fn && !meta_of(t).retains_grad) {
      meta_of(t).retains_grad = true;
      fn->extras().retain_grad.push_back({t->output_nr, t.get()});
    }
    Py_RETURN_NONE;
  });
}

PyObject* item(PyObject* self, PyObject*) {
  return guarded([&] {
    profile::Scope scope("item");
    return from_scalar(ops::item(tensor_of(self)));
  });
}
PyObject* dim(PyObject* self, PyObject*) { return PyLong_FromLong(impl_of(self)->ndim); }
PyObject* numel(PyObject* self, PyObject*) { return PyLong_FromLongLong(impl_of(self)->numel); }
PyObject* data_ptr(PyObject* self, PyObject*) { return PyLong_FromVoidPtr(impl_of(self)->data); }
PyObject* element_size(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(itemsize(impl_of(self)->dtype));
}
// PyTorch's channels_last: the channels vary fastest, then the last of the other dimensions.
bool channels_are_last(const Tensor& t, int64_t ndim) {
  if (t.dim() != ndim) return false;
  int64_t step = 1;
  for (int64_t k = 0; k < ndim; ++k) {
    int64_t d = k == 0 ? 1 : k == ndim - 1 ? 0 : ndim - k;
    if (t.size(d) != 1 && t.stride(d) != step) return false;
    step *= t.size(d);
  }
  return true;
}

PyObject* is_contiguous(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                        PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    Py_ssize_t given = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    PF_CHECK(nargs == 0 && given <= 1, Type, "is_contiguous() takes memory_format= alone");
    if (given == 0) return PyBool_FromLong(t.is_contiguous());
    const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, 0));
    PF_CHECK(name && std::strcmp(name, "memory_format") == 0, Type,
             "is_contiguous() got an unexpected keyword argument '", name ? name : "", "'");
    PyObject* format = PyObject_GetAttrString(args[0], "_name");
    if (!format) {
      PyErr_Clear();
      raise(ErrorKind::Type, "is_contiguous(): memory_format must be torch.memory_format, not ",
            type_name(args[0]));
    }
    bool flat = PyUnicode_CompareWithASCIIString(format, "channels_last") == 0;
    bool deep = PyUnicode_CompareWithASCIIString(format, "channels_last_3d") == 0;
    bool preserve = PyUnicode_CompareWithASCIIString(format, "preserve_format") == 0;
    Py_DECREF(format);
    PF_CHECK(!preserve, Runtime,
             "is_contiguous(): preserve memory format is unsupported by the contiguous operator");
    return PyBool_FromLong(flat   ? channels_are_last(t, 4)
                           : deep ? channels_are_last(t, 5)
                                  : t.is_contiguous());
  });
}
PyObject* is_floating_point(PyObject* self, PyObject*) {
  return PyBool_FromLong(is_floating(impl_of(self)->dtype));
}
PyObject* is_inference(PyObject* self, PyObject*) {
  return PyBool_FromLong((impl_of(self)->flags & kInference) != 0);
}
PyObject* storage_offset(PyObject* self, PyObject*) {
  TensorImpl* t = impl_of(self);
  return PyLong_FromLongLong((t->data - t->storage->data) /
                             static_cast<int64_t>(itemsize(t->dtype)));
}

PyObject* one_of(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                 bool sizes) {
  return guarded([&]() -> PyObject* {
    const char* name = sizes ? "size" : "stride";
    static const char* const names[] = {"dim"};
    PyObject* given[1] = {Py_None};
    read_arguments(name, names, 1, args, nargs, kwnames, given);
    IntSpan values = sizes ? impl_of(self)->sizes() : impl_of(self)->strides();
    if (given[0] == Py_None) {
      if (sizes) return size_object(values);
      PyObject* t = PyTuple_New(values.size());
      for (int64_t i = 0; t && i < values.size(); ++i)
        PyTuple_SET_ITEM(t, i, PyLong_FromLongLong(values[i]));
      return t;
    }
    int64_t d;
    PF_CHECK(to_index(given[0], &d), Type, name, "(): argument 'dim' must be int, not ",
             type_name(given[0]));
    PF_CHECK(values.size() > 0, Index, name, ": Dimension specified as ", d,
             " but tensor has no dimensions");
    return PyLong_FromLongLong(values[wrap_dim(name, d, values.size())]);
  });
}
PyObject* size(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kw) {
  return one_of(self, args, n, kw, true);
}
PyObject* stride(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kw) {
  return one_of(self, args, n, kw, false);
}

template <class F>
PyCFunction fast(F f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;

}  // namespace

PyMethodDef tensor_methods[] = {
    {"backward", fast(backward), kFast,
     "backward(gradient=None, retain_graph=None, create_graph=False, inputs=None)\n\nAccumulates "
     "the gradient of this tensor "
     "into the .grad of the leaves (or of `inputs`).\nRaises RuntimeError if the tensor has more "
     "than one element and no "
     "gradient is given, or has no history."},
    {"detach", detach, METH_NOARGS, "The same memory without history."},
    {"detach_", detach_, METH_NOARGS, "Drops this tensor's history."},
    {"requires_grad_", fast(requires_grad_), kFast,
     "requires_grad_(requires_grad=True)\n\nMarks a leaf; returns self."},
    {"retain_grad", retain_grad, METH_NOARGS,
     "Keeps the gradient of a non-leaf in .grad during backward."},
    {"item", item, METH_NOARGS,
     "The one element as a Python number. RuntimeError if there is not exactly one."},
    {"dim", dim, METH_NOARGS, "Number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "Number of dimensions."},
    {"numel", numel, METH_NOARGS, "Number of elements."},
    {"nelement", numel, METH_NOARGS, "Number of elements."},
    {"data_ptr", data_ptr, METH_NOARGS, "Address of the first element."},
    {"element_size", element_size, METH_NOARGS, "Bytes of one element."},
    {"storage_offset", storage_offset, METH_NOARGS,
     "Elements between the start of the storage and the first element."},
    {"is_contiguous", fast(is_contiguous), kFast,
     "is_contiguous(*, memory_format=torch.contiguous_format)\n\nTrue if the elements lie in "
     "row-major order without holes; for the formats channels_last with the channels innermost."},
    {"is_floating_point", is_floating_point, METH_NOARGS, "True for floating-point elements."},
    {"is_inference", is_inference, METH_NOARGS, "True if made in inference mode."},
    {"size", fast(size), kFast, "size(dim=None)\n\nThe sizes, or the size of one dimension."},
    {"stride", fast(stride), kFast,
     "stride(dim=None)\n\nThe strides in elements, or the stride of one dimension."},
    {}};

}  // namespace pyforge::python
