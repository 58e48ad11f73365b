#include "ops/matmul.h"

#include "autograd/node.h"
#include "ops/gemm_driver.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

using kernels::GemmArgs;

// The last two dimensions of a tensor, transposed if told to.
struct Matrix {
  int64_t rows, cols, row_stride, col_stride;

  Matrix(const Tensor& t, bool transposed) {
    int64_t d = t.dim();
    rows = t.size(d - 2), cols = t.size(d - 1);
    row_stride = t.stride(d - 2), col_stride = t.stride(d - 1);
    if (transposed) {
      std::swap(rows, cols);
      std::swap(row_stride, col_stride);
    }
  }
  Matrix(int64_t rows, int64_t cols, int64_t row_stride, int64_t col_stride)
      : rows(rows), cols(cols), row_stride(row_stride), col_stride(col_stride) {}
};

// All dimensions but the last as rows; false if one stride cannot walk them.
bool fold_rows(const Tensor& t, Matrix& m) {
  int64_t last = t.dim() - 1;
  m = Matrix(1, t.size(last), 0, t.stride(last));
  bool first = true;
  for (int64_t d = last - 1; d >= 0; --d) {
    if (t.size(d) == 1) continue;
    if (first) {
      m.row_stride = t.stride(d);
      first = false;
    } else if (t.stride(d) != m.row_stride * m.rows) {
      return false;
    }
    m.rows *= t.size(d);
  }
  return true;
}

const char* type_text(DType t) {
  constexpr const char* names[kDTypes] = {"bool",  "unsigned char", "signed char", "short int",
                                          "int",   "long int",      "c10::Half",   "c10::BFloat16",
                                          "float", "double"};
  return names[static_cast<int>(t)];
}

[[gnu::cold, gnu::noinline]] void bad_dtypes(const char* op, DType a, DType b) {
  PF_CHECK(a == b, Runtime, op,
           ": expected m1 and m2 to have the same dtype, but got: ", type_text(a),
           " != ", type_text(b), "; convert one with .to(dtype)");
  raise(ErrorKind::NotImplemented, op,
        ": \"addmm_impl_cpu_\" not implemented for 'Bool'; convert with .to(dtype) first");
}

void check_dtypes(const char* op, const Tensor& a, const Tensor& b) {
  if (__builtin_expect(a.dtype() != b.dtype() || a.dtype() == DType::Bool, 0))
    bad_dtypes(op, a.dtype(), b.dtype());
}

[[gnu::cold, gnu::noinline]] void bad_shapes(const char* op, const Matrix& a, const Matrix& b) {
  raise(ErrorKind::Runtime, op, ": mat1 and mat2 shapes cannot be multiplied (", a.rows, "x",
        a.cols, " and ", b.rows, "x", b.cols, ")");
}

void check_shapes(const char* op, const Matrix& a, const Matrix& b) {
  if (__builtin_expect(a.cols != b.rows, 0)) bad_shapes(op, a, b);
}

GemmArgs gemm_args(const Matrix& a, const void* a_data, const Matrix& b, const void* b_data,
                   const Tensor& y) {
  return {a.rows,
          b.cols,
          a.cols,
          a_data,
          a.row_stride,
          a.col_stride,
          b_data,
          b.row_stride,
          b.col_stride,
          y->data,
          b.cols,
          1,
          1.0,
          0.0,
          nullptr,
          0,
          kernels::Epilogue::None};
}

// Both sides of a product that the other side's gradient needs.
struct Saved {
  Tensor none;
  const Tensor *a, *b;
  Saved(const Tensor& x, const Tensor& y)
      : a(y.requires_grad() ? &x : &none), b(x.requires_grad() ? &y : &none) {}
};

// All dimensions but the last as rows.
Tensor folded(const Tensor& t) {
  if (t.dim() == 2) return t;
  return reshape(t, {count(IntSpan(t.sizes().begin(), t.dim() - 1)), t.sizes().back()});
}

Tensor gradient_a(const Tensor& g, const Tensor& b, bool ta, bool tb) {
  return ta ? product(b, tb, g, true) : product(g, false, b, !tb);
}
Tensor gradient_b(const Tensor& g, const Tensor& a, bool ta, bool tb) {
  return tb ? product(g, true, a, ta) : product(a, !ta, g, false);
}

