// Custom ops in C++. Header-only, over the C ABI of pyforge_op.h: nothing to link to, and a library
// keeps working with later versions of pyforge.
//
//   #include <pyforge/op.h>
//   using namespace pyforge;
//
//   Tensor forward(Context& ctx, const Tensor& x, double factor) {
//     ctx.save(x);
//     return x * x * factor;
//   }
//   void backward(Context& ctx) {
//     ctx.set_grad(0, ctx.grad() * ctx.saved(0) * (2 * ctx.number("factor")));
//   }
//   PF_OP("scaled_square(Tensor x, float factor=1.0) -> Tensor", forward, backward, "factor x^2")
//
// Errors are exceptions here and become Python exceptions: throw Error("..."), or use PF_CHECK.
#pragma once
#include <exception>

#include "pyforge_op.h"

#define PF_API inline __attribute__((visibility("hidden")))

// The instruction set that this library is compiled for: it is loaded only where that runs.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define PF_ISA_TEXT "v4"
#define PF_ISA_NAME v4
#elif defined(__AVX2__) && defined(__FMA__)
#define PF_ISA_TEXT "v3"
#define PF_ISA_NAME v3
#elif defined(__SSE4_2__)
#define PF_ISA_TEXT "v2"
#define PF_ISA_NAME v2
#else
#define PF_ISA_TEXT nullptr
#define PF_ISA_NAME generic
#endif

namespace pyforge {

// The functions of pyforge, from pyforge_op_load on.
inline const pf_host* host_table __attribute__((visibility("hidden"))) = nullptr;
PF_API const pf_host& host() { return *host_table; }

enum class DType : int32_t {
  Bool = PF_BOOL,
  UInt8 = PF_UINT8,
  Int8 = PF_INT8,
  Int16 = PF_INT16,
  Int32 = PF_INT32,
  Int64 = PF_INT64,
  Float32 = PF_FLOAT32,
  Float64 = PF_FLOAT64
};
template <class T>
struct dtype_of;
// clang-format off
template <> struct dtype_of<bool> { static constexpr DType value = DType::Bool; };
template <> struct dtype_of<uint8_t> { static constexpr DType value = DType::UInt8; };
template <> struct dtype_of<int8_t> { static constexpr DType value = DType::Int8; };
template <> struct dtype_of<int16_t> { static constexpr DType value = DType::Int16; };
template <> struct dtype_of<int32_t> { static constexpr DType value = DType::Int32; };
template <> struct dtype_of<int64_t> { static constexpr DType value = DType::Int64; };
template <> struct dtype_of<float> { static constexpr DType value = DType::Float32; };
template <> struct dtype_of<double> { static constexpr DType value = DType::Float64; };
// clang-format on
PF_API bool is_floating(DType t) { return t >= DType::Float32; }

// ---- errors ------------------------------------------------------------------------------------

// A message of at most 1023 bytes, put together from text and numbers.
class Text {
 public:
  template <class... Parts>
  explicit Text(const Parts&... parts) {
    (add(parts), ...);
  }
  const char* c_str() const { return text_; }

  void add(const char* s) {
    while (*s && size_ < kMost) text_[size_++] = *s++;
    text_[size_] = 0;
  }
  void add(const Text& t) { add(t.c_str()); }
  void add(char c) {
    char s[2] = {c, 0};
    add(s);
  }
  void add(int64_t v) { integer(v); }
  void add(int v) { integer(v); }
  void add(unsigned v) { integer(v); }
  void add(unsigned long v) { integer(static_cast<int64_t>(v)); }
  void add(long long v) { integer(v); }
  void add(bool v) { add(v ? "True" : "False"); }
  void add(double v) {
    char s[40];
    __builtin_snprintf(s, sizeof(s), "%g", v);
    add(s);
  }
  void add(DType t) {
    constexpr const char* names[] = {"bool",  "uint8", "int8",    "int16",
                                     "int32", "int64", "float32", "float64"};
    add(names[static_cast<int>(t)]);
  }
  template <class List>
    requires requires(const List& list) { list.begin(); }
  void add(const List& list) {
    add("[");
    bool first = true;
    for (const auto& v : list) {
      if (!first) add(", ");
      first = false;
      add(v);
    }
    add("]");
  }

