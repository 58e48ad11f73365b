// Indexing, iteration and length of tensors.
#include <climits>
#include <vector>

#include "autograd/inplace.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "python/object.h"
#include "python/tensor_type.h"

namespace pyforge::python {

Tensor tensor_from_data(PyObject* data, const DType* dtype);  // creation.cpp

namespace {

// One part of an index as the user wrote it.
struct Part {
  enum Kind : uint8_t { Int, Slice, NewDim, Ellipsis, Bool, Indices } kind;
  int64_t start = 0, stop = 0, step = 1;  // Int: start
  Tensor tensor;
};

Part int_part(int64_t i) { return {Part::Int, i, 0, 1, {}}; }

Part slice_part(PyObject* o) {
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(o, &start, &stop, &step) < 0) throw PythonError();
  PF_CHECK(step > 0, Value, "step must be greater than zero");
  return {Part::Slice, start, stop, step, {}};
}

[[noreturn, gnu::cold]] void not_an_index(PyObject* o) {
  raise(ErrorKind::Index,
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        "indices (got ",
        type_name(o), ")");
}

Part tensor_part(Tensor t) {
  if (t.dim() == 0 && is_integral(t.dtype()) && t.dtype() != DType::UInt8)
    return int_part(ops::item(t).i);
  if (t.dim() == 0 && ops::is_mask(t)) return {Part::Bool, ops::item(t).i != 0, 0, 1, {}};
  return {Part::Indices, 0, 0, 1, std::move(t)};
}

bool is_array(PyObject* o) { return PyObject_HasAttrString(o, "__array_interface__") == 1; }

Part part_of(PyObject* o) {
  int64_t i;
  if (PyLong_CheckExact(o)) {
    to_index(o, &i);
    return int_part(i);
  }
  if (PySlice_Check(o)) return slice_part(o);
  if (o == Py_None) return {Part::NewDim, 0, 0, 1, {}};
  if (o == Py_Ellipsis) return {Part::Ellipsis, 0, 0, 1, {}};
  if (PyBool_Check(o)) return {Part::Bool, o == Py_True, 0, 1, {}};
  if (is_tensor(o)) return tensor_part(tensor_of(o));
  if (to_index(o, &i)) return int_part(i);
  if (is_array(o)) {
    Scalar s;
    if (!PySequence_Check(o) && to_scalar(o, &s) && s.kind == Scalar::Bool)
      return {Part::Bool, s.i, 0, 1, {}};
    return tensor_part(tensor_from_data(o, nullptr));
  }
  if (PySequence_Check(o) && !PyUnicode_Check(o) && !PyBytes_Check(o)) {
    PyObject* list = PySequence_List(o);
    if (!list) throw PythonError();
    Tensor t;
    try {
      t = tensor_from_data(list, nullptr);
    } catch (...) {
      Py_DECREF(list);
      throw;
    }
    Py_DECREF(list);
    return tensor_part(t.numel() == 0 && is_floating(t.dtype()) ? ops::to(t, DType::Int64) : t);
  }
  not_an_index(o);
}

// PyTorch's rule: a short sequence that holds more than numbers is read as a tuple.
bool reads_as_tuple(PyObject* o) {
  if (PyTuple_Check(o)) return true;
  if (!PyList_Check(o)) return false;
  Py_ssize_t n = PyList_GET_SIZE(o);
  if (n >= 32) return false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = PyList_GET_ITEM(o, i);
    if (is_tensor(item) || PySlice_Check(item) || item == Py_Ellipsis || item == Py_None ||
        PyList_Check(item) || PyTuple_Check(item) || is_array(item))
      return true;
  }
  return false;
}

std::vector<Part> parts_of(PyObject* key) {
  std::vector<Part> parts;
  if (reads_as_tuple(key)) {
    Py_ssize_t n = PySequence_Fast_GET_SIZE(key);
    parts.reserve(static_cast<size_t>(n));
    for (Py_ssize_t i = 0; i < n; ++i) parts.push_back(part_of(PySequence_Fast_GET_ITEM(key, i)));
  } else {
    parts.push_back(part_of(key));
  }
  return parts;
}

void check_int(const Tensor& t, int64_t i, int64_t size, int64_t dim) {
  PF_CHECK(
      t.dim() > 0, Index,
      "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number");
  PF_CHECK(i >= -size && i < size, Index, "index ", i, " is out of bounds for dimension ", dim,
           " with size ", size);
}

// A view under construction: geometry alone where no gradient is recorded, else op by op.
class Cutter {
 public:
  explicit Cutter(const Tensor& t) : recorded_(grad_enabled() && t.requires_grad()), now_(t) {
    if (recorded_) return;
    sizes_ = Dims(t.sizes());
    strides_ = Dims(t.strides());
    data_ = t->data;
  }
  int64_t dim() const { return recorded_ ? now_.dim() : sizes_.size(); }
  int64_t size(int64_t d) const { return recorded_ ? now_.size(d) : sizes_[d]; }

