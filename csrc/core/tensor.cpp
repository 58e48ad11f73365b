#include "core/tensor.h"

#include <algorithm>
#include <new>

namespace pyforge {

thread_local uint8_t new_tensor_flags __attribute__((tls_model("initial-exec"))) = 0;

namespace {

ObjectPool<sizeof(TensorImpl)> pool;
DType default_float = DType::Float32;

void check_sizes(IntSpan sizes) {
  PF_CHECK(sizes.size() <= kMaxDims, Runtime, "a tensor has at most ", kMaxDims,
           " dimensions, got ", sizes.size());
  for (int64_t s : sizes)
    PF_CHECK(s >= 0, Runtime, "Trying to create tensor with negative dimension ", s, ": ",
             to_string(sizes));
}

Tensor make_impl(DType dtype, IntSpan sizes, int64_t numel) {
  return Tensor(Ref<TensorImpl>::steal(new (pool.get()) TensorImpl(dtype, sizes, numel)));
}

size_t checked_bytes(int64_t elements, DType dtype) {
  size_t bytes;
  PF_CHECK(!__builtin_mul_overflow(static_cast<size_t>(elements), itemsize(dtype), &bytes), Memory,
           "out of memory: cannot allocate ", elements, " elements of ", dtype_name(dtype));
  return bytes;
}

}  // namespace

TensorImpl::TensorImpl(DType dtype, IntSpan sizes, int64_t numel)
    : dtype(dtype),
      ndim(static_cast<uint8_t>(sizes.size())),
      flags(kContiguous | new_tensor_flags),
      numel(numel) {
  dims = inline_dims;
  if (__builtin_expect(ndim > kInlineDims, 0))
    dims = static_cast<int64_t*>(allocate(2 * sizeof(int64_t) * ndim));
  for (int i = 0; i < ndim; ++i) dims[i] = sizes[i];
}

TensorImpl::~TensorImpl() {
  if (meta) tensor_hooks.free_meta(this);  // first: it may still look at the node
  if (grad_fn) tensor_hooks.free_grad_fn(grad_fn);
  if (__builtin_expect(dims != inline_dims, 0)) deallocate(dims, 2 * sizeof(int64_t) * ndim);
}

void TensorImpl::destroy(TensorImpl* t) {
  if (__builtin_expect(t->flags & kOwnsPyObject, 0)) {
    // The Python object dies first and takes the impl with it.
    t->flags &= ~kOwnsPyObject;
    t->refs = 1;
    tensor_hooks.free_pyobj(t->pyobj);
    return;
  }
  t->~TensorImpl();
  pool.put(t);
}

Tensor empty(IntSpan sizes, DType dtype) {
  for (int64_t s : sizes)
    if (__builtin_expect(s < 0, 0)) check_sizes(sizes);
  PF_CHECK(sizes.size() <= kMaxDims, Runtime, "a tensor has at most ", kMaxDims,
           " dimensions, got ", sizes.size());
  int64_t numel = count(sizes);
  auto storage = Storage::make(checked_bytes(numel, dtype));
  Tensor t = make_impl(dtype, sizes, numel);
  int64_t step = 1;
  int64_t* strides = t->dims + t->ndim;
  for (int64_t i = sizes.size() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= sizes[i] ? sizes[i] : 1;
  }
  t->data = storage->data;
  t->storage = std::move(storage);
  return t;
}

Tensor empty_strided(IntSpan sizes, IntSpan strides, DType dtype) {
  check_sizes(sizes);
  PF_CHECK(sizes.size() == strides.size(), Runtime, "empty_strided: sizes ", to_string(sizes),
           " and strides ", to_string(strides), " must have the same length");
  int64_t numel = count(sizes), extent = numel ? 1 : 0;
  for (int64_t i = 0; i < sizes.size() && numel; ++i) {
    int64_t span;
    PF_CHECK(strides[i] >= 0, Runtime, "empty_strided: negative stride ", strides[i]);
    PF_CHECK(!__builtin_mul_overflow(sizes[i] - 1, strides[i], &span) &&
                 !__builtin_add_overflow(extent, span, &extent),
             Runtime, "empty_strided: sizes and strides overflow int64");
  }
  auto storage = Storage::make(checked_bytes(extent, dtype));
  Tensor t = make_impl(dtype, sizes, numel);
  for (int64_t i = 0; i < sizes.size(); ++i) t->dims[sizes.size() + i] = strides[i];
  t->data = storage->data;
  t->storage = std::move(storage);
  refresh_contiguous(t.get());
  return t;
}

bool is_dense(const Tensor& t) {
  if (t.is_contiguous()) return true;
  Dims order;
  for (int64_t i = 0; i < t.dim(); ++i)
    if (t.size(i) != 1) order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return t.stride(a) < t.stride(b); });
  int64_t step = 1;
  for (int64_t d : order) {
    if (t.stride(d) != step) return false;
    step *= t.size(d);
  }
  return true;
}

Tensor empty_same(const Tensor& t, DType dtype) {
  auto storage = Storage::make(static_cast<size_t>(t->numel) * itemsize(dtype));
  auto* y = new (pool.get()) TensorImpl(dtype, t.sizes(), t->numel);
  int64_t step = 1;
  for (int i = t->ndim - 1; i >= 0; --i) {
    y->dims[t->ndim + i] = step;
    step *= t->dims[i] ? t->dims[i] : 1;
  }
  y->data = storage->data;
  y->storage = std::move(storage);
  return Tensor(Ref<TensorImpl>::steal(y));
}

Tensor empty_like(const Tensor& t) {
  if (t.is_contiguous()) return empty_same(t, t.dtype());
  if (!is_dense(t)) return empty(t.sizes(), t.dtype());
  return empty_strided(t.sizes(), t.strides(), t.dtype());
}

Tensor make_view(const Tensor& t, IntSpan sizes, IntSpan strides, char* data) {
  Tensor v = make_impl(t.dtype(), sizes, count(sizes));
  for (int64_t i = 0; i < sizes.size(); ++i) v->dims[sizes.size() + i] = strides[i];
  v->data = data;
  v->storage = t->storage;
  v->flags = t->flags & kInference;
  refresh_contiguous(v.get());
  return v;
}

void refresh_contiguous(TensorImpl* t) {
  bool contiguous = true;
  if (t->numel > 1) {
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0 && contiguous; --i) {
      if (t->dims[i] == 1) continue;
      contiguous = t->dims[t->ndim + i] == step;
      step *= t->dims[i];
    }
  }
  t->flags = static_cast<uint8_t>(contiguous ? t->flags | kContiguous : t->flags & ~kContiguous);
}

DType default_dtype() { return default_float; }
void set_default_dtype(DType dtype) { default_float = dtype; }

}  // namespace pyforge