 private:
  void integer(int64_t v) {
    char s[24];
    __builtin_snprintf(s, sizeof(s), "%lld", static_cast<long long>(v));
    add(s);
  }
  static constexpr int kMost = 1023;
  char text_[kMost + 1] = {};
  int size_ = 0;
};

// Becomes the Python exception of its kind: throw Error("scan: the chunk must be positive, got ",
// n)
class Error : public std::exception {
 public:
  template <class... Parts>
  explicit Error(const Parts&... parts) : text_(parts...) {}
  template <class... Parts>
  Error(pf_error kind, const Parts&... parts) : kind_(kind), text_(parts...) {}
  const char* what() const noexcept override { return text_.c_str(); }
  pf_error kind() const { return kind_; }

 private:
  pf_error kind_ = PF_RUNTIME_ERROR;
  Text text_;
};

// pyforge has failed and keeps the error; it must be let through to the border.
struct HostError : std::exception {
  const char* what() const noexcept override { return host().error_text(); }
};

// PF_CHECK(x.dim() == 2, "conv: expected a matrix, got shape ", x.sizes())
#define PF_CHECK(condition, ...)                                                \
  do {                                                                          \
    if (__builtin_expect(!(condition), 0)) throw ::pyforge::Error(__VA_ARGS__); \
  } while (0)

namespace detail {

PF_API void report() noexcept {
  try {
    throw;
  } catch (const HostError&) {  // pyforge knows it
  } catch (const Error& e) {
    host().set_error(e.kind(), e.what());
  } catch (const std::exception& e) {
    host().set_error(PF_RUNTIME_ERROR, e.what());
  } catch (...) {
    host().set_error(PF_RUNTIME_ERROR, "an unknown C++ exception was thrown");
  }
}

// Runs f; an exception becomes the error of the op that is running.
template <class F>
int32_t guarded(F&& f) noexcept {
  try {
    f();
    return PF_OK;
  } catch (...) {
    report();
    return PF_FAILED;
  }
}

}  // namespace detail

// ---- values ------------------------------------------------------------------------------------

// Borrowed values in a row.
template <class T>
class Span {
 public:
  Span() = default;
  Span(const T* data, int64_t size) : data_(data), size_(size) {}
  template <int64_t n>
  Span(const T (&list)[n]) : data_(list), size_(n) {}
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T* data() const { return data_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  const T& operator[](int64_t i) const { return data_[i]; }
  bool operator==(const Span& o) const {
    if (size_ != o.size_) return false;
    for (int64_t i = 0; i < size_; ++i)
      if (!(data_[i] == o.data_[i])) return false;
    return true;
  }

 private:
  const T* data_ = nullptr;
  int64_t size_ = 0;
};
using Ints = Span<int64_t>;
using Floats = Span<double>;
struct Bools : Span<int64_t> {  // 0 or 1
  using Span::Span;
};
struct String : Span<char> {
  using Span::Span;
  bool operator==(const char* s) const {
    int64_t n = static_cast<int64_t>(__builtin_strlen(s));
    return n == size() && !__builtin_memcmp(data(), s, static_cast<size_t>(n));
  }
};

template <class T>
concept Integral = requires(T v) { static_cast<int64_t>(v); };

// A list of sizes to build a shape in.
class Sizes {
 public:
  Sizes() = default;
  Sizes(Ints s) {
    for (int64_t v : s) push_back(v);
  }
  template <Integral... T>
    requires(sizeof...(T) > 0)
  Sizes(T... v) {
    (push_back(static_cast<int64_t>(v)), ...);
  }
  void push_back(int64_t v) {
    PF_CHECK(n_ < 64, "a tensor has at most 64 dimensions");
    v_[n_++] = v;
  }
  operator Ints() const { return {v_, n_}; }
  int64_t size() const { return n_; }
  int64_t& operator[](int64_t i) { return v_[i]; }
  const int64_t* begin() const { return v_; }
  const int64_t* end() const { return v_ + n_; }

 private:
  int64_t v_[64];
  int64_t n_ = 0;
};

// A value that may be None.
template <class T>
class Optional {
 public:
  Optional() = default;
  Optional(T v) : value_(v), has_(true) {}
  explicit operator bool() const { return has_; }
  const T& operator*() const { return value_; }
  T value_or(T other) const { return has_ ? value_ : other; }

 private:
  T value_{};
  bool has_ = false;
};

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
PF_API Tensor sum(const Tensor& x, Ints dim, bool keepdim = false) {
  return call("sum", x, dim, keepdim);
}

// ---- the call ----------------------------------------------------------------------------------

class Context {
 public:
  explicit Context(pf_context c) : c_(c) {}
  Context(const Context&) = delete;
  pf_context get() const { return c_; }

