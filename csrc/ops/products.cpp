// Products made of matmul's: with an added input, of vectors, Kronecker, cross, and distances.
#include <cmath>

#include "autograd/node.h"
#include "ops/gemm_driver.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// beta * input + alpha * product; with beta 0 input is not read.
Tensor blend(const char* op, const Tensor& input, Scalar beta, const Tensor& product,
             Scalar alpha) {
  PF_CHECK(input.dtype() == product.dtype(), Runtime, op,
           ": self and the other arguments must have the same dtype, but got ",
           dtype_name(input.dtype()), " and ", dtype_name(product.dtype()));
  PF_CHECK(
      is_floating(product.dtype()) || (beta.kind != Scalar::Float && alpha.kind != Scalar::Float),
      Runtime, op,
      ": For integral input tensors, arguments beta and alpha must not be floating point "
      "numbers.");
  Tensor y = alpha.to_double() == 1 ? product : mul(product, alpha);
  Tensor x = expand(input, product.sizes());
  if (beta.to_double() == 0) {
    // Nothing of the input's values, but a gradient of zeros.
    if (!grad_enabled() || !input.requires_grad()) return y;
    return add(y, where(zeros(x.sizes(), DType::Bool), x, Scalar(0)));
  }
  return add(beta.to_double() == 1 ? x : mul(x, beta), y);
}

Tensor addmv(const Tensor& input, const Tensor& mat, const Tensor& vec, Scalar beta, Scalar alpha) {
  PF_CHECK(mat.dim() == 2 && vec.dim() == 1, Runtime,
           "addmv: vector + matrix @ vector expected, got ", input.dim(), ", ", mat.dim(), ", ",
           vec.dim());
  PF_CHECK(mat.size(1) == vec.size(0), Runtime, "addmv: size mismatch, got input (", input.numel(),
           "), mat (", mat.size(0), "x", mat.size(1), "), vec (", vec.size(0), ")");
  return blend("addmv", input, beta, mv(mat, vec), alpha);
}

Tensor addr(const Tensor& input, const Tensor& vec1, const Tensor& vec2, Scalar beta,
            Scalar alpha) {
  PF_CHECK(vec1.dim() == 1 && vec2.dim() == 1, Runtime, "addr: Expected 1-D argument ",
           vec1.dim() == 1 ? "vec2" : "vec1", ", but got ",
           vec1.dim() == 1 ? vec2.dim() : vec1.dim(), "-D");
  return blend("addr", input, beta, outer(vec1, vec2), alpha);
}

Tensor addbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2, Scalar beta,
              Scalar alpha) {
  Tensor products = bmm(batch1, batch2);
  int64_t first = 0;
  return blend("addbmm", input, beta,
               sum_dims(products, IntSpan(&first, 1), false, products.dtype()), alpha);
}

struct BaddbmmBackward {
  static constexpr const char* kName = "BaddbmmBackward0";
  Scalar beta, alpha;
  static void backward(Node& n, BaddbmmBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    auto scaled = [&](const Scalar& by) { return by.to_double() == 1 ? in[0] : mul(in[0], by); };
    if (n.needs(0)) out[0] = scaled(p.beta);
    if (!n.needs(1) && !n.needs(2)) return;
    Tensor g = scaled(p.alpha);
    if (n.needs(1)) out[1] = product(g, false, n.saved(1), true);
    if (n.needs(2)) out[2] = product(n.saved(0), true, g, false);
  }
};

// C [*, m, n] = beta C + alpha A B for contiguous C and batches [b, ., .] of A and B.
void add_products(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  int64_t m = a.size(1), k = a.size(2), n = b.size(2);
  gemm_batched(
      c.dtype(),
      {m, n, k, a->data, a.stride(1), a.stride(2), b->data, b.stride(1), b.stride(2), c->data, n, 1,
       alpha.to_double(), beta.to_double(), nullptr, 0, kernels::Epilogue::None},
      a.size(0), a.stride(0), b.stride(0), m * n);
}

Tensor baddbmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  bool plain = a.dim() == 3 && b.dim() == 3 && a.size(0) == b.size(0) && a.size(2) == b.size(1) &&
               is_floating(a.dtype()) && a.dtype() == b.dtype() && a.dtype() == input.dtype();
  if (!plain) return blend("baddbmm", input, beta, bmm(a, b), alpha);
  Tensor y = empty({a.size(0), a.size(1), b.size(2)}, a.dtype());
  {
    GradModeGuard off(false);
    Tensor x = expand(input, y.sizes());
    if (beta.to_double() != 0) copy_data(y, x);
    if (y.numel()) add_products(y, a, b, beta, alpha);
  }
  record<BaddbmmBackward>(y, {&input, &a, &b}, {&a, &b}, {beta, alpha});
  return y;
}