  void select(int64_t d, int64_t i) {
    touched_ = true;
    if (recorded_) {
      now_ = ops::select(now_, d, i);
      return;
    }
    if (i < 0) i += sizes_[d];
    move(i * strides_[d]);
    sizes_.erase(d);
    strides_.erase(d);
  }
  void slice(int64_t d, const Part& p) {
    PF_CHECK(dim() > 0, Index, "slice() cannot be applied to a 0-dim tensor.");
    if (p.step == 1 && p.start == 0 && p.stop >= size(d)) return;
    touched_ = true;
    if (recorded_) {
      now_ = ops::slice(now_, d, p.start, p.stop, p.step);
      return;
    }
    int64_t n = sizes_[d], start = p.start, stop = p.stop;
    start = start < 0 ? std::max<int64_t>(0, start + n) : std::min(start, n);
    stop = stop < 0 ? stop + n : std::min(stop, n);
    stop = std::max(start, stop);
    move(start * strides_[d]);
    sizes_[d] = (stop - start) / p.step + ((stop - start) % p.step != 0);
    if (sizes_[d] > 1) strides_[d] *= p.step;
  }
  void unsqueeze(int64_t d) {
    touched_ = true;
    if (recorded_) {
      now_ = ops::unsqueeze(now_, d);
      return;
    }
    int64_t step = d < sizes_.size() ? sizes_[d] * strides_[d] : 1;
    sizes_.insert(d, 1);
    strides_.insert(d, step);
  }
  bool touched() const { return touched_; }
  // Always a new tensor.
  Tensor finish(const Tensor& t) {
    if (recorded_) return touched_ ? now_ : ops::alias_view(t);
    Tensor y = make_view(t, sizes_, strides_, data_);
    mark_view(y, t);
    return y;
  }

 private:
  void move(int64_t elements) { data_ += elements * static_cast<int64_t>(itemsize(now_.dtype())); }

  bool recorded_, touched_ = false;
  Tensor now_;
  Dims sizes_, strides_;
  char* data_ = nullptr;
};

struct Cut {
  Tensor view;
  ops::Indices indices;  // empty: the view is the result
};

Cut cut(const Tensor& t, const std::vector<Part>& parts) {
  int64_t used = 0, dim = 0, original = 0;  // `original` counts t's own dimensions, for messages
  for (const Part& p : parts) {
    if (p.kind == Part::Int || p.kind == Part::Slice) ++used;
    if (p.kind == Part::Indices) used += ops::is_mask(p.tensor) ? p.tensor.dim() : 1;
  }
  if (t.dim() == 0 && used > 0 && parts.size() == 1 && parts[0].kind == Part::Int)
    check_int(t, 0, 0, 0);
  PF_CHECK(used <= t.dim() || (parts.size() == 1 && parts[0].kind == Part::Slice), Index,
           "too many indices for tensor of dimension ", t.dim());
  Cutter cutter(t);
  Cut result;
  // The first dim entries of result.indices belong to the dimensions before `dim`.
  int64_t placed = 0;
  auto place = [&](Tensor index, int64_t width) {
    for (; placed < dim; ++placed) result.indices.emplace_back();
    result.indices.push_back(std::move(index));
    placed += width;
    dim += width;
  };
  for (const Part& p : parts) {
    switch (p.kind) {
      case Part::Int:
        check_int(t, p.start, cutter.size(dim), original++);
        cutter.select(dim, p.start);
        break;
      case Part::Slice:
        cutter.slice(dim++, p);
        ++original;
        break;
      case Part::NewDim:
        cutter.unsqueeze(dim++);
        break;
      case Part::Ellipsis:
        dim += t.dim() - used;
        original += t.dim() - used;
        used = t.dim();  // a second one stands for nothing
        break;
      case Part::Bool:
        cutter.unsqueeze(dim);
        place(ops::zeros({p.start}, DType::Int64), 1);
        break;
      case Part::Indices: {
        int64_t width = ops::is_mask(p.tensor) ? p.tensor.dim() : 1;
        original += width;
        place(p.tensor, width);
        break;
      }
    }
  }
  result.view = result.indices.empty() || cutter.touched() ? cutter.finish(t) : t;
  return result;
}

