// Triangular systems and LU factors: small diagonal blocks by substitution, the rest by gemm.
#include <cmath>

#include "autograd/node.h"
#include "core/gil.h"
#include "ops/gemm_driver.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

constexpr int64_t kBlock = 32;

// A matrix in memory.
template <class T>
struct Place {
  T* data;
  int64_t row, col;  // strides
  T& operator()(int64_t i, int64_t j) const { return data[i * row + j * col]; }
};

// C[m, n] -= A[m, k] B[k, n]
template <class T>
void subtract_product(int64_t m, int64_t n, int64_t k, Place<T> a, Place<T> b, Place<T> c) {
  if (m == 0 || n == 0 || k == 0) return;
  gemm(dtype_of<T>::value, {m, n, k, a.data, a.row, a.col, b.data, b.row, b.col, c.data, c.row,
                            c.col, -1.0, 1.0, nullptr, 0, kernels::Epilogue::None});
}

template <class T>
Place<T> at(Place<T> m, int64_t i, int64_t j) {
  return {&m(i, j), m.row, m.col};
}

// X [n, k], rows contiguous, becomes A^-1 X; A is lower or upper triangular.
template <class T>
void substitute(Place<T> a, int64_t n, T* x, int64_t k, bool upper, bool unit) {
  Place<T> rows{x, k, 1};
  for (int64_t done = 0; done < n; done += kBlock) {
    int64_t size = std::min(kBlock, n - done), first = upper ? n - done - size : done;
    if (upper)
      subtract_product(size, k, done, at(a, first, first + size), at(rows, first + size, 0),
                       at(rows, first, 0));
    else
      subtract_product(size, k, done, at(a, first, 0), rows, at(rows, first, 0));
    for (int64_t step = 0; step < size; ++step) {
      int64_t i = upper ? first + size - 1 - step : first + step;
      T* y = x + i * k;
      for (int64_t j = upper ? i + 1 : first; j < (upper ? first + size : i); ++j) {
        T factor = a(i, j);
        const T* known = x + j * k;
        for (int64_t c = 0; c < k; ++c) y[c] -= factor * known[c];
      }
      if (unit) continue;
      T pivot = a(i, i);
      for (int64_t c = 0; c < k; ++c) y[c] /= pivot;
    }
  }
}

IntSpan batch_of(const Tensor& t) { return {t.sizes().begin(), t.dim() - 2}; }

Tensor solve_lower_or_upper(const Tensor& a, const Tensor& b, bool upper, bool unit);

struct SolveTriangularBackward {
  static constexpr const char* kName = "LinalgSolveTriangularBackward0";
  bool upper, unit;
  static void backward(Node& n, SolveTriangularBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor x = n.saved(1);
    Tensor g = solve_lower_or_upper(transpose(n.saved(0), -2, -1), in[0], !p.upper, p.unit);
    if (n.needs(1)) out[1] = g;
    if (!n.needs(0)) return;
    Tensor ga = neg(matmul(g, transpose(x, -2, -1)));
    out[0] = p.upper ? triu(ga, p.unit) : tril(ga, p.unit ? -1 : 0);
  }
};

// a [*, n, n] and b [*, n, k] of one batch shape.
Tensor solve_lower_or_upper(const Tensor& a, const Tensor& b, bool upper, bool unit) {
  Tensor x = empty(b.sizes(), b.dtype());
  copy_data(x, b);
  int64_t ndim = b.dim(), n = b.size(ndim - 2), k = b.size(ndim - 1);
  if (x.numel()) {
    GradModeGuard off(false);
    Tensor rows = a;
    if (a.dim() > 2) rows = contiguous(a);
    with_float(b.dtype(), [&](auto zero) {
      using T = decltype(zero);
      int64_t batches = x.numel() / (n * k);
      for (int64_t i = 0; i < batches; ++i)
        substitute(
            Place<T>{rows.data<T>() + i * n * n, rows.stride(ndim - 2), rows.stride(ndim - 1)}, n,
            x.data<T>() + i * n * k, k, upper, unit);
    });
  }
  record<SolveTriangularBackward>(x, {&a, &b}, {&a, &x}, {upper, unit});
  return x;
}

