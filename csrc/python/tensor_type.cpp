// The Python tensor: life cycle, number protocol, attributes.
#include "python/tensor_type.h"

#include "autograd/engine.h"
#include "autograd/inplace.h"
#include "autograd/meta.h"
#include "ops/ops.h"
#include "python/array.h"
#include "python/object.h"

namespace pyforge::python {

PyTypeObject TensorType = {PyVarObject_HEAD_INIT(nullptr, 0)};

namespace {

// Dead plain tensors, reused without going through the collector.
constexpr int kFreeMax = 256;
PyTensor* free_objects[kFreeMax];
int free_count = 0;

// ---- life cycle ------------------------------------------------------------------------------

PyTensor* new_object() {
  if (free_count > 0) {
    PyTensor* self = free_objects[--free_count];
    PyObject_Init(reinterpret_cast<PyObject*>(self), &TensorType);
    return self;
  }
  PyTensor* self =
      PyObject_GC_New(PyTensor, &TensorType);  // tracked once it can be part of a cycle
  if (self) self->dict = self->weakrefs = nullptr;
  return self;
}

// The impl lives on elsewhere and this object carries state: let the impl own it.
bool preserve(PyObject* o) {
  auto* self = reinterpret_cast<PyTensor*>(o);
  TensorImpl* t = self->impl;
  if (!t || t->refs <= 1 || (t->flags & kOwnsPyObject)) return false;
  bool state = Py_TYPE(o) != &TensorType || (self->dict && PyDict_GET_SIZE(self->dict) > 0);
  if (!state) return false;
  t->flags |= kOwnsPyObject;
  --t->refs;
  return true;
}

void clear_finalized(PyObject* o) {
#if !defined(Py_GIL_DISABLED) && PY_VERSION_HEX < 0x03100000
  auto* head = reinterpret_cast<uintptr_t*>(o) - 2;  // PyGC_Head: next, prev | finalized
  head[1] &= ~uintptr_t{1};
#else
  (void)o;
#endif
}

void tensor_finalize(PyObject* o) {
  if (preserve(o)) {
    Py_INCREF(o);  // now held by the impl
    clear_finalized(o);
  }
}

void tensor_dealloc(PyObject* o) {
  auto* self = reinterpret_cast<PyTensor*>(o);
  bool exact = Py_TYPE(o) == &TensorType;
  if (exact && self->dict && preserve(o)) {
    // Back to life: PyObject_Init would count a new object, so only the count is restored.
    Py_SET_REFCNT(o, 1);
    return;
  }
  PyObject_GC_UnTrack(o);
  if (self->weakrefs) PyObject_ClearWeakRefs(o);
  Py_CLEAR(self->dict);
  if (TensorImpl* t = self->impl) {
    self->impl = nullptr;
    t->pyobj = nullptr;
    Ref<TensorImpl>::steal(t);
  }
  if (exact && free_count < kFreeMax) {
    free_objects[free_count++] = self;
    return;
  }
  Py_TYPE(o)->tp_free(o);
}

int tensor_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<PyTensor*>(o)->dict);
  return 0;
}
int tensor_clear(PyObject* o) {
  Py_CLEAR(reinterpret_cast<PyTensor*>(o)->dict);
  return 0;
}

int tensor_setattro(PyObject* o, PyObject* name, PyObject* value) {
  int status = PyObject_GenericSetAttr(o, name, value);
  if (status == 0 && reinterpret_cast<PyTensor*>(o)->dict && !PyObject_GC_IsTracked(o))
    PyObject_GC_Track(o);
  return status;
}

PyObject* tensor_repr(PyObject* o) {
  PyObject* printer =
      PyImport_ImportModule("pyforge._tensor_str");  // not needed until something prints
  PyObject* text = printer ? PyObject_CallMethod(printer, "tensor_repr", "O", o) : nullptr;
  Py_XDECREF(printer);
  return text;
}

void free_pyobj(void* o) { Py_DECREF(static_cast<PyObject*>(o)); }

// ---- numbers ---------------------------------------------------------------------------------

using BinaryFn = Tensor (*)(const Operand&, const Operand&);

