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
#include "tensor.h"

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
  // A gradient of the argument's shape, or of one that broadcasting made of it: that is summed.
  void set_grad(int parameter, const Tensor& t) { set_grad(parameter, 0, t); }
  void set_grad(int parameter, int element, const Tensor& t) {
    const pf_value* v = host().argument(c_, parameter);
    PF_CHECK(v, "set_grad: there is no parameter ", parameter);
    PF_CHECK(v->kind == PF_TENSOR || v->kind == PF_TENSORS || v->kind == PF_NONE,
             "set_grad: parameter ", parameter, " is not a tensor");
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
struct Parameter {
  static_assert(sizeof(T) == 0,
                "parameters of forward: const Tensor&, Span<Tensor>, int64_t, double, bool, Ints, "
                "Floats, Bools, String, DType, or Optional<> of these");
};
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
struct Forward {
  static_assert(sizeof(F) == 0, "forward is a function: Tensor or Tensors<n> f(Context&, ...)");
};
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
