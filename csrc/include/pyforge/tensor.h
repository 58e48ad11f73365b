// Tensors in custom ops, and pyforge's own ops on them.
#pragma once
#include "values.h"

namespace pyforge {

// A tensor: a counted reference, undefined for None. Operators and ops below are pyforge's own, so
// what backward computes with them can be differentiated again.
class Tensor {
 public:
  Tensor() = default;
  Tensor(const Tensor& o) : t_(o.t_) {
    if (t_) host().retain(t_);
  }
  Tensor(Tensor&& o) noexcept : t_(o.t_) { o.t_ = nullptr; }
  Tensor& operator=(Tensor o) noexcept {
    pf_tensor t = t_;
    t_ = o.t_;
    o.t_ = t;
    return *this;
  }
  ~Tensor() {
    if (t_) host().release(t_);
  }
  static Tensor steal(pf_tensor t) {
    Tensor r;
    r.t_ = t;
    return r;
  }
  static Tensor borrow(pf_tensor t) {
    if (t) host().retain(t);
    return steal(t);
  }
  pf_tensor get() const { return t_; }
  pf_tensor release() {
    pf_tensor t = t_;
    t_ = nullptr;
    return t;
  }
  bool defined() const { return t_; }

  pf_view view() const {
    PF_CHECK(t_, "a tensor that is None was used");
    pf_view v;
    v.size = sizeof(v);
    host().view(t_, &v);
    return v;
  }
  DType dtype() const { return static_cast<DType>(view().dtype); }
  int64_t dim() const { return view().ndim; }
  int64_t numel() const { return view().numel; }
  bool is_contiguous() const { return view().contiguous; }
  Ints sizes() const {
    pf_view v = view();
    return {v.sizes, v.ndim};
  }
  Ints strides() const {  // in elements
    pf_view v = view();
    return {v.strides, v.ndim};
  }
  int64_t size(int64_t d) const {  // negative: from the end
    pf_view v = view();
    int64_t at = d < 0 ? d + v.ndim : d;
    PF_CHECK(at >= 0 && at < v.ndim, "there is no dimension ", d, " in shape ",
             Ints(v.sizes, v.ndim));
    return v.sizes[at];
  }
  bool requires_grad() const { return t_ && host().requires_grad(t_); }
  // The elements, to read; strided unless is_contiguous(). Checks the dtype.
  template <class T>
  const T* data() const {
    return mutable_data<T>();
  }
  // To write: of a tensor that empty() made, or of an argument marked Tensor(a!).
  template <class T>
  T* mutable_data() const {
    pf_view v = view();
    PF_CHECK(v.dtype == static_cast<int32_t>(dtype_of<T>::value), "expected a tensor of ",
             dtype_of<T>::value, ", got ", static_cast<DType>(v.dtype));
    return static_cast<T*>(v.data);
  }