template <BinaryFn fn>
PyObject* binary_slot(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    bool ta = is_tensor(a), tb = is_tensor(b);
    if (ta && tb) return wrap(fn(tensor_of(a), tensor_of(b)));
    Scalar s;
    if (ta && to_scalar(b, &s)) return wrap(fn(tensor_of(a), s));
    if (tb && to_scalar(a, &s)) return wrap(fn(s, tensor_of(b)));
    if (ta && is_ndarray(b)) return wrap(fn(tensor_of(a), tensor_from_array(b)));
    if (tb && is_ndarray(a)) return wrap(fn(tensor_from_array(a), tensor_of(b)));
    Py_RETURN_NOTIMPLEMENTED;
  });
}

using InplaceFn = void (*)(const Tensor&, const Operand&);

template <InplaceFn fn>
PyObject* inplace_slot(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(a)) Py_RETURN_NOTIMPLEMENTED;
    Scalar s;
    if (is_tensor(b)) {
      fn(tensor_of(a), tensor_of(b));
    } else if (to_scalar(b, &s)) {
      fn(tensor_of(a), s);
    } else if (is_ndarray(b)) {
      fn(tensor_of(a), tensor_from_array(b));
    } else {
      Py_RETURN_NOTIMPLEMENTED;
    }
    return Py_NewRef(a);
  });
}

// In-place slots of rows without a C++ entry of their own.
template <BinaryFn fn>
void assign(const Tensor& self, const Operand& other) {
  assign_inplace("in-place operator", self, fn(self, other));
}

template <Tensor (*fn)(const Tensor&)>
PyObject* unary_slot(PyObject* a) {
  return guarded([&] { return wrap(fn(tensor_of(a))); });
}

PyObject* power_slot(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) {
    PyErr_SetString(PyExc_TypeError, "pow() of tensors takes no modulus");
    return nullptr;
  }
  return binary_slot<ops::pow>(a, b);
}
PyObject* inplace_power_slot(PyObject* a, PyObject* b, PyObject*) {
  return inplace_slot<assign<ops::pow>>(a, b);
}
PyObject* positive_slot(PyObject* a) { return Py_NewRef(a); }

int bool_slot(PyObject* a) {
  return guarded(
      [&] {
        const Tensor& t = tensor_of(a);
        PF_CHECK(t.numel() == 1, Runtime, "Boolean value of Tensor with ",
                 t.numel() == 0 ? "no" : "more than one", " value", t.numel() == 0 ? "s" : "",
                 " is ambiguous; use .any() or .all()");
        Scalar s = ops::item(t);
        return static_cast<int>(s.kind == Scalar::Float ? s.f != 0 : s.i != 0);
      },
      -1);
}
Tensor invert(const Tensor& t) {
  PF_CHECK(!is_floating(t.dtype()), Type,
           "~ (operator.invert) is only implemented on integer and Boolean-type tensors, got ",
           dtype_name(t.dtype()));
  return ops::bitwise_not(t);
}
Scalar only_element(PyObject* a) {
  PF_CHECK(tensor_of(a).numel() == 1, Value,
           "only one element tensors can be converted to Python scalars, got shape ",
           to_string(tensor_of(a).sizes()));
  return ops::item(tensor_of(a));
}
PyObject* float_slot(PyObject* a) {
  return guarded([&] { return PyFloat_FromDouble(only_element(a).to_double()); });
}
PyObject* int_slot(PyObject* a) {
  return guarded([&]() -> PyObject* {
    Scalar s = only_element(a);
    return s.kind == Scalar::Float ? PyLong_FromDouble(s.f) : PyLong_FromLongLong(s.i);
  });
}
PyObject* index_slot(PyObject* a) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(a);
    PF_CHECK(t.numel() == 1 && !is_floating(t.dtype()), Type,
             "only integer tensors of a single element can be converted to an index");
    return PyLong_FromLongLong(ops::item(t).i);
  });
}

PyObject* richcompare(PyObject* a, PyObject* b, int op) {
  switch (op) {
    case Py_LT:
      return binary_slot<ops::lt>(a, b);
    case Py_LE:
      return binary_slot<ops::le>(a, b);
    case Py_GT:
      return binary_slot<ops::gt>(a, b);
    case Py_GE:
      return binary_slot<ops::ge>(a, b);
    case Py_EQ:
      return binary_slot<ops::eq>(a, b);
    default:
      return binary_slot<ops::ne>(a, b);
  }
}