// b has two dimensions; a too, or any without ta.
struct MmBackward {
  static constexpr const char* kName = "MmBackward0";
  bool ta, tb;
  static void backward(Node& n, MmBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = gradient_a(in[0], n.saved(1), p.ta, p.tb);
    if (n.needs(1)) out[1] = gradient_b(folded(in[0]), folded(n.saved(0)), p.ta, p.tb);
  }
};
struct BmmBackward {
  static constexpr const char* kName = "BmmBackward0";
  bool ta, tb;
  static void backward(Node& n, BmmBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = gradient_a(in[0], n.saved(1), p.ta, p.tb);
    if (n.needs(1)) out[1] = gradient_b(in[0], n.saved(0), p.ta, p.tb);
  }
};
// beta * input + alpha * mat1 op(mat2); the engine sums the gradient down to a broadcast input.
struct AddmmBackward {
  static constexpr const char* kName = "AddmmBackward0";
  bool tb;
  Scalar beta, alpha;
  static void backward(Node& n, AddmmBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    auto scaled = [&](const Scalar& by) { return by.to_double() == 1 ? in[0] : mul(in[0], by); };
    if (n.needs(0)) out[0] = scaled(p.beta);
    if (!n.needs(1) && !n.needs(2)) return;
    Tensor g = scaled(p.alpha);
    if (n.needs(1)) out[1] = gradient_a(g, n.saved(1), false, p.tb);
    if (n.needs(2)) out[2] = gradient_b(folded(g), folded(n.saved(0)), false, p.tb);
  }
};
struct MvBackward {
  static constexpr const char* kName = "MvBackward0";
  bool ta;
  static void backward(Node& n, MvBackward& p, Tensor* in, Tensor* out);
};
struct DotBackward {
  static constexpr const char* kName = "DotBackward0";
  static void backward(Node& n, DotBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = mul(in[0], n.saved(1));
    if (n.needs(1)) out[1] = mul(in[0], n.saved(0));
  }
};

// Rows of a against one matrix: y = a op(b) (+ bias).
Tensor rows_times_matrix(const char* op, const Tensor& a, const Tensor& b, bool tb,
                         const Tensor* bias, kernels::Epilogue epilogue = kernels::Epilogue::None) {
  Tensor holder;
  const Tensor* x = &a;
  Matrix ma(1, 1, 1, 1), mb(b, tb);
  if (!fold_rows(a, ma)) {
    GradModeGuard off(false);
    holder = contiguous(a);
    x = &holder;
    fold_rows(holder, ma);
  }
  check_shapes(op, ma, mb);
  Tensor y;
  if (a.dim() == 2) {
    y = empty({ma.rows, mb.cols}, a.dtype());
  } else {
    Dims sizes(a.sizes());
    sizes.back() = mb.cols;
    y = empty(sizes, a.dtype());
  }
  GemmArgs args = gemm_args(ma, (*x)->data, mb, b->data, y);
  if (bias) {
    args.bias = (*bias)->data;
    args.bias_stride = bias->numel() == 1 ? 0 : bias->strides().back();
  }
  args.epilogue = epilogue;
  gemm(a.dtype(), args);
  return y;
}

Tensor matrix_product(const Tensor& a, bool ta, const Tensor& b, bool tb) {
  Tensor y;
  if (ta) {
    Matrix ma(a, true), mb(b, tb);
    check_shapes("mm", ma, mb);
    y = empty({ma.rows, mb.cols}, a.dtype());
    gemm(a.dtype(), gemm_args(ma, a->data, mb, b->data, y));
  } else {
    y = rows_times_matrix("mm", a, b, tb, nullptr);
  }
  if (grad_enabled() && (a.requires_grad() || b.requires_grad())) {
    Saved s(a, b);
    record<MmBackward>(y, {&a, &b}, {s.a, s.b}, {ta, tb});
  }
  return y;
}

IntSpan batch_of(const Tensor& t) { return {t.sizes().begin(), t.dim() - 2}; }

// Strides of t's leading dimensions over the common ones.
Dims batch_strides(const Tensor& t, const Dims& batch) {
  Dims strides(batch.size(), 0);
  int64_t shift = batch.size() - (t.dim() - 2);
  for (int64_t d = shift; d < batch.size(); ++d)
    if (t.size(d - shift) != 1) strides[d] = t.stride(d - shift);
  return strides;
}