  // A new row-major tensor, uninitialised.
  Tensor empty(Ints sizes, DType dtype) {
    Tensor t = Tensor::steal(host().empty(c_, sizes.data(), static_cast<int32_t>(sizes.size()),
                                          static_cast<int32_t>(dtype)));
    if (!t.defined()) throw HostError();
    return t;
  }
  Tensor empty_like(const Tensor& t) { return empty(t.sizes(), t.dtype()); }

  // In forward: what backward reads, found again as saved(0), saved(1), ...
  template <class... T>
  void save(const T&... tensors) {
    (host().save(c_, tensors.get()), ...);
  }
  // In forward: whether a backward pass may come.
  bool records() const { return host().records(c_); }
  void mark_non_differentiable(int output) { host().mark_non_differentiable(c_, output); }

  // In backward.
  Tensor grad(int output = 0) { return Tensor::steal(host().grad(c_, output)); }
  Tensor saved(int index) {
    pf_tensor t = nullptr;
    if (host().saved(c_, index, &t) != PF_OK) throw HostError();
    return Tensor::steal(t);
  }
  int saved_count() const { return host().n_saved(c_); }
  // Whether the gradient of an argument is asked for; `element` of a Tensor[].
  bool needs(int parameter, int element = 0) const { return host().needs(c_, parameter, element); }
  void set_grad(int parameter, const Tensor& t) { host().set_grad(c_, parameter, 0, t.get()); }
  void set_grad(int parameter, int element, const Tensor& t) {
    host().set_grad(c_, parameter, element, t.get());
  }
  // Whether this backward pass is recorded for a second one: then compute in ops, not in kernels.
  bool create_graph() const { return host().create_graph(c_); }
  // The shape of an argument that needs(); borrowed.
  Ints input_sizes(int parameter, int element = 0) const {
    pf_view v;
    v.size = sizeof(v);
    PF_CHECK(host().input_shape(c_, parameter, element, &v) == PF_OK,
             "the shape of an argument that needs no gradient is not kept");
    return {v.sizes, v.ndim};
  }

  // Arguments of the call by name, in forward and in backward.
  const pf_value& argument(const char* name) const {
    const pf_value* v = host().argument(c_, host().parameter_index(c_, name));
    PF_CHECK(v, "there is no parameter '", name, "'");
    return *v;
  }
  bool given(const char* name) const { return argument(name).kind != PF_NONE; }
  double number(const char* name) const {
    const pf_value& v = argument(name);
    PF_CHECK(v.kind == PF_NUMBER_FLOAT || v.kind == PF_NUMBER_INT, "'", name, "' is not a number");
    return v.kind == PF_NUMBER_FLOAT ? v.as.f : static_cast<double>(v.as.i);
  }
  int64_t integer(const char* name) const {
    const pf_value& v = argument(name);
    PF_CHECK(v.kind == PF_NUMBER_INT, "'", name, "' is not an integer");
    return v.as.i;
  }
  bool flag(const char* name) const { return integer(name) != 0; }
  Ints ints(const char* name) const {
    const pf_value& v = argument(name);
    PF_CHECK(v.kind == PF_INTS, "'", name, "' is not a list of integers");
    return {v.as.ints, v.count};
  }
  Floats floats(const char* name) const {
    const pf_value& v = argument(name);
    PF_CHECK(v.kind == PF_FLOATS, "'", name, "' is not a list of floats");
    return {v.as.floats, v.count};
  }
  String string(const char* name) const {
    const pf_value& v = argument(name);
    PF_CHECK(v.kind == PF_STRING, "'", name, "' is not a string");
    return {v.as.string, v.count};
  }

 private:
  pf_context c_;
};

// Calls f(first, last) on ranges that together are [0, n), each of at least `grain` units, on
// pyforge's threads. Other Python threads run meanwhile: f touches raw memory alone. Results must
// not depend on how the range is divided. An exception ends the loop and reaches the caller.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  struct State {
    F* f;
    int failed;
    Text text;
  } state{&f, 0, Text()};
  int32_t status = host().parallel_for(
      n, grain,
      [](void* p, int64_t first, int64_t last) {
        State& s = *static_cast<State*>(p);
        try {
          (*s.f)(first, last);
        } catch (const std::exception& e) {
          if (!__atomic_exchange_n(&s.failed, 1, __ATOMIC_ACQ_REL)) s.text.add(e.what());
        } catch (...) {
          if (!__atomic_exchange_n(&s.failed, 1, __ATOMIC_ACQ_REL)) s.text.add("unknown exception");
        }
      },
      &state);
  if (status != PF_OK) throw HostError();
  if (state.failed) throw Error(state.text);
}

