// The op registry: one row per op drives function, method, in-place form, argument parsing,
// docstring, stub and reference page.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "core/tensor.h"

namespace pyforge {

class Generator;

enum class ArgType : uint8_t {
  Tensor,
  Number,
  Operand /* Tensor|Number */,
  Int,
  Float,
  Bool,
  IntList,
  TensorList,
  DType,
  String,
  Generator,
  FloatList,
  BoolList
};

// One parsed argument. Tensors are borrowed from the caller for the length of the call.
struct Value {
  enum Kind : uint8_t {
    None,
    IsTensor,
    IsNumber,
    IsInts,
    IsTensors,
    IsDType,
    IsString,
    IsGenerator,
    IsFloats
  };
  Kind kind = None;
  DType dtype{};
  TensorImpl* tensor_impl = nullptr;
  Scalar number;
  IntSpan ints;
  const std::vector<Tensor>* tensors = nullptr;
  const std::vector<double>* floats = nullptr;
  std::string_view string;
  Generator* generator = nullptr;

  const Tensor& tensor() const { return reinterpret_cast<const Tensor&>(tensor_impl); }
};
static_assert(sizeof(Tensor) == sizeof(TensorImpl*));

// A tensor or a number: what elementwise ops take. Borrows the tensor for the length of the call.
class Operand {
 public:
  Operand(const Tensor& t) : tensor_(&t) {}
  Operand(Scalar s) : number_(s) {}
  Operand(double v) : number_(v) {}
  Operand(int v) : number_(v) {}
  bool is_tensor() const { return tensor_; }
  const Tensor& tensor() const { return *tensor_; }
  const Scalar& number() const { return number_; }