 private:
  pf_tensor t_ = nullptr;
};

// An argument of an op that is called by name.
struct Argument : pf_value {
  Argument() : pf_value{} {}
  Argument(const Tensor& t) : pf_value{} {
    kind = t.defined() ? PF_TENSOR : PF_NONE;
    as.tensor = t.get();
  }
  Argument(double v) : pf_value{} {
    kind = PF_NUMBER_FLOAT;
    as.f = v;
  }
  Argument(int64_t v) : pf_value{} {
    kind = PF_NUMBER_INT;
    as.i = v;
  }
  Argument(int v) : Argument(static_cast<int64_t>(v)) {}
  Argument(bool v) : Argument(static_cast<int64_t>(v)) { is_bool = 1; }
  Argument(Ints v) : pf_value{} {
    kind = PF_INTS;
    count = v.size();
    as.ints = v.data();
  }
  Argument(const Sizes& v) : Argument(static_cast<Ints>(v)) {}
  Argument(const char* s) : pf_value{} {
    kind = PF_STRING;
    count = static_cast<int64_t>(__builtin_strlen(s));
    as.string = s;
  }
  Argument(Span<Tensor> v) : pf_value{} {  // a Tensor is one pointer
    kind = PF_TENSORS;
    count = v.size();
    as.tensors = reinterpret_cast<const pf_tensor*>(v.data());
  }
  Argument(DType t) : pf_value{} {
    kind = PF_DTYPE;
    as.i = static_cast<int64_t>(t);
  }
};

// Calls any op by name: call("softmax", x, -1). Arguments in the order of its schema; Argument()
// stands for None. call_n gives all results of an op that has several.
template <class... Args>
int32_t call_n(const char* name, Tensor* results, int32_t capacity, const Args&... args) {
  pf_op op = host().find_op(name);
  PF_CHECK(op, "there is no op '", name, "'");
  Argument given[sizeof...(Args) + 1] = {Argument(args)...};
  pf_value raw[sizeof...(Args) + 1], out[16];
  for (unsigned i = 0; i < sizeof...(Args); ++i) raw[i] = given[i];
  int32_t n = host().call(op, raw, sizeof...(Args), out, 16);
  if (n < 0) throw HostError();
  for (int32_t i = 0; i < n; ++i) {
    Tensor t = out[i].kind == PF_TENSOR ? Tensor::steal(out[i].as.tensor) : Tensor();
    if (i < capacity) results[i] = static_cast<Tensor&&>(t);
  }
  return n;
}
template <class... Args>
Tensor call(const char* name, const Args&... args) {
  Tensor result;
  call_n(name, &result, 1, args...);
  return result;
}

#define PF_OPERATOR(op, name)                                                               \
  PF_API Tensor operator op(const Tensor& a, const Tensor& b) { return call(#name, a, b); } \
  PF_API Tensor operator op(const Tensor& a, double b) { return call(#name, a, b); }        \
  PF_API Tensor operator op(double a, const Tensor& b) { return call(#name, a, b); }
PF_OPERATOR(+, add)
PF_OPERATOR(-, sub)
PF_OPERATOR(*, mul)
PF_OPERATOR(/, div)
#undef PF_OPERATOR
PF_API Tensor operator-(const Tensor& a) { return call("neg", a); }
#define PF_FUNCTION(name) \
  PF_API Tensor name(const Tensor& x) { return call(#name, x); }
PF_FUNCTION(exp)
PF_FUNCTION(log)
PF_FUNCTION(sqrt)
PF_FUNCTION(abs)
PF_FUNCTION(square)
PF_FUNCTION(tanh)
PF_FUNCTION(sigmoid)
PF_FUNCTION(relu)
PF_FUNCTION(silu)
PF_FUNCTION(contiguous)
PF_FUNCTION(clone)
PF_FUNCTION(zeros_like)
PF_FUNCTION(sum)
#undef PF_FUNCTION
PF_API Tensor matmul(const Tensor& a, const Tensor& b) { return call("matmul", a, b); }
PF_API Tensor transpose(const Tensor& x, int64_t a, int64_t b) {
  return call("transpose", x, a, b);
}
template <int64_t n>
Tensor cat(const Tensor (&tensors)[n], int64_t dim = 0) {
  return call("cat", Span<Tensor>(tensors), dim);
}
PF_API Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length) {
  return call("narrow", x, dim, start, length);
}
PF_API Tensor sum(const Tensor& x, Ints dim, bool keepdim = false) {
  return call("sum", x, dim, keepdim);
}

// Calls f with a zero of float32 or float64:
//   with_floating("my_op", x.dtype(), [&](auto zero) { using T = decltype(zero); ... });
template <class F>
void with_floating(const char* op, DType dtype, F&& f) {
  PF_CHECK(dtype == DType::Float32 || dtype == DType::Float64, PF_NOT_IMPLEMENTED_ERROR, op, ": \"",
           op, "\" not implemented for '", dtype, "'; convert the input with .float() first");
  if (dtype == DType::Float32)
    f(float{});
  else
    f(double{});
}

}  // namespace pyforge