// ---- registration ------------------------------------------------------------------------------

namespace detail {

template <class T>
struct Bare {
  using Type = T;
};
template <class T>
struct Bare<const T&> {
  using Type = T;
};
template <class T>
struct Bare<T&> {
  using Type = T;
};

// What a parameter of forward is in a schema, and how it is read.
template <class T>
struct Parameter;
template <>
struct Parameter<Tensor> {
  static constexpr const char* kType = "Tensor";
  static Tensor get(const pf_value& v) {
    return Tensor::borrow(v.kind == PF_TENSOR ? v.as.tensor : nullptr);
  }
};
template <>
struct Parameter<Span<Tensor>> {
  static constexpr const char* kType = "Tensor[]";
  static Span<Tensor> get(const pf_value& v) {  // a Tensor is one pointer
    return {reinterpret_cast<const Tensor*>(v.as.tensors), v.count};
  }
};
template <>
struct Parameter<int64_t> {
  static constexpr const char* kType = "int";
  static int64_t get(const pf_value& v) { return v.as.i; }
};
template <>
struct Parameter<double> {
  static constexpr const char* kType = "float";
  static double get(const pf_value& v) {
    return v.kind == PF_NUMBER_INT ? static_cast<double>(v.as.i) : v.as.f;
  }
};
template <>
struct Parameter<bool> {
  static constexpr const char* kType = "bool";
  static bool get(const pf_value& v) { return v.as.i != 0; }
};
template <>
struct Parameter<Ints> {
  static constexpr const char* kType = "int[]";
  static Ints get(const pf_value& v) { return {v.as.ints, v.count}; }
};
template <>
struct Parameter<Bools> {
  static constexpr const char* kType = "bool[]";
  static Bools get(const pf_value& v) { return {v.as.ints, v.count}; }
};
template <>
struct Parameter<Floats> {
  static constexpr const char* kType = "float[]";
  static Floats get(const pf_value& v) { return {v.as.floats, v.count}; }
};
template <>
struct Parameter<String> {
  static constexpr const char* kType = "str";
  static String get(const pf_value& v) { return {v.as.string, v.count}; }
};
template <>
struct Parameter<DType> {
  static constexpr const char* kType = "dtype";
  static DType get(const pf_value& v) { return static_cast<DType>(v.as.i); }
};
template <class T>
struct Parameter<Optional<T>> {
  static constexpr const char* kType = Parameter<T>::kType;
  static constexpr bool kOptional = true;
  static Optional<T> get(const pf_value& v) {
    if (v.kind == PF_NONE) return {};
    return Parameter<T>::get(v);
  }
};

PF_API void deliver(Context& ctx, Tensor result) { host().set_output(ctx.get(), 0, result.get()); }
template <class List>
  requires requires(const List& list) { list.begin(); }
void deliver(Context& ctx, const List& results) {
  int32_t i = 0;
  for (const Tensor& t : results) host().set_output(ctx.get(), i++, t.get());
}

template <int... k>
struct Numbers {};
#if defined(__clang__)
template <class, int... k>
using MakeNumbers = Numbers<k...>;
template <int n>
using NumbersTo = __make_integer_seq<MakeNumbers, int, n>;
#else
template <int n>
using NumbersTo = Numbers<__integer_pack(n)...>;
#endif

// R forward(Context&, A...), with one A per parameter of the schema.
template <class F>
struct Forward;
template <class R, class... A>
struct Forward<R (*)(Context&, A...)> {
  template <auto f>
  static int32_t run(void*, pf_context c, const pf_value* args, int32_t) {
    return guarded([&] { call<f>(c, args, NumbersTo<sizeof...(A)>{}); });
  }
  static const char* types() {
    static const Text text = [] {
      Text t;
      (add_type<typename Bare<A>::Type>(t), ...);
      return t;
    }();
    return text.c_str();
  }

 private:
  template <class T>
  static void add_type(Text& t) {
    t.add(Parameter<T>::kType);
    if constexpr (requires { Parameter<T>::kOptional; }) t.add("?");
    t.add(";");
  }
  template <auto f, int... k>
  static void call(pf_context c, [[maybe_unused]] const pf_value* args, Numbers<k...>) {
    Context ctx(c);
    deliver(ctx, f(ctx, Parameter<typename Bare<A>::Type>::get(args[k])...));
  }
};

template <auto f>
int32_t run_backward(void*, pf_context c) {
  return guarded([&] {
    Context ctx(c);
    f(ctx);
  });
}

// Everything that this library registers, in a list that static objects build.
struct Entry {
  const Entry* next;
  int32_t (*add)(const Entry& self, pf_library lib);
};
inline const Entry* entries __attribute__((visibility("hidden"))) = nullptr;

}  // namespace detail

