// A strided tensor: shape, dtype, storage, and the hooks the tape hangs on.
#pragma once
#include <memory>

#include "core/dtype.h"
#include "core/error.h"
#include "core/scalar.h"
#include "core/shape.h"
#include "core/storage.h"

namespace pyforge {

struct Node;
struct TensorMeta;  // rare parts: grad, hooks, view base (autograd/meta.h)
struct TensorImpl;

enum TensorFlags : uint8_t {
  kRequiresGrad = 1,  // set by the user on a leaf
  kContiguous = 2,
  kInference = 4,     // made in inference mode: no version checks, no gradients
  kOwnsPyObject = 8,  // the impl keeps its Python object alive, not the other way round
  kNoGradView = 16,   // a view made under no_grad, or one of several outputs: not to be written
};

struct TensorImpl {
  uint32_t refs = 1;
  DType dtype;
  uint8_t ndim;
  uint8_t flags;
  int64_t numel;
  Ref<Storage> storage;
  char* data;
  int64_t* dims;  // ndim sizes, then ndim strides (in elements)
  int64_t inline_dims[2 * kInlineDims];
  Node* grad_fn = nullptr;  // owned
  uint32_t output_nr = 0;
  uint32_t base_version = 0;   // storage version at which a view's grad_fn was right
  Ref<TensorImpl> base;        // a differentiable view's root tensor
  TensorMeta* meta = nullptr;  // owned
  void* pyobj = nullptr;       // see kOwnsPyObject

  TensorImpl(DType dtype, IntSpan sizes, int64_t numel);
  ~TensorImpl();
  TensorImpl(const TensorImpl&) = delete;
  void operator=(const TensorImpl&) = delete;
  static void destroy(TensorImpl* t);

  IntSpan sizes() const { return {dims, ndim}; }
  IntSpan strides() const { return {dims + ndim, ndim}; }
};

// Flags of every new tensor of this thread (kInference in inference mode).
extern thread_local uint8_t new_tensor_flags __attribute__((tls_model("initial-exec")));

// Called by ~TensorImpl for the parts other layers own.
struct TensorHooks {
  void (*free_grad_fn)(Node* node) = nullptr;
  void (*free_meta)(TensorImpl* t) = nullptr;
  void (*free_pyobj)(void* pyobj) = nullptr;
};
inline TensorHooks tensor_hooks;

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}
  static Tensor borrow(TensorImpl* t) { return Tensor(Ref<TensorImpl>::borrow(t)); }

  bool defined() const { return static_cast<bool>(impl_); }
  explicit operator bool() const = delete;
  TensorImpl* get() const { return impl_.get(); }
  TensorImpl* operator->() const { return impl_.get(); }
  TensorImpl* release() { return impl_.release(); }
  void reset() { impl_.reset(); }
  bool is(const Tensor& o) const { return impl_ == o.impl_; }

  DType dtype() const { return impl_->dtype; }
  int64_t dim() const { return impl_->ndim; }
  int64_t numel() const { return impl_->numel; }
  IntSpan sizes() const { return impl_->sizes(); }
  IntSpan strides() const { return impl_->strides(); }
  int64_t size(int64_t d) const { return impl_->dims[d]; }
  int64_t stride(int64_t d) const { return impl_->dims[impl_->ndim + d]; }
  bool is_contiguous() const { return impl_->flags & kContiguous; }
  template <class T = char>
  T* data() const {
    return reinterpret_cast<T*>(impl_->data);
  }
  // Requires grad: a leaf the user marked, the output of a recorded op, or a view of a tensor that
  // an in-place op made require grad.
  bool requires_grad() const {
    return impl_->grad_fn || (impl_->flags & kRequiresGrad) ||
           (impl_->base && impl_->base->grad_fn && impl_->base_version != impl_->storage->version);
  }
  // The buffer belongs to this handle alone, so it may be reused.
  bool unique() const {
    return impl_->refs == 1 && impl_->storage->refs == 1 && !impl_->storage->release;
  }

 private:
  Ref<TensorImpl> impl_;
};

// New contiguous tensor, uninitialised.
Tensor empty(IntSpan sizes, DType dtype);
// The same, of the shape of `t`, which is contiguous.
Tensor empty_same(const Tensor& t, DType dtype);
Tensor empty_strided(IntSpan sizes, IntSpan strides, DType dtype);
// Same dtype and, where dense, same stride order.
Tensor empty_like(const Tensor& t);
// New tensor on the same storage, without history. `data` points into it.
Tensor make_view(const Tensor& t, IntSpan sizes, IntSpan strides, char* data);
inline Tensor alias(const Tensor& t) { return make_view(t, t.sizes(), t.strides(), t->data); }
// No two index tuples meet and there are no holes.
bool is_dense(const Tensor& t);
// Recompute kContiguous after dims were edited.
void refresh_contiguous(TensorImpl* t);

DType default_dtype();
void set_default_dtype(DType dtype);

}  // namespace pyforge