 private:
  const Tensor* tensor_ = nullptr;
  Scalar number_;
};

// What an op returns. Tensors become a tuple (a named one where the row names them); Flag, Count
// and Real become Python numbers.
using Result = std::variant<std::monostate, Tensor, std::vector<Tensor>, bool, int64_t, double>;

struct Param {
  std::string name, default_text;
  ArgType type;
  bool nullable = false, keyword_only = false, has_default = false;
  bool mutated = false;  // "Tensor(a!)": changed in place
  Value default_value;
  std::vector<int64_t> default_ints;  // storage of an int[] default
  std::vector<double> default_floats;
  std::string default_string;
};

enum OpFlags : uint32_t {
  kFunction = 1,   // pyforge.<name>
  kMethod = 2,     // Tensor.<name>; the first parameter is self
  kInplace = 4,    // Tensor.<name>_ as well: result assigned to self
  kNN = 8,         // only in nn.functional
  kProperty = 16,  // attribute of Tensor, no call
  kCreation = 32,  // also takes device, requires_grad, layout, pin_memory and memory_format
};

using BoxedFn = Result (*)(const Value* args);
struct ExternalOp;  // of a library loaded at run time

struct OpDef {
  std::string name, schema, doc;
  std::vector<Param> params;
  std::vector<std::string> result_names;  // more than one: named tuple
  std::string result_text;
  uint32_t flags = 0;
  BoxedFn call = nullptr;
  // Optional direct in-place form; args as for call, writes into args[0].
  void (*inplace)(const Value* args) = nullptr;
  // Optional direct entries for the commonest argument lists.
  Tensor (*unary)(const Tensor&) = nullptr;
  Tensor (*binary)(const Operand&, const Operand&) = nullptr;
  const ExternalOp* external = nullptr;  // then call is null
};

// "MyOp" of "my_op", as node names have it.
std::string title_of(std::string_view op);
// Fills in name, parameters and results from a schema. Throws Error(Runtime).
void parse_schema(OpDef& def, std::string_view schema);

// All overloads of a name, in the order they were registered.
struct OpGroup {
  std::string name;
  std::vector<OpDef*> overloads;
};

// Parses `schema` ("sum(Tensor input, int[]? dim=None, *, dtype? dtype=None) -> Tensor"), checks it
// against the C++ parameter types and stores the row. Throws Error(Runtime) on a mistake in a row.
OpDef& register_op(std::string_view schema, BoxedFn call, const std::vector<ArgType>& types,
                   uint32_t flags, std::string_view doc);
const std::vector<OpGroup>& op_groups();
// Built-in ops first, then those of loaded libraries.
const OpGroup* find_op(std::string_view name);

namespace boxing {

template <class T>
struct Arg;
template <>
struct Arg<Tensor> {
  static constexpr ArgType type = ArgType::Tensor;
  static const Tensor& get(const Value& v) { return v.tensor(); }  // undefined for None
};
template <>
struct Arg<Operand> {
  static constexpr ArgType type = ArgType::Operand;
  static Operand get(const Value& v) {
    if (v.kind == Value::IsTensor) return Operand(v.tensor());
    return Operand(v.number);
  }
};
template <>
struct Arg<Scalar> {
  static constexpr ArgType type = ArgType::Number;
  static Scalar get(const Value& v) { return v.number; }
};
template <>
struct Arg<int64_t> {
  static constexpr ArgType type = ArgType::Int;
  static int64_t get(const Value& v) { return v.number.i; }
};
template <>
struct Arg<double> {
  static constexpr ArgType type = ArgType::Float;
  static double get(const Value& v) { return v.number.to_double(); }
};
template <>
struct Arg<bool> {
  static constexpr ArgType type = ArgType::Bool;
  static bool get(const Value& v) { return v.number.i != 0; }
};
template <>
struct Arg<IntSpan> {
  static constexpr ArgType type = ArgType::IntList;
  static IntSpan get(const Value& v) { return v.ints; }
};
template <>
struct Arg<std::vector<double>> {
  static constexpr ArgType type = ArgType::FloatList;
  static const std::vector<double>& get(const Value& v) { return *v.floats; }
};
template <>
struct Arg<std::vector<Tensor>> {
  static constexpr ArgType type = ArgType::TensorList;
  static const std::vector<Tensor>& get(const Value& v) { return *v.tensors; }
};
template <>
struct Arg<DType> {
  static constexpr ArgType type = ArgType::DType;
  static DType get(const Value& v) { return v.dtype; }
};
template <>
struct Arg<std::string_view> {
  static constexpr ArgType type = ArgType::String;
  static std::string_view get(const Value& v) { return v.string; }
};
template <>
struct Arg<Generator*> {
  static constexpr ArgType type = ArgType::Generator;
  static Generator* get(const Value& v) { return v.generator; }
};
template <class T>
struct Arg<std::optional<T>> {
  static constexpr ArgType type = Arg<T>::type;
  static std::optional<T> get(const Value& v) {
    if (v.kind == Value::None) return std::nullopt;
    return Arg<T>::get(v);
  }
};

inline Result to_result(Tensor t) { return t; }
inline Result to_result(std::vector<Tensor> t) { return t; }
inline Result to_result(std::tuple<Tensor, Tensor> t) {
  return std::vector<Tensor>{std::get<0>(std::move(t)), std::get<1>(std::move(t))};
}
inline Result to_result(bool v) { return v; }
inline Result to_result(int64_t v) { return v; }
inline Result to_result(double v) { return v; }

template <class F>
struct Signature;
template <class R, class... A>
struct Signature<R (*)(A...)> {
  template <class T>
  using Bare = std::remove_cvref_t<T>;
  static std::vector<ArgType> types() { return {Arg<Bare<A>>::type...}; }
  template <auto fn>
  static Result call(const Value* args) {
    return apply<fn>(args, std::index_sequence_for<A...>{});
  }

 private:
  template <auto fn, size_t... I>
  static Result apply([[maybe_unused]] const Value* args, std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>) {
      fn(Arg<Bare<A>>::get(args[I])...);
      return std::monostate();
    } else {
      return to_result(fn(Arg<Bare<A>>::get(args[I])...));
    }
  }
};

}  // namespace boxing

// Registers function `fn` under a schema; parameter types are checked against it at import.
template <auto fn>
OpDef& register_function(std::string_view schema, uint32_t flags, std::string_view doc) {
  using S = boxing::Signature<decltype(fn)>;
  return register_op(schema, &S::template call<fn>, S::types(), flags, doc);
}

}  // namespace pyforge

#define PF_CONCAT_(a, b) a##b
#define PF_CONCAT(a, b) PF_CONCAT_(a, b)
// PF_OP(function, "name(Tensor input, ...) -> Tensor", flags, "What it computes.")
#define PF_OP(fn, schema, flags, doc)                                     \
  [[maybe_unused]] static ::pyforge::OpDef& PF_CONCAT(op_, __COUNTER__) = \
      ::pyforge::register_function<fn>(schema, flags, doc);