Tensor batched_product(const Tensor& a, bool ta, const Tensor& b, bool tb) {
  Matrix ma(a, ta), mb(b, tb);
  Dims batch = broadcast_shapes("matmul", batch_of(a), batch_of(b)), sizes(batch);
  PF_CHECK(ma.cols == mb.rows, Runtime,
           "matmul: Expected size for first two dimensions of batch2 tensor to be: [", count(batch),
           ", ", ma.cols, "] but got: [", count(batch), ", ", mb.rows, "]; shapes ",
           to_string(a.sizes()), " and ", to_string(b.sizes()));
  sizes.push_back(ma.rows);
  sizes.push_back(mb.cols);
  Tensor y = empty(sizes, a.dtype());
  Dims as = batch_strides(a, batch), bs = batch_strides(b, batch);
  // Leading dimensions that both walk with one stride become one.
  Dims n, sa, sb;
  for (int64_t d = 0; d < batch.size(); ++d) {
    if (batch[d] == 1) continue;
    if (!n.empty() && sa.back() == as[d] * batch[d] && sb.back() == bs[d] * batch[d]) {
      n.back() *= batch[d];
      sa.back() = as[d];
      sb.back() = bs[d];
    } else {
      n.push_back(batch[d]);
      sa.push_back(as[d]);
      sb.push_back(bs[d]);
    }
  }
  if (n.empty()) {
    n.push_back(1);
    sa.push_back(0);
    sb.push_back(0);
  }
  if (y.numel()) {
    int64_t last = n.size() - 1, runs = 1;
    for (int64_t d = 0; d < last; ++d) runs *= n[d];
    auto size = static_cast<int64_t>(itemsize(a.dtype()));
    GemmArgs args = gemm_args(ma, a->data, mb, b->data, y);
    Dims index(last, 0);
    for (int64_t run = 0; run < runs; ++run) {
      int64_t at_a = 0, at_b = 0;
      for (int64_t d = 0; d < last; ++d) {
        at_a += index[d] * sa[d];
        at_b += index[d] * sb[d];
      }
      args.a = a->data + at_a * size;
      args.b = b->data + at_b * size;
      args.c = y->data + run * n[last] * ma.rows * mb.cols * size;
      gemm_batched(a.dtype(), args, n[last], sa[last], sb[last], ma.rows * mb.cols);
      for (int64_t d = last - 1; d >= 0 && ++index[d] == n[d]; --d) index[d] = 0;
    }
  }
  if (grad_enabled() && (a.requires_grad() || b.requires_grad())) {
    Saved s(a, b);
    record<BmmBackward>(y, {&a, &b}, {s.a, s.b}, {ta, tb});
  }
  return y;
}

// op(matrix) vec
Tensor matrix_vector(const Tensor& m, bool tm, const Tensor& v) {
  Matrix mm(m, tm);
  PF_CHECK(mm.cols == v.size(0), Runtime, "mv: size mismatch, got input (", mm.rows, "), mat (",
           mm.rows, "x", mm.cols, "), vec (", v.size(0), ")");
  Tensor y = empty({mm.rows}, m.dtype());
  gemm(m.dtype(), gemm_args(mm, m->data, Matrix(v.size(0), 1, v.stride(0), 1), v->data, y));
  if (grad_enabled() && (m.requires_grad() || v.requires_grad())) {
    Saved s(m, v);
    record<MvBackward>(y, {&m, &v}, {s.a, s.b}, {tm});
  }
  return y;
}

void MvBackward::backward(Node& n, MvBackward& p, Tensor* in, Tensor* out) {
  if (!in[0].defined()) return;
  if (n.needs(0)) out[0] = p.ta ? outer(n.saved(1), in[0]) : outer(in[0], n.saved(1));
  if (n.needs(1)) out[1] = matrix_vector(n.saved(0), !p.ta, in[0]);
}

}  // namespace

Tensor product(const Tensor& a, bool ta, const Tensor& b, bool tb) {
  if (b.dim() == 2 && (a.dim() == 2 || !ta)) return matrix_product(a, ta, b, tb);
  return batched_product(a, ta, b, tb);
}

Tensor rows_product(const Tensor& g, const Tensor& x) {
  return product(folded(g), true, folded(x), false);
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  int64_t da = a.dim(), db = b.dim();
  PF_CHECK(da > 0 && db > 0, Runtime,
           "matmul: both arguments to matmul need to be at least 1D, but they are ", da, "D and ",
           db, "D; use * for numbers");
  check_dtypes("matmul", a, b);
  if (db == 2) return matrix_product(a, false, b, false);
  if (db == 1) {
    if (da == 1) return dot(a, b);
    if (da == 2) return matrix_vector(a, false, b);
    Dims sizes(a.sizes());
    sizes.pop_back();
    return reshape(matrix_vector(folded(a), false, b), sizes);
  }
  if (da > 1) return batched_product(a, false, b, false);
  Tensor y = batched_product(reshape(a, {1, a.size(0)}), false, b, false);
  Dims sizes(y.sizes());
  sizes.erase(sizes.size() - 2);
  return reshape(y, sizes);
}