Tensor vdot(const Tensor& a, const Tensor& b) { return dot(a, b); }
Tensor ger(const Tensor& a, const Tensor& b) { return outer(a, b); }
Tensor adjoint(const Tensor& t) {
  PF_CHECK(
      t.dim() != 1, Runtime,
      "tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor.");
  return t.dim() ? transpose(t, -2, -1) : t;
}
Tensor mH(const Tensor& t) { return adjoint(t); }
Tensor H(const Tensor& t) {
  PF_CHECK(t.dim() == 0 || t.dim() == 2, Runtime,
           "tensor.H is only supported on matrices (2-D tensors). Got ", t.dim(),
           "-D tensor. For batches of matrices, consider using tensor.mH");
  return adjoint(t);
}

Tensor inner(const Tensor& a, const Tensor& b) {
  PF_CHECK(a.dtype() == b.dtype(), Runtime,
           "inner: expected both tensors to have the same dtype, but got ", dtype_name(a.dtype()),
           " and ", dtype_name(b.dtype()));
  if (a.dim() == 0 || b.dim() == 0) return mul(a, b);
  int64_t n = a.sizes().back();
  PF_CHECK(n == b.sizes().back(), Runtime,
           "inner() the last dimension must match on both input tensors but got shapes ",
           to_string(a.sizes()), " and ", to_string(b.sizes()));
  if (a.dim() == 1 && b.dim() == 1) return dot(a, b);
  Dims sizes(a.sizes());
  sizes.pop_back();
  int64_t rows = count(sizes), columns = 1;
  for (int64_t d = 0; d + 1 < b.dim(); ++d) {
    sizes.push_back(b.size(d));
    columns *= b.size(d);
  }
  return reshape(mm(reshape(a, {rows, n}), t(reshape(b, {columns, n}))), sizes);
}

Tensor kron(const Tensor& a, const Tensor& b) {
  int64_t ndim = std::max(a.dim(), b.dim());
  Dims wide_a, wide_b, sizes;
  for (int64_t d = 0; d < ndim; ++d) {
    int64_t da = d - ndim + a.dim(), db = d - ndim + b.dim();
    int64_t na = da < 0 ? 1 : a.size(da), nb = db < 0 ? 1 : b.size(db), total;
    PF_CHECK(!__builtin_mul_overflow(na, nb, &total), Runtime, "kron: dimension ", d,
             " overflows int64");
    wide_a.push_back(na);
    wide_a.push_back(1);
    wide_b.push_back(1);
    wide_b.push_back(nb);
    sizes.push_back(total);
  }
  return reshape(mul(reshape(a, wide_a), reshape(b, wide_b)), sizes);
}

Tensor cross_last(const Tensor& a, const Tensor& b);

struct CrossBackward {
  static constexpr const char* kName = "LinalgCrossBackward0";
  static void backward(Node& n, CrossBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = cross_last(n.saved(1), in[0]);
    if (n.needs(1)) out[1] = cross_last(in[0], n.saved(0));
  }
};

// a and b of one shape [*, 3] and one dtype, float32 or float64.
Tensor cross_last(const Tensor& a, const Tensor& b) {
  Tensor y = empty(a.sizes(), a.dtype());
  {
    GradModeGuard off(false);
    Tensor left = contiguous(a), right = contiguous(b);
    with_float(a.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T *u = left.data<T>(), *v = right.data<T>();
      T* to = y.data<T>();
      for (int64_t i = 0; i < y.numel(); i += 3) {
        to[i] = u[i + 1] * v[i + 2] - u[i + 2] * v[i + 1];
        to[i + 1] = u[i + 2] * v[i] - u[i] * v[i + 2];
        to[i + 2] = u[i] * v[i + 1] - u[i + 1] * v[i];
      }
    });
  }
  record<CrossBackward>(y, {&a, &b}, {&a, &b}, {});
  return y;
}