// Results of an op with several: Tensors<2>{a, b}.
template <int n>
struct Tensors {
  Tensor t[n];
  const Tensor* begin() const { return t; }
  const Tensor* end() const { return t + n; }
};

// The shape rule of an op, filled in by a function of the arguments: see PF_SHAPE.
struct ShapeRule {
  const pf_value* args;
  pf_shape* outputs;
  Tensor tensor(int i) const { return detail::Parameter<Tensor>::get(args[i]); }
  void set(int output, Ints sizes, DType dtype) {
    outputs[output].dtype = static_cast<int32_t>(dtype);
    outputs[output].ndim = static_cast<int32_t>(sizes.size());
    for (int64_t i = 0; i < sizes.size(); ++i) outputs[output].sizes[i] = sizes[i];
  }
  void like(int output, int argument) {
    Tensor t = tensor(argument);
    set(output, t.sizes(), t.dtype());
  }
};

namespace detail {
template <void (*f)(ShapeRule&)>
int32_t run_shape(void*, const pf_value* args, int32_t, pf_shape* outputs, int32_t) {
  return guarded([&] {
    ShapeRule rule{args, outputs};
    f(rule);
  });
}
}  // namespace detail

struct OpOptions {
  const char* doc = "";
  bool once_differentiable = false;
  pf_shape_fn shape = nullptr;
};

// Registers an op when the library is loaded; PF_OP makes one.
template <auto forward, auto backward>
struct Op : detail::Entry {
  const char* schema;
  OpOptions options;

  Op(const char* schema, const char* doc) : Op(schema, OpOptions{doc, false, nullptr}) {}
  Op(const char* schema, OpOptions options = {})
      : Entry{detail::entries, add_to}, schema(schema), options(options) {
    detail::entries = this;
  }

 private:
  static int32_t add_to(const Entry& entry, pf_library lib) {
    const Op& self = static_cast<const Op&>(entry);
    using F = detail::Forward<decltype(forward)>;
    pf_op_def def{};
    def.size = sizeof(def);
    def.flags = self.options.once_differentiable ? PF_ONCE_DIFFERENTIABLE : 0;
    def.schema = self.schema;
    def.doc = self.options.doc;
    def.forward = F::template run<forward>;
    if constexpr (!__is_same(decltype(backward), const decltype(nullptr)) &&
                  !__is_same(decltype(backward), decltype(nullptr)))
      def.backward = detail::run_backward<backward>;
    def.shape = self.options.shape;
    def.types = F::types();
    return host().register_op(lib, &def);
  }
};

}  // namespace pyforge

#define PF_CONCAT_(a, b) a##b
#define PF_CONCAT(a, b) PF_CONCAT_(a, b)
// PF_OP("name(Tensor x, float alpha=1.0) -> Tensor", forward, backward [, doc or OpOptions])
// backward is nullptr where there is no derivative: the first backward pass says so.
#define PF_OP(schema, forward, backward, ...)               \
  static const ::pyforge::Op<+forward, backward> PF_CONCAT( \
      pf_op_, __COUNTER__)(schema __VA_OPT__(, ) __VA_ARGS__);
// In OpOptions: .shape = PF_SHAPE(rule), with void rule(ShapeRule&).
#define PF_SHAPE(rule) ::pyforge::detail::run_shape<rule>

#ifndef PYFORGE_NO_EXPORT
#define PF_EXPORT __attribute__((weak, visibility("default")))
extern "C" {
extern PF_EXPORT const pf_library_info pyforge_op_library;
const pf_library_info pyforge_op_library = {sizeof(pf_library_info), PF_ABI_MAJOR, PF_ABI_MINOR,
                                            PF_ISA_TEXT};
PF_EXPORT int32_t pyforge_op_load(const pf_host* host, pf_library lib) {
  ::pyforge::host_table = host;
  for (const ::pyforge::detail::Entry* e = ::pyforge::detail::entries; e; e = e->next)
    if (e->add(*e, lib) != PF_OK) return PF_FAILED;
  return PF_OK;
}
}
#endif