PyObject* subscript(PyObject* self, PyObject* key) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    if (PyLong_CheckExact(key)) {
      int64_t i;
      to_index(key, &i);
      check_int(t, i, t.dim() ? t.size(0) : 0, 0);
      return wrap(ops::select(t, 0, i));
    }
    if (PySlice_Check(key)) {
      Part p = slice_part(key);
      return wrap(ops::slice(t, 0, p.start, p.stop, p.step));
    }
    Cut c = cut(t, parts_of(key));
    return wrap(c.indices.empty() ? std::move(c.view) : ops::index(c.view, c.indices));
  });
}

// A mask over the leading dimensions and a number: no positions are needed.
bool fill_masked(const Tensor& t, const std::vector<Part>& parts, const Scalar& value) {
  if (parts.size() != 1 || parts[0].kind != Part::Indices || parts[0].tensor.dtype() != DType::Bool)
    return false;
  const Tensor& mask = parts[0].tensor;
  if (mask.dim() > t.dim() || !(mask.sizes() == IntSpan(t.sizes().begin(), mask.dim())))
    return false;
  Dims sizes(mask.sizes());
  while (sizes.size() < t.dim()) sizes.push_back(1);
  ops::masked_fill_(t, sizes.size() == mask.dim() ? mask : ops::reshape(mask, sizes), value);
  return true;
}

// Leading dimensions of size 1 beyond the target's do not count.
Tensor without_leading_ones(const Tensor& value, int64_t ndim) {
  int64_t extra = value.dim() - ndim;
  for (int64_t d = 0; d < extra; ++d)
    if (value.size(d) != 1) return value;
  return extra > 0 ? ops::reshape(value, IntSpan(value.sizes().begin() + extra, ndim)) : value;
}

void assign(const Tensor& view, const Tensor& value, const Scalar& number) {
  if (value.defined()) {
    ops::copy_(view, without_leading_ones(value, view.dim()));
  } else {
    ops::fill_(view, number);
  }
}

int assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  return guarded(
      [&]() -> int {
        PF_CHECK(value, Type, "Tensor does not support deleting items");
        const Tensor& t = tensor_of(self);
        Tensor source;
        Scalar number;
        if (is_tensor(value)) {
          source = tensor_of(value);
        } else {
          PF_CHECK(to_scalar(value, &number), Type, "can't assign a ", type_name(value),
                   " to a tensor of ", dtype_name(t.dtype()),
                   "; convert it with pyforge.tensor() first");
        }
        if (PyLong_CheckExact(key)) {
          int64_t i;
          to_index(key, &i);
          check_int(t, i, t.dim() ? t.size(0) : 0, 0);
          assign(ops::select(t, 0, i), source, number);
          return 0;
        }
        if (key == Py_Ellipsis) {
          assign(t, source, number);
          return 0;
        }
        std::vector<Part> parts = parts_of(key);
        if (!source.defined() && fill_masked(t, parts, number)) return 0;
        Cut c = cut(t, parts);
        if (c.indices.empty()) {
          assign(c.view, source, number);
        } else {
          bool whole = parts.size() == 1 && parts[0].kind == Part::Indices;
          if (!source.defined()) source = ops::full({}, checked_fit(number, t.dtype()), t.dtype());
          ops::index_put_(whole ? t : c.view, c.indices, source, false);
        }
        return 0;
      },
      -1);
}

Py_ssize_t length(PyObject* self) {
  TensorImpl* t = impl_of(self);
  if (t->ndim == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return t->dims[0];
}

int contains(PyObject* self, PyObject* element) {
  return guarded(
      [&]() -> int {
        GradModeGuard off(false);
        Scalar number;
        PF_CHECK(is_tensor(element) || to_scalar(element, &number), Runtime,
                 "Tensor.__contains__ only supports Tensor or scalar, but you passed in a ",
                 type_name(element));
        Tensor equal = is_tensor(element) ? ops::eq(tensor_of(self), tensor_of(element))
                                          : ops::eq(tensor_of(self), number);
        return ops::nonzero(equal).size(0) > 0;
      },
      -1);
}

}  // namespace

PyMappingMethods mapping_methods = {length, subscript, assign_subscript};
PySequenceMethods sequence_methods = [] {
  PySequenceMethods m{};
  m.sq_length = length;
  m.sq_contains = contains;
  return m;
}();

PyObject* tensor_iter(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    PF_CHECK(t.dim() > 0, Type, "iteration over a 0-d tensor");
    std::vector<Tensor> rows = ops::unbind(t, 0);
    PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(rows.size()));
    for (size_t i = 0; tuple && i < rows.size(); ++i) {
      PyObject* row = wrap(std::move(rows[i]));
      if (!row)
        Py_CLEAR(tuple);
      else
        PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), row);
    }
    PyObject* iterator = tuple ? PyObject_GetIter(tuple) : nullptr;
    Py_XDECREF(tuple);
    return iterator;
  });
}

}  // namespace pyforge::python