// ---- attributes ------------------------------------------------------------------------------

PyObject* get_shape(PyObject* o, void*) { return size_object(impl_of(o)->sizes()); }
PyObject* get_dtype(PyObject* o, void*) { return Py_NewRef(dtype_object(impl_of(o)->dtype)); }
PyObject* get_ndim(PyObject* o, void*) { return PyLong_FromLong(impl_of(o)->ndim); }
PyObject* get_itemsize(PyObject* o, void*) {
  return PyLong_FromSize_t(itemsize(impl_of(o)->dtype));
}
PyObject* get_nbytes(PyObject* o, void*) {
  return PyLong_FromLongLong(impl_of(o)->numel * static_cast<int64_t>(itemsize(impl_of(o)->dtype)));
}
PyObject* get_requires_grad(PyObject* o, void*) {
  return PyBool_FromLong(tensor_of(o).requires_grad());
}
PyObject* get_is_leaf(PyObject* o, void*) {
  return guarded([&] { return PyBool_FromLong(grad_fn_of(tensor_of(o)) == nullptr); });
}
PyObject* get_grad_fn(PyObject* o, void*) {
  return guarded([&] { return wrap_node(grad_fn_of(tensor_of(o))); });
}
PyObject* get_output_nr(PyObject* o, void*) {
  return PyLong_FromUnsignedLong(impl_of(o)->output_nr);
}
PyObject* get_last_write(PyObject* self, void*) {
  const SourceLocation& where = impl_of(self)->storage->last_write;
  if (!where) Py_RETURN_NONE;
  const std::string text = where.text();
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}
PyObject* get_version(PyObject* o, void*) {
  return PyLong_FromUnsignedLong(impl_of(o)->storage->version);
}
PyObject* get_base(PyObject* o, void*) { return wrap(Tensor(impl_of(o)->base)); }
PyObject* get_is_inference(PyObject* o, void*) {
  return PyBool_FromLong((impl_of(o)->flags & kInference) != 0);
}
PyObject* get_retains_grad(PyObject* o, void*) {
  return PyBool_FromLong(impl_of(o)->meta && impl_of(o)->meta->retains_grad);
}

int put_requires_grad(PyObject* o, PyObject* value, void*) {
  return guarded(
      [&]() -> int {
        int on = value ? PyObject_IsTrue(value) : -1;
        PF_CHECK(on >= 0, Type, "requires_grad must be a bool");
        set_requires_grad(tensor_of(o), on != 0);
        return 0;
      },
      -1);
}

PyObject* get_grad(PyObject* o, void*) {
  TensorImpl* t = impl_of(o);
  if (!t->meta || !t->meta->grad.defined()) Py_RETURN_NONE;
  return wrap(t->meta->grad);
}
int set_grad(PyObject* o, PyObject* value, void*) {
  return guarded(
      [&]() -> int {
        const Tensor& t = tensor_of(o);
        if (!value || value == Py_None) {
          if (t->meta) t->meta->grad.reset();
          return 0;
        }
        PF_CHECK(is_tensor(value), Type, "assigned grad expected to be a Tensor or None but got ",
                 type_name(value));
        PF_CHECK(value != o, Runtime, "can't assign Variable as its own grad");
        const Tensor& g = tensor_of(value);
        PF_CHECK(g.sizes() == t.sizes(), Runtime,
                 "assigned grad has data of a different size: ", to_string(g.sizes()),
                 " for a tensor of shape ", to_string(t.sizes()));
        PF_CHECK(g.dtype() == t.dtype(), Runtime,
                 "assigned grad has data of a different type: ", dtype_name(g.dtype()),
                 " for a tensor of ", dtype_name(t.dtype()));
        meta_of(t).grad = g;
        return 0;
      },
      -1);
}

PyObject* get_data(PyObject* o, void*) {
  return guarded([&] { return wrap(alias(tensor_of(o))); });
}
int put_data(PyObject* o, PyObject* value, void*) {
  return guarded(
      [&]() -> int {
        PF_CHECK(value && is_tensor(value), Type, "data must be set to a Tensor, got ",
                 value ? type_name(value) : "nothing");
        set_data(tensor_of(o), tensor_of(value));
        return 0;
      },
      -1);
}

