// Triangular systems of equations.
#include "autograd/node.h"
#include "ops/dense.h"
#include "ops/linalg.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct SolveTriangularBackward {
  static constexpr const char* kName = "LinalgSolveTriangularBackward0";
  bool upper, unit;
  static void backward(Node& n, SolveTriangularBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor x = n.saved(1);
    Tensor g = solve_triangular_left(transpose(n.saved(0), -2, -1), in[0], !p.upper, p.unit);
    if (n.needs(1)) out[1] = g;
    if (!n.needs(0)) return;
    Tensor ga = neg(matmul(g, transpose(x, -2, -1)));
    out[0] = p.upper ? triu(ga, p.unit) : tril(ga, p.unit ? -1 : 0);
  }
};

}  // namespace

void check_matrices(const char* op, const Tensor& t, const char* name, bool square) {
  PF_CHECK(!is_half(t.dtype()), Runtime, op, ": Low precision dtypes not supported. Got ",
           dtype_name(t.dtype()), "; convert with .float() first");
  PF_CHECK(is_floating(t.dtype()), Runtime, op,
           ": Expected a floating point or complex tensor as input. Got ", dtype_name(t.dtype()));
  PF_CHECK(t.dim() >= 2, Runtime, op, ": The input tensor ", name,
           " must have at least 2 dimensions.");
  int64_t rows = t.size(t.dim() - 2), columns = t.size(t.dim() - 1);
  PF_CHECK(!square || rows == columns, Runtime, op, ": ", name,
           " must be batches of square matrices, but they are ", rows, " by ", columns,
           " matrices");
}

IntSpan batch_of(const Tensor& t) { return {t.sizes().begin(), t.dim() - 2}; }

Tensor with_batch(const Tensor& t, IntSpan batch) {
  if (batch_of(t) == batch) return t;
  Dims sizes(batch);
  sizes.push_back(t.size(t.dim() - 2));
  sizes.push_back(t.size(t.dim() - 1));
  return expand(t, sizes);
}

Tensor solve_triangular_left(const Tensor& a, const Tensor& b, bool upper, bool unit) {
  Tensor x = empty(b.sizes(), b.dtype());
  copy_data(x, b);
  int64_t ndim = b.dim(), n = b.size(ndim - 2), k = b.size(ndim - 1);
  if (x.numel()) {
    GradModeGuard off(false);
    Tensor rows = a.dim() > 2 ? contiguous(a) : a;
    with_float(b.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t i = 0; i < x.numel() / (n * k); ++i)
        substitute(
            Place<T>{rows.data<T>() + i * n * n, rows.stride(ndim - 2), rows.stride(ndim - 1)}, n,
            x.data<T>() + i * n * k, k, upper, unit);
    });
  }
  record<SolveTriangularBackward>(x, {&a, &b}, {&a, &x}, {upper, unit});
  return x;
}

namespace {

Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left,
                        bool unitriangular) {
  const char* op = "linalg.solve_triangular";
  check_matrices(op, a, "A", true);
  check_matrices(op, b, "B", false);
  PF_CHECK(a.dtype() == b.dtype(), Runtime, op,
           ": Expected A and B to have the same dtype, but found A of type ", dtype_name(a.dtype()),
           " and B of type ", dtype_name(b.dtype()), " instead");
  int64_t n = a.size(a.dim() - 1);
  PF_CHECK(b.size(b.dim() - (left ? 2 : 1)) == n, Runtime, op,
           ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
           n, "x", n, " and ", b.size(b.dim() - 2), "x", b.size(b.dim() - 1), ")");
  Dims batch = broadcast_shapes(op, batch_of(a), batch_of(b));
  Tensor x = with_batch(a, batch), y = with_batch(b, batch);
  if (left) return solve_triangular_left(x, y, upper, unitriangular);
  return transpose(
      solve_triangular_left(transpose(x, -2, -1), transpose(y, -2, -1), !upper, unitriangular), -2,
      -1);
}

PF_OP(solve_triangular,
      "linalg_solve_triangular(Tensor A, Tensor B, *, bool upper, bool left=True, bool "
      "unitriangular=False) -> Tensor",
      kNN,
      "X with A X = B (X A = B without `left`), A triangular [*, n, n]; the other triangle is not "
      "read, nor the diagonal with `unitriangular`. What linalg.solve_triangular is.")

}  // namespace
}  // namespace pyforge::ops