Tensor cross_dim(const char* op, const Tensor& a, const Tensor& b, int64_t dim) {
  PF_CHECK(a.dim() == b.dim(), Runtime, op,
           ": inputs must have the same number of dimensions, got ", a.dim(), " and ", b.dim());
  int64_t d = wrap_dim(op, dim, a.dim());
  PF_CHECK(a.dim() && a.size(d) == 3 && b.size(d) == 3, Runtime, op, ": inputs dimension ", dim,
           " must have length 3. Got ", a.dim() ? a.size(d) : 0, " and ", a.dim() ? b.size(d) : 0);
  Dims sizes = broadcast_shapes(op, a.sizes(), b.sizes());
  if (a.dtype() == b.dtype() && is_floating(a.dtype()) && !is_half(a.dtype())) {
    Tensor x = expand(a, sizes), y = expand(b, sizes);
    if (d == a.dim() - 1) return cross_last(x, y);
    return contiguous(transpose(cross_last(transpose(x, d, -1), transpose(y, d, -1)), d, -1));
  }
  return sub(mul(roll(a, {-1}, {d}), roll(b, {-2}, {d})),
             mul(roll(a, {-2}, {d}), roll(b, {-1}, {d})));
}

Tensor cross(const Tensor& a, const Tensor& b, std::optional<int64_t> dim) {
  if (dim) return cross_dim("linalg.cross", a, b, *dim);
  Dims sizes = broadcast_shapes("linalg.cross", a.sizes(), b.sizes());
  for (int64_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] == 3) return cross_dim("linalg.cross", a, b, d);
  raise(ErrorKind::Runtime, "cross: no dimension of size 3 in input, got shapes ",
        to_string(a.sizes()), " and ", to_string(b.sizes()));
}

Tensor linalg_cross(const Tensor& a, const Tensor& b, int64_t dim) {
  return cross_dim("linalg.cross", a, b, dim);
}

// d = |x_i - y_j|; the gradient of d is (x - y) / d, and 0 where d is 0.
struct EuclideanDistBackward {
  static constexpr const char* kName = "EuclideanDistBackward0";
  static void backward(Node& n, EuclideanDistBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor x = n.saved(0), y = n.saved(1), d = n.saved(2);
    Tensor zero = eq(d, 0);
    Tensor w = masked_fill(div(in[0], masked_fill(d, zero, Scalar(1))), zero, Scalar(0));
    int64_t last = -1;
    IntSpan over(&last, 1);
    if (n.needs(0)) out[0] = sub(mul(x, sum_dims(w, over, true, std::nullopt)), matmul(w, y));
    if (!n.needs(1)) return;
    Tensor wt = transpose(w, -2, -1);
    out[1] = sub(mul(y, sum_dims(wt, over, true, std::nullopt)), matmul(wt, x));
  }
};

Tensor pairwise(const Tensor& x, const Tensor& y, double p) {
  int64_t last = -1;
  return norm(sub(unsqueeze(x, -2), unsqueeze(y, -3)), p, IntSpan(&last, 1), false, std::nullopt);
}

// |x|^2 + |y|^2 - 2 x y, for sizes where the product pays. x and y of one batch shape.
Tensor euclidean_by_product(const Tensor& x, const Tensor& y) {
  int64_t last = -1;
  IntSpan over(&last, 1);
  Tensor xx = sum_dims(square(x), over, true, std::nullopt),
         yy = sum_dims(square(y), over, true, std::nullopt);
  Tensor d2 = contiguous(add(xx, transpose(yy, -2, -1)));
  int64_t rows = x.size(x.dim() - 2), columns = y.size(y.dim() - 2), width = x.sizes().back(),
          batch = d2.numel() / (rows * columns);
  add_products(d2, reshape(x, {batch, rows, width}),
               transpose(reshape(y, {batch, columns, width}), 1, 2), Scalar(1), Scalar(-2));
  return sqrt(maximum(d2, zeros({}, d2.dtype())));
}