Tensor mm(const Tensor& a, const Tensor& b) {
  PF_CHECK(a.dim() == 2, Runtime, "mm: self must be a matrix, got shape ", to_string(a.sizes()),
           "; matmul takes other dimensions");
  PF_CHECK(b.dim() == 2, Runtime, "mm: mat2 must be a matrix, got shape ", to_string(b.sizes()),
           "; matmul takes other dimensions");
  check_dtypes("mm", a, b);
  return matrix_product(a, false, b, false);
}

Tensor bmm(const Tensor& a, const Tensor& b) {
  PF_CHECK(a.dim() == 3, Runtime, "bmm: batch1 must be a 3D tensor, got shape ",
           to_string(a.sizes()));
  PF_CHECK(b.dim() == 3, Runtime, "bmm: batch2 must be a 3D tensor, got shape ",
           to_string(b.sizes()));
  check_dtypes("bmm", a, b);
  PF_CHECK(a.size(0) == b.size(0) && a.size(2) == b.size(1), Runtime,
           "bmm: Expected size for first two dimensions of batch2 "
           "tensor to be: [",
           a.size(0), ", ", a.size(2), "] but got: [", b.size(0), ", ", b.size(1), "].");
  return batched_product(a, false, b, false);
}

Tensor mv(const Tensor& m, const Tensor& v) {
  PF_CHECK(m.dim() == 2 && v.dim() == 1, Runtime, "mv: vector + matrix @ vector expected, got 1, ",
           m.dim(), ", ", v.dim());
  check_dtypes("mv", m, v);
  return matrix_vector(m, false, v);
}

Tensor dot(const Tensor& a, const Tensor& b) {
  PF_CHECK(a.dim() == 1 && b.dim() == 1, Runtime, "dot: 1D tensors expected, but got ", a.dim(),
           "D and ", b.dim(), "D tensors");
  PF_CHECK(a.dtype() == b.dtype(), Runtime,
           "dot: expected both vectors to have same dtype, but found ", dtype_name(a.dtype()),
           " and ", dtype_name(b.dtype()));
  check_dtypes("dot", a, b);
  PF_CHECK(a.size(0) == b.size(0), Runtime, "dot: inconsistent tensor size, expected tensor [",
           a.size(0), "] and src [", b.size(0), "] to have the same number of elements, but got ",
           a.size(0), " and ", b.size(0), " elements respectively");
  Tensor y = empty({}, a.dtype());
  gemm(a.dtype(), gemm_args(Matrix(1, a.size(0), 1, a.stride(0)), a->data,
                            Matrix(b.size(0), 1, b.stride(0), 1), b->data, y));
  if (grad_enabled() && (a.requires_grad() || b.requires_grad())) {
    Saved s(a, b);
    record<DotBackward>(y, {&a, &b}, {s.a, s.b}, {});
  }
  return y;
}

Tensor outer(const Tensor& a, const Tensor& b) {
  PF_CHECK(a.dim() == 1, Runtime, "outer: Expected 1-D argument self, but got ", a.dim(), "-D");
  PF_CHECK(b.dim() == 1, Runtime, "outer: Expected 1-D argument vec2, but got ", b.dim(), "-D");
  return mul(reshape(a, {a.size(0), 1}), b);
}

Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  PF_CHECK(a.dim() == 2, Runtime, "addmm: mat1 must be a matrix, got ", a.dim(), "-D tensor");
  PF_CHECK(b.dim() == 2, Runtime, "addmm: mat2 must be a matrix, got ", b.dim(), "-D tensor");
  check_dtypes("addmm", a, b);
  PF_CHECK(input.dtype() == b.dtype(), Runtime,
           "addmm: self and mat2 must have the same dtype, but got ", dtype_name(input.dtype()),
           " and ", dtype_name(b.dtype()));
  PF_CHECK(is_floating(a.dtype()) || (beta.kind != Scalar::Float && alpha.kind != Scalar::Float),
           Runtime,
           "addmm: For integral input tensors, arguments beta and alpha must not be floating point "
           "numbers.");
  Matrix ma(a, false), mb(b, false);
  check_shapes("addmm", ma, mb);
  Tensor target, y;
  {
    GradModeGuard off(false);
    target = expand(input, {ma.rows, mb.cols});
    y = empty(target.sizes(), a.dtype());
    GemmArgs args = gemm_args(ma, a->data, mb, b->data, y);
    args.alpha = alpha.to_double();
    bool row = target.stride(0) == 0 || ma.rows == 1;
    if (row && beta.to_double() == 1) {
      args.bias = input->data;
      args.bias_stride = target.stride(1);
    } else if (beta.to_double() != 0) {
      copy_data(y, target);
      args.beta = beta.to_double();
    }
    gemm(a.dtype(), args);
  }
  if (grad_enabled() && (input.requires_grad() || a.requires_grad() || b.requires_grad())) {
    Saved s(a, b);
    record<AddmmBackward>(y, {&input, &a, &b}, {s.a, s.b}, {false, beta, alpha});
  }
  return y;
}