PyGetSetDef getset[] = {
    {"shape", get_shape, nullptr, "Sizes of the dimensions, a pyforge.Size.", nullptr},
    {"dtype", get_dtype, nullptr, "Type of the elements.", nullptr},
    {"ndim", get_ndim, nullptr, "Number of dimensions.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"requires_grad", get_requires_grad, put_requires_grad,
     "True where gradients flow to this tensor.", nullptr},
    {"is_leaf", get_is_leaf, nullptr, "True if no recorded op made this tensor.", nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The node that computes this tensor's gradient, or None.",
     nullptr},
    {"grad", get_grad, set_grad, "The accumulated gradient of a leaf, or None.", nullptr},
    {"data", get_data, put_data, "The same memory without history; assignment replaces the memory.",
     nullptr},
    {"output_nr", get_output_nr, nullptr, "Which output of grad_fn this tensor is.", nullptr},
    {"_last_write", get_last_write, nullptr,
     "'file.py:12, in f': the newest in-place change of the memory, or None.", nullptr},
    {"_version", get_version, nullptr, "How often the memory was changed in place.", nullptr},
    {"_base", get_base, nullptr, "The tensor this one is a view of, or None.", nullptr},
    {"is_inference_mode", get_is_inference, nullptr, "Made in inference mode.", nullptr},
    {"retains_grad", get_retains_grad, nullptr, "retain_grad() was called on this non-leaf.",
     nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {}};

PyNumberMethods number_methods = [] {
  PyNumberMethods m{};
  m.nb_add = binary_slot<ops::add>;
  m.nb_subtract = binary_slot<ops::sub>;
  m.nb_multiply = binary_slot<ops::mul>;
  m.nb_true_divide = binary_slot<ops::div>;
  m.nb_floor_divide = binary_slot<ops::floor_divide>;
  m.nb_remainder = binary_slot<ops::remainder>;
  m.nb_power = power_slot;
  m.nb_negative = unary_slot<ops::neg>;
  m.nb_positive = positive_slot;
  m.nb_absolute = unary_slot<ops::abs>;
  m.nb_invert = unary_slot<invert>;
  m.nb_and = binary_slot<ops::bitwise_and>;
  m.nb_or = binary_slot<ops::bitwise_or>;
  m.nb_xor = binary_slot<ops::bitwise_xor>;
  m.nb_lshift = binary_slot<ops::lshift>;
  m.nb_rshift = binary_slot<ops::rshift>;
  m.nb_inplace_add = inplace_slot<ops::add_>;
  m.nb_inplace_subtract = inplace_slot<ops::sub_>;
  m.nb_inplace_multiply = inplace_slot<ops::mul_>;
  m.nb_inplace_true_divide = inplace_slot<ops::div_>;
  m.nb_inplace_floor_divide = inplace_slot<assign<ops::floor_divide>>;
  m.nb_inplace_remainder = inplace_slot<assign<ops::remainder>>;
  m.nb_inplace_power = inplace_power_slot;
  m.nb_inplace_and = inplace_slot<assign<ops::bitwise_and>>;
  m.nb_inplace_or = inplace_slot<assign<ops::bitwise_or>>;
  m.nb_inplace_xor = inplace_slot<assign<ops::bitwise_xor>>;
  m.nb_bool = bool_slot;
  m.nb_int = int_slot;
  m.nb_float = float_slot;
  m.nb_index = index_slot;
  m.nb_matrix_multiply = matmul_slot;
  return m;
}();

}  // namespace

void set_requires_grad(const Tensor& t, bool on) {
  bool leaf = grad_fn_of(t) == nullptr;
  if (!on) {
    PF_CHECK(leaf, Runtime,
             "you can only change requires_grad flags of leaf variables. If you want to use a "
             "computed variable in a "
             "subgraph that doesn't require differentiation use var_no_grad = var.detach().");
    t->flags &= static_cast<uint8_t>(~kRequiresGrad);
    return;
  }
  PF_CHECK(is_floating(t.dtype()), Runtime,
           "only Tensors of floating point dtype can require gradients, got ",
           dtype_name(t.dtype()));
  PF_CHECK(!(t->flags & kInference) || grad_mode_state.inference, Runtime,
           "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed; "
           "clone() it first");
  if (leaf) t->flags |= kRequiresGrad;
}