Tensor cdist(const Tensor& a, const Tensor& b, double p, std::optional<std::string_view> mode) {
  PF_CHECK(a.dim() >= 2, Runtime, "cdist only supports at least 2D tensors, X1 got: ", a.dim(),
           "D");
  PF_CHECK(b.dim() >= 2, Runtime, "cdist only supports at least 2D tensors, X2 got: ", b.dim(),
           "D");
  PF_CHECK(is_floating(a.dtype()) && a.dtype() == b.dtype(), Runtime,
           "cdist only supports floating-point dtypes, X1 and X2 of the same, got ",
           dtype_name(a.dtype()), " and ", dtype_name(b.dtype()));
  PF_CHECK(a.sizes().back() == b.sizes().back(), Runtime,
           "cdist: X1 and X2 must have the same number of columns. X1: ", a.sizes().back(),
           " X2: ", b.sizes().back());
  PF_CHECK(p >= 0, Runtime, "cdist only supports non-negative p values, got ", p);
  std::string_view how = mode.value_or("use_mm_for_euclid_dist_if_necessary");
  bool always = how == "use_mm_for_euclid_dist", never = how == "donot_use_mm_for_euclid_dist";
  PF_CHECK(always || never || how == "use_mm_for_euclid_dist_if_necessary", Value,
           "cdist: ", std::string(how), " is not a valid value for compute_mode");
  if (is_half(a.dtype()))  // differences of squares cancel: in float32, rounded once
    return to(cdist(to(a, DType::Float32), to(b, DType::Float32), p, mode), a.dtype());
  IntSpan batch_a(a.sizes().begin(), a.dim() - 2), batch_b(b.sizes().begin(), b.dim() - 2);
  Dims sizes = broadcast_shapes("cdist", batch_a, batch_b), batch(sizes);
  int64_t rows = a.size(a.dim() - 2), columns = b.size(b.dim() - 2), width = a.sizes().back();
  sizes.push_back(rows);
  sizes.push_back(columns);
  Dims wide_a(batch), wide_b(batch);
  for (int64_t n : {rows, width}) wide_a.push_back(n);
  for (int64_t n : {columns, width}) wide_b.push_back(n);
  Tensor x = expand(a, wide_a), y = expand(b, wide_b);
  if (p != 2) return pairwise(x, y, p);
  Tensor d;
  {
    GradModeGuard off(false);
    bool by_product = (always || (!never && (rows > 25 || columns > 25))) && count(sizes) > 0 &&
                      !is_half(x.dtype());
    d = by_product ? euclidean_by_product(x, y) : pairwise(x, y, 2);
  }
  record<EuclideanDistBackward>(d, {&x, &y}, {&x, &y, &d}, {});
  return d;
}

constexpr uint32_t kBoth = kFunction | kMethod, kAll = kBoth | kInplace;

PF_OP(addmv,
      "addmv(Tensor input, Tensor mat, Tensor vec, *, Number beta=1, Number alpha=1) -> Tensor",
      kAll, "beta * input + alpha * mat @ vec; with beta 0 input is not read.")
PF_OP(addr,
      "addr(Tensor input, Tensor vec1, Tensor vec2, *, Number beta=1, Number alpha=1) -> Tensor",
      kAll, "beta * input + alpha * outer(vec1, vec2); with beta 0 input is not read.")
PF_OP(addbmm,
      "addbmm(Tensor input, Tensor batch1, Tensor batch2, *, Number beta=1, Number alpha=1) -> "
      "Tensor",
      kAll, "beta * input + alpha * the sum of the products of two batches of matrices.")
PF_OP(baddbmm,
      "baddbmm(Tensor input, Tensor batch1, Tensor batch2, *, Number beta=1, Number alpha=1) -> "
      "Tensor",
      kAll, "beta * input + alpha * bmm(batch1, batch2); with beta 0 input is not read.")
PF_OP(vdot, "vdot(Tensor input, Tensor other) -> Tensor", kBoth,
      "Sum of the products of two vectors' elements.")
PF_OP(ger, "ger(Tensor input, Tensor vec2) -> Tensor", kBoth, "The same as outer.")
PF_OP(inner, "inner(Tensor input, Tensor other) -> Tensor", kBoth,
      "Sums of products over the last dimension of both: shape input[:-1] + other[:-1].")
PF_OP(kron, "kron(Tensor input, Tensor other) -> Tensor", kBoth,
      "Kronecker product: each element of `input` times all of `other`, in blocks.")
PF_OP(cross, "cross(Tensor input, Tensor other, int? dim=None) -> Tensor", kBoth,
      "Cross product along `dim` of size 3, by default the first such dimension.")
PF_OP(linalg_cross, "linalg_cross(Tensor input, Tensor other, *, int dim=-1) -> Tensor", kNN,
      "Cross product along `dim` of size 3; what linalg.cross is.")
PF_OP(cdist, "cdist(Tensor x1, Tensor x2, float p=2.0, str? compute_mode=None) -> Tensor",
      kFunction,
      "p-norm distances of every row of x1 to every row of x2, batches broadcast; for p = 2 and "
      "more than 25 rows by a matrix product, unless compute_mode forbids it.")
PF_OP(adjoint, "adjoint(Tensor input) -> Tensor", kBoth,
      "A view with the last two dimensions exchanged.")
PF_OP(mH, "mH(Tensor input) -> Tensor", kProperty, "A view with the last two dimensions exchanged.")
PF_OP(H, "H(Tensor input) -> Tensor", kProperty, "The transposed matrix as a view.")

}  // namespace
}  // namespace pyforge::ops
