// Square systems, inverses, Cholesky factors and determinants. Derivatives: M. Giles, "An extended
// collection of matrix derivative results for forward and reverse mode algorithmic
// differentiation" (2008), sections 2.2 and 2.3; Cholesky: I. Murray, "Differentiation of the
// Cholesky decomposition" (2016), eq. 10.
#include <cmath>

#include "autograd/node.h"
#include "ops/dense.h"
#include "ops/linalg.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

Tensor mT(const Tensor& t) { return transpose(t, -2, -1); }

struct Factors {
  Tensor lu, pivots, info;
};

Factors factorize(const Tensor& input, bool pivot) {
  GradModeGuard off(false);
  int64_t m = input.size(input.dim() - 2), n = input.size(input.dim() - 1), k = std::min(m, n);
  Factors f{empty(input.sizes(), input.dtype()), Tensor(), zeros(batch_of(input), DType::Int32)};
  copy_data(f.lu, input);
  Dims pivot_sizes(batch_of(input));
  pivot_sizes.push_back(k);
  f.pivots = empty(pivot_sizes, DType::Int32);
  if (f.lu.numel())
    with_float(input.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t i = 0; i < f.info.numel(); ++i)
        f.info.data<int32_t>()[i] =
            lu_in_place(f.lu.data<T>() + i * m * n, m, n, f.pivots.data<int32_t>() + i * k, pivot);
    });
  return f;
}

// A^-1 B or A^-T B of one batch shape, without history.
Tensor solve_with(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool transposed) {
  GradModeGuard off(false);
  Tensor x = empty(b.sizes(), b.dtype());
  copy_data(x, b);
  int64_t n = b.size(b.dim() - 2), k = b.size(b.dim() - 1);
  if (x.numel())
    with_float(b.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t i = 0; i < x.numel() / (n * k); ++i)
        lu_substitute(lu.data<T>() + i * n * n, pivots.data<int32_t>() + i * n, n,
                      x.data<T>() + i * n * k, k, transposed);
    });
  return x;
}

std::tuple<Tensor, Tensor> solve_left(const Tensor& a, const Tensor& b);

struct SolveBackward {
  static constexpr const char* kName = "LinalgSolveExBackward0";
  static void backward(Node& n, SolveBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor g = grad_enabled() ? std::get<0>(solve_left(mT(n.saved(0)), in[0]))
                              : solve_with(n.saved(2), n.saved(3), in[0], true);
    if (n.needs(1)) out[1] = g;
    if (n.needs(0)) out[0] = neg(matmul(g, mT(n.saved(1))));
  }
};

// a [*, n, n] and b [*, n, k] of one batch shape.
std::tuple<Tensor, Tensor> solve_left(const Tensor& a, const Tensor& b) {
  Factors f = factorize(a, true);
  Tensor x = solve_with(f.lu, f.pivots, b, false);
  record<SolveBackward>(x, {&a, &b}, {&a, &x, &f.lu, &f.pivots}, {});
  return {x, f.info};
}

struct InverseBackward {
  static constexpr const char* kName = "LinalgInvExBackward0";
  static void backward(Node& n, InverseBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor yt = mT(n.saved(0));
    out[0] = neg(matmul(matmul(yt, in[0]), yt));
  }
};

Tensor identities(const Tensor& a) {
  Tensor y = zeros(a.sizes(), a.dtype());
  fill_data(diagonal(y, 0, -2, -1), Scalar(1));
  return y;
}

}  // namespace

std::tuple<Tensor, Tensor> inv_ex(const Tensor& a) {
  check_matrices("linalg.inv", a, "A", true);
  Tensor y;
  Factors f;
  {
    GradModeGuard off(false);
    f = factorize(a, true);
    y = solve_with(f.lu, f.pivots, identities(a), false);
  }
  record<InverseBackward>(y, {&a}, {&y}, {});
  return {y, f.info};
}

std::tuple<Tensor, Tensor> solve_ex(const Tensor& a, const Tensor& b, bool left) {
  const char* op = "linalg.solve";
  check_matrices(op, a, "A", true);
  PF_CHECK(a.dtype() == b.dtype(), Runtime, op,
           ": Expected A and B to have the same dtype, but found A of type ", dtype_name(a.dtype()),
           " and B of type ", dtype_name(b.dtype()), " instead");
  IntSpan vectors(a.sizes().begin(), a.dim() - 1);
  bool vector = b.dim() == 1 || (b.dim() == a.dim() - 1 && b.sizes() == vectors);
  PF_CHECK(left || !vector, Runtime, op,
           ": Vector broadcasting of the left hand side is not supported for left=False. In this "
           "case linalg.solve is equivalent to B / A.squeeze(-1)");
  int64_t n = a.size(a.dim() - 1);
  Tensor y = vector ? unsqueeze(b, -1) : b;
  PF_CHECK(y.dim() >= 2 && y.size(y.dim() - (left ? 2 : 1)) == n, Runtime, op,
           ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
           n, "x", n, " and ", y.dim() > 1 ? y.size(y.dim() - 2) : 0, "x",
           y.dim() ? y.sizes().back() : 0, ")");
  Dims batch = broadcast_shapes(op, batch_of(a), batch_of(y));
  Tensor x = with_batch(a, batch);
  y = with_batch(y, batch);
  auto [result, info] = left ? solve_left(x, y) : solve_left(mT(x), mT(y));
  return {vector ? squeeze_dims(result, {-1}) : left ? result : mT(result), info};
}