void check_matrices(const char* op, const Tensor& t, const char* name) {
  PF_CHECK(t.dtype() == DType::Float32 || t.dtype() == DType::Float64, Runtime, op,
           ": Expected a floating point tensor of float32 or float64 as input. Got ",
           dtype_name(t.dtype()));
  PF_CHECK(t.dim() >= 2, Runtime, op, ": The input tensor ", name,
           " must have at least 2 dimensions.");
}

Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left,
                        bool unitriangular) {
  const char* op = "linalg.solve_triangular";
  check_matrices(op, a, "A");
  check_matrices(op, b, "B");
  PF_CHECK(a.dtype() == b.dtype(), Runtime, op,
           ": Expected A and B to have the same dtype, but found A of type ", dtype_name(a.dtype()),
           " and B of type ", dtype_name(b.dtype()), " instead");
  int64_t n = a.size(a.dim() - 1);
  PF_CHECK(a.size(a.dim() - 2) == n, Runtime, op,
           ": A must be batches of square matrices, but they are ", a.size(a.dim() - 2), " by ", n,
           " matrices");
  PF_CHECK(b.size(b.dim() - (left ? 2 : 1)) == n, Runtime, op,
           ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
           n, "x", n, " and ", b.size(b.dim() - 2), "x", b.size(b.dim() - 1), ")");
  Dims batch = broadcast_shapes(op, batch_of(a), batch_of(b)), wide_a(batch), wide_b(batch);
  wide_a.push_back(n);
  wide_a.push_back(n);
  wide_b.push_back(b.size(b.dim() - 2));
  wide_b.push_back(b.size(b.dim() - 1));
  Tensor x = a.sizes() == wide_a ? a : expand(a, wide_a),
         y = b.sizes() == wide_b ? b : expand(b, wide_b);
  if (left) return solve_lower_or_upper(x, y, upper, unitriangular);
  return transpose(
      solve_lower_or_upper(transpose(x, -2, -1), transpose(y, -2, -1), !upper, unitriangular), -2,
      -1);
}

// LU with partial pivoting of a [m, n], row-major, in place: Golub and Van Loan, 3.4 and 3.6.
// Returns the number (from 1) of the first pivot that is zero, or 0.
template <class T>
int32_t factor(T* data, int64_t m, int64_t n, int32_t* pivots, bool pivot) {
  Place<T> a{data, n, 1};
  int64_t k = std::min(m, n);
  int32_t info = 0;
  for (int64_t first = 0; first < k; first += kBlock) {
    int64_t last = std::min(first + kBlock, k);
    for (int64_t j = first; j < last; ++j) {
      int64_t best = j;
      for (int64_t i = j + 1; pivot && i < m; ++i)
        if (std::abs(a(i, j)) > std::abs(a(best, j))) best = i;
      pivots[j] = static_cast<int32_t>(best + 1);
      if (best != j) std::swap_ranges(&a(j, 0), &a(j, 0) + n, &a(best, 0));
      T head = a(j, j);
      if (head == 0) {
        if (!info) info = static_cast<int32_t>(j + 1);
        continue;
      }
      for (int64_t i = j + 1; i < m; ++i) {
        T factor = a(i, j) /= head;
        for (int64_t c = j + 1; c < last; ++c) a(i, c) -= factor * a(j, c);
      }
    }
    for (int64_t i = first; i < last; ++i)
      for (int64_t j = first; j < i; ++j) {
        T factor = a(i, j);
        for (int64_t c = last; c < n; ++c) a(i, c) -= factor * a(j, c);
      }
    if (last < m && last < n)
      subtract_product(m - last, n - last, last - first, at(a, last, first), at(a, first, last),
                       at(a, last, last));
  }
  return info;
}

std::vector<Tensor> lu_pack(const Tensor& input, bool pivot) {
  const char* op = "linalg.lu_factor";
  check_matrices(op, input, "A");
  GradModeGuard off(false);
  int64_t m = input.size(input.dim() - 2), n = input.size(input.dim() - 1), k = std::min(m, n);
  Tensor lu = empty(input.sizes(), input.dtype());
  copy_data(lu, input);
  Dims batch(batch_of(input)), pivot_sizes(batch);
  pivot_sizes.push_back(k);
  Tensor pivots = empty(pivot_sizes, DType::Int32), info = zeros(batch, DType::Int32);
  if (lu.numel())
    with_float(input.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t i = 0; i < info.numel(); ++i)
        info.data<int32_t>()[i] =
            factor(lu.data<T>() + i * m * n, m, n, pivots.data<int32_t>() + i * k, pivot);
    });
  return {lu, pivots, info};
}

PF_OP(solve_triangular,
      "linalg_solve_triangular(Tensor A, Tensor B, *, bool upper, bool left=True, bool "
      "unitriangular=False) -> Tensor",
      kNN,
      "X with A X = B (X A = B without `left`), A triangular [*, n, n]; the other triangle is not "
      "read, nor the diagonal with `unitriangular`. What linalg.solve_triangular is.")
PF_OP(lu_pack,
      "linalg_lu_pack(Tensor A, *, bool pivot=True) -> (Tensor LU, Tensor pivots, Tensor info)",
      kNN,
      "Both factors of LU with partial pivoting in one matrix, row exchanges from 1 (int32), and "
      "the first zero pivot from 1 or 0; without history. What linalg.lu_factor is made of.")

}  // namespace
}  // namespace pyforge::ops