void set_data(const Tensor& t, const Tensor& from) {
  PF_CHECK(t.dtype() == from.dtype() || !t.requires_grad() || is_floating(from.dtype()), Runtime,
           "data set to a tensor that requires gradients must be floating point dtype");
  TensorImpl* self = t.get();
  bool heap = self->dims != self->inline_dims;
  if (heap) deallocate(self->dims, 2 * sizeof(int64_t) * self->ndim);
  self->ndim = static_cast<uint8_t>(from.dim());
  self->dims = self->ndim > kInlineDims
                   ? static_cast<int64_t*>(allocate(2 * sizeof(int64_t) * self->ndim))
                   : self->inline_dims;
  for (int i = 0; i < 2 * self->ndim; ++i) self->dims[i] = from->dims[i];
  self->dtype = from.dtype();
  self->numel = from.numel();
  self->storage = from->storage;
  self->data = from->data;
  self->base.reset();
  refresh_contiguous(self);
}

PyObject* wrap(Tensor t) {
  if (__builtin_expect(!t.defined(), 0)) Py_RETURN_NONE;
  TensorImpl* impl = t.get();
  if (impl->pyobj) {
    auto* o = static_cast<PyObject*>(impl->pyobj);
    if (impl->flags & kOwnsPyObject) {  // hand the object back to Python: it owns the impl again
      impl->flags &= static_cast<uint8_t>(~kOwnsPyObject);
      t.release();
      return o;
    }
    return Py_NewRef(o);
  }
  PyTensor* self = new_object();
  if (!self) return nullptr;
  self->impl = t.release();
  impl->pyobj = self;
  return reinterpret_cast<PyObject*>(self);
}

PyObject* wrap_as(PyTypeObject* type, Tensor t) {
  if (type == &TensorType) return wrap(std::move(t));
  auto* self = reinterpret_cast<PyTensor*>(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  self->impl = t.release();
  self->impl->pyobj = self;
  return reinterpret_cast<PyObject*>(self);
}

bool add_tensor_attribute(const char* name, PyObject* value) {
  bool ok = PyDict_SetItemString(TensorType.tp_dict, name, value) == 0;
  PyType_Modified(&TensorType);
  return ok;
}

bool init_tensor_type(PyObject* module) {
  tensor_hooks.free_pyobj = free_pyobj;
  PyTypeObject& t = TensorType;
  t.tp_name = "pyforge.Tensor";
  t.tp_basicsize = sizeof(PyTensor);
  t.tp_dealloc = tensor_dealloc;
  t.tp_finalize = tensor_finalize;
  t.tp_traverse = tensor_traverse;
  t.tp_clear = tensor_clear;
  t.tp_free = PyObject_GC_Del;
  t.tp_dictoffset = offsetof(PyTensor, dict);
  t.tp_weaklistoffset = offsetof(PyTensor, weakrefs);
  t.tp_setattro = tensor_setattro;
  t.tp_getattro = PyObject_GenericGetAttr;
  t.tp_repr = tensor_repr;
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
  t.tp_doc =
      "A multi-dimensional array of one dtype that can take part in automatic differentiation.";
  t.tp_as_number = &number_methods;
  t.tp_as_mapping = &mapping_methods;
  t.tp_as_sequence = &sequence_methods;
  t.tp_as_buffer = &tensor_buffer;
  t.tp_richcompare = richcompare;
  t.tp_hash = [](PyObject* o) {
    auto value = reinterpret_cast<Py_hash_t>(o) >> 4;
    return value == -1 ? Py_hash_t{-2} : value;
  };
  t.tp_iter = tensor_iter;
  t.tp_new = tensor_new;
  t.tp_methods = tensor_methods;
  t.tp_getset = getset;
  if (PyType_Ready(&t) < 0) return false;
  return PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(&t)) >= 0;
}

}  // namespace pyforge::python