namespace {

struct CholeskyBackward {
  static constexpr const char* kName = "LinalgCholeskyExBackward0";
  static void backward(Node& n, CholeskyBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor low = n.saved(0), up = mT(low), middle = tril(matmul(up, in[0]), 0);
    // Half of the diagonal, then L^-T middle L^-1.
    middle = sub(middle, mul(tril(triu(middle, 0), 0), Scalar(0.5)));
    Tensor s = solve_triangular_left(up, middle, true, false);
    s = mT(solve_triangular_left(up, mT(s), true, false));
    out[0] = mul(add(s, mT(s)), Scalar(0.5));
  }
};

std::tuple<Tensor, Tensor> cholesky_ex(const Tensor& input, bool upper) {
  check_matrices("linalg.cholesky", input, "A", true);
  Tensor a = upper ? mT(input) : input, low, info;
  {
    GradModeGuard off(false);
    info = zeros(batch_of(a), DType::Int32);
    Tensor up = contiguous(mT(a));
    if (up->storage.get() == a->storage.get()) up = clone(up);
    int64_t n = a.size(a.dim() - 1);
    with_float(a.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t i = 0; i < info.numel() && n; ++i)
        info.data<int32_t>()[i] = cholesky_in_place(up.data<T>() + i * n * n, n);
    });
    low = tril(mT(up), 0);
  }
  record<CholeskyBackward>(low, {&a}, {&low}, {});
  return {upper ? mT(low) : low, info};
}

struct SlogdetBackward {
  static constexpr const char* kName = "LinalgSlogdetBackward0";
  static void backward(Node& n, SlogdetBackward&, Tensor* in, Tensor* out) {
    if (!in[1].defined()) return;  // the sign is a step function
    auto [inverse, info] = inv_ex(n.saved(0));
    PF_CHECK(!any_nonzero(info), Runtime,
             "slogdet: the derivative of log|det| is not finite, because the input matrix is "
             "singular");
    out[0] = mul(unsqueeze(unsqueeze(in[1], -1), -1), mT(inverse));
  }
  static bool any_nonzero(const Tensor& info) {
    for (int64_t i = 0; i < info.numel(); ++i)
      if (info.data<int32_t>()[i]) return true;
    return false;
  }
};

// f(sign, log|det|, det) of each matrix, from its LU factors.
template <class F>
void for_each_determinant(const Tensor& a, F f) {
  Factors factors = factorize(a, true);
  int64_t n = a.size(a.dim() - 1);
  with_float(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < factors.info.numel(); ++i) {
      const T* lu = factors.lu.data<T>() + i * n * n;
      const int32_t* pivots = factors.pivots.data<int32_t>() + i * n;
      T sign = 1, logs = 0, product = 1;
      for (int64_t j = 0; j < n; ++j) {
        T d = lu[j * n + j];
        if (pivots[j] != j + 1) sign = -sign;
        product *= d;
        logs += std::log(std::abs(d));
        sign = d < 0 ? -sign : d == 0 ? T{0} : d > 0 ? sign : d;
      }
      int64_t exchanges = 0;
      for (int64_t j = 0; j < n; ++j) exchanges += pivots[j] != j + 1;
      f(i, sign, logs, exchanges % 2 ? -product : product);
    }
  });
}

std::tuple<Tensor, Tensor> slogdet(const Tensor& a) {
  check_matrices("linalg.slogdet", a, "A", true);
  Tensor sign = empty(batch_of(a), a.dtype()), logs = empty(batch_of(a), a.dtype());
  for_each_determinant(a, [&](int64_t i, auto s, auto l, auto) {
    using T = decltype(s);
    sign.data<T>()[i] = s;
    logs.data<T>()[i] = l;
  });
  record_many<SlogdetBackward>({sign, logs}, {a}, {a}, {});
  return {sign, logs};
}

Tensor det_values(const Tensor& a) {
  check_matrices("linalg.det", a, "A", true);
  Tensor y = empty(batch_of(a), a.dtype());
  for_each_determinant(a, [&](int64_t i, auto, auto, auto d) { y.data<decltype(d)>()[i] = d; });
  return y;
}

std::vector<Tensor> lu_pack(const Tensor& input, bool pivot) {
  check_matrices("linalg.lu_factor", input, "A", false);
  Factors f = factorize(input, pivot);
  return {f.lu, f.pivots, f.info};
}

PF_OP(inv_ex, "linalg_inv_ex(Tensor A) -> (Tensor inverse, Tensor info)", kNN,
      "Inverses of square matrices, and the first zero pivot of each from 1, or 0 (int32).")
PF_OP(solve_ex,
      "linalg_solve_ex(Tensor A, Tensor B, *, bool left=True) -> (Tensor result, Tensor info)", kNN,
      "X with A X = B (X A = B without `left`), and the first zero pivot of each A from 1, or 0 "
      "(int32).")
PF_OP(cholesky_ex, "linalg_cholesky_ex(Tensor A, *, bool upper=False) -> (Tensor L, Tensor info)",
      kNN,
      "Cholesky factors, and the order of the first leading minor that is not positive, or 0 "
      "(int32).")
PF_OP(slogdet, "linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)", kNN,
      "Sign and logarithm of the absolute value of determinants.")
PF_OP(det_values, "linalg_det_values(Tensor A) -> Tensor", kNN,
      "Determinants, without history. What linalg.det computes.")
PF_OP(lu_pack,
      "linalg_lu_pack(Tensor A, *, bool pivot=True) -> (Tensor LU, Tensor pivots, Tensor info)",
      kNN,
      "Both factors of LU with partial pivoting in one matrix, row exchanges from 1 (int32), and "
      "the first zero pivot from 1 or 0; without history. What linalg.lu_factor is made of.")

}  // namespace
}  // namespace pyforge::ops