namespace {
void check_bias_dtype(const Tensor& x, const Tensor& bias) {
  PF_CHECK(bias.dtype() == x.dtype(), Runtime,
           "linear: self and mat2 must have the same dtype, but got ", dtype_name(bias.dtype()),
           " and ", dtype_name(x.dtype()), " for bias and input");
}
}  // namespace

Tensor linear_values(const Tensor& x, const Tensor& w, const Tensor& bias,
                     kernels::Epilogue epilogue) {
  check_dtypes("linear", x, w);
  if (bias.defined()) check_bias_dtype(x, bias);
  return rows_times_matrix("linear", x, w, true, bias.defined() ? &bias : nullptr, epilogue);
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  PF_CHECK(x.dim() > 0 && w.dim() > 0, Runtime,
           "linear: input and weight need at least one dimension, got shapes ",
           to_string(x.sizes()), " and ", to_string(w.sizes()));
  check_dtypes("linear", x, w);
  if (__builtin_expect(w.dim() != 2, 0)) {
    PF_CHECK(w.dim() == 1, Runtime, "linear: weight must have shape [out, in], got ",
             to_string(w.sizes()));
    Tensor y = matmul(x, w);
    return bias.defined() ? add(y, bias) : y;
  }
  if (!bias.defined()) return matrix_product(x, false, w, true);
  check_bias_dtype(x, bias);
  bool fits = bias.dim() <= 1 && (bias.numel() == 1 || bias.numel() == w.size(0));
  if (__builtin_expect(!fits, 0)) {
    PF_CHECK(bias.dim() > 1, Runtime, "linear: The expanded size of the tensor (", w.size(0),
             ") must match the existing size (", bias.numel(),
             ") at non-singleton dimension 1; bias has shape ", to_string(bias.sizes()));
    return add(matrix_product(x, false, w, true), bias);
  }
  Tensor y = rows_times_matrix("linear", x, w, true, &bias);
  if (grad_enabled() && (x.requires_grad() || w.requires_grad() || bias.requires_grad())) {
    Saved s(x, w);
    record<AddmmBackward>(y, {&bias, &x, &w}, {s.a, s.b}, {true, Scalar(1), Scalar(1)});
  }
  return y;
}

namespace {
constexpr uint32_t kBoth = kFunction | kMethod;
PF_OP(matmul, "matmul(Tensor input, Tensor other) -> Tensor", kBoth,
      "Matrix product of the last two dimensions; leading dimensions broadcast, vectors are rows "
      "or columns.")
PF_OP(mm, "mm(Tensor input, Tensor mat2) -> Tensor", kBoth, "Product of two matrices.")
PF_OP(bmm, "bmm(Tensor input, Tensor mat2) -> Tensor", kBoth,
      "Products of two batches of matrices, pair by pair.")
PF_OP(mv, "mv(Tensor input, Tensor vec) -> Tensor", kBoth, "Product of a matrix and a vector.")
PF_OP(dot, "dot(Tensor input, Tensor other) -> Tensor", kBoth,
      "Sum of the products of two vectors' elements.")
PF_OP(outer, "outer(Tensor input, Tensor vec2) -> Tensor", kBoth,
      "All products of an element of one vector and one of the other.")
PF_OP(addmm,
      "addmm(Tensor input, Tensor mat1, Tensor mat2, *, Number beta=1, Number alpha=1) -> Tensor",
      kBoth | kInplace, "beta * input + alpha * mat1 @ mat2; with beta 0 input is not read.")
PF_OP(linear, "linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", kNN,
      "input @ weight.T + bias.")
}  // namespace
}  // namespace pyforge::ops
