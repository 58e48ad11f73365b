#include "ops/reduce_driver.h"

#include <cstdlib>

#include "autograd/grad_mode.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

using kernels::kReduceBlock;
using kernels::ReduceArgs;

// A run of dimensions of one kind that one stride walks.
struct Group {
  int64_t size, stride;
  bool reduced;
};

struct Groups {
  Group g[kMaxDims];
  int n = 0;

  void add(int64_t size, int64_t stride, bool reduced) {
    if (size == 1) return;
    if (n && g[n - 1].reduced == reduced && g[n - 1].stride == stride * size) {
      g[n - 1] = {g[n - 1].size * size, stride, reduced};
    } else {
      g[n++] = {size, stride, reduced};
    }
  }
};

Groups groups_of(const Tensor& x, uint64_t mask) {
  Groups r;
  if (x.is_contiguous()) {
    int64_t size = 1, step = 1;  // from the innermost, as sizes of 1 may have any stride
    Group back[kMaxDims];
    int n = 0;
    for (int64_t d = x.dim() - 1; d >= 0; --d) {
      if (x.size(d) == 1) continue;
      bool reduced = mask >> d & 1;
      if (n && back[n - 1].reduced == reduced) {
        back[n - 1].size *= x.size(d);
      } else {
        back[n++] = {x.size(d), step, reduced};
      }
      size *= x.size(d);
      step = size;
    }
    for (int i = n - 1; i >= 0; --i) r.g[r.n++] = back[i];
    return r;
  }
  for (int64_t d = 0; d < x.dim(); ++d) r.add(x.size(d), x.stride(d), mask >> d & 1);
  bool all = true;
  for (int i = 0; i < r.n; ++i) all = all && r.g[i].reduced;
  if (all && r.n > 1) {  // the order is free: walk memory forwards
    std::stable_sort(r.g, r.g + r.n, [](const Group& a, const Group& b) {
      return std::abs(a.stride) > std::abs(b.stride);
    });
    Groups merged;
    for (int i = 0; i < r.n; ++i) merged.add(r.g[i].size, r.g[i].stride, true);
    return merged;
  }
  return r;
}

// Groups [first, last) as one run; false if strides do not chain.
bool flatten(const Groups& gs, int first, int last, int64_t* size, int64_t* stride) {
  *size = 1;
  *stride = 0;
  for (int i = first; i < last; ++i) {
    if (i > first && gs.g[i - 1].stride != gs.g[i].stride * gs.g[i].size) return false;
    *size *= gs.g[i].size;
    *stride = gs.g[i].stride;
  }
  return true;
}

// [outer, reduce, inner] in one pass of the kernel, long reductions in blocks.
void run_pass(const ReducePass& pass, const ReduceArgs& args) {
  size_t in_size = itemsize(pass.in), out_size = itemsize(pass.out);
  char* out = static_cast<char*>(args.out);
  if (args.reduce <= kReduceBlock) {
    split_outer_inner(args, in_size, [&](ReduceArgs part, int64_t o, int64_t i) {
      part.out = out + (o * args.inner + i) * static_cast<int64_t>(out_size);
      pass.first(part);
    });
    return;
  }
  int64_t blocks = (args.reduce + kReduceBlock - 1) / kReduceBlock;
  Tensor partial = empty({args.outer * blocks * args.inner}, pass.out);
  {
    ReleaseGil gil(true);
    parallel_for(args.outer * blocks, 1, [&](int64_t first, int64_t last) {
      for (int64_t task = first; task < last; ++task) {
        int64_t o = task / blocks, at = task % blocks * kReduceBlock;
        ReduceArgs part = args;
        part.in = static_cast<const char*>(args.in) +
                  (o * args.outer_stride + at * args.reduce_stride) * static_cast<int64_t>(in_size);
        part.out = partial->data + task * args.inner * static_cast<int64_t>(out_size);
        part.outer = 1;
        part.reduce = std::min(kReduceBlock, args.reduce - at);
        pass.first(part);
      }
    });
  }
  run_pass({pass.then, pass.then, pass.out, pass.out},
           {partial->data, args.out, args.outer, blocks, args.inner, blocks * args.inner,
            args.inner, 1});
}

// Which reduced group goes first: the last one, unless it is short and an earlier one has
// everything behind it in one run.
int choose(const Groups& gs) {
  int last = -1, first = -1;
  for (int i = 0; i < gs.n; ++i)
    if (gs.g[i].reduced) {
      if (first < 0) first = i;
      last = i;
    }
  int64_t size, stride;
  if (first != last && gs.g[last].size < 32 && flatten(gs, first + 1, gs.n, &size, &stride) &&
      stride == 1 && size >= 16)
    return first;
  return last;
}

}  // namespace

ReducedDims::ReducedDims(const char* op, const Tensor& x, std::optional<IntSpan> dims, bool keepdim)
    : kept(x.sizes()) {
  int64_t n = x.dim();
  if (!dims || dims->empty()) {
    mask = n == 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
  } else {
    for (int64_t d : *dims) {
      int64_t w = wrap_dim(op, d, n);
      PF_CHECK(!(mask >> w & 1), Runtime, op, ": dim ", w,
               " appears multiple times in the list of dims");
      mask |= uint64_t{1} << w;
    }
  }
  for (int64_t d = 0; d < n; ++d) {
    bool reduced = mask >> d & 1;
    if (reduced) {
      length *= kept[d];
      kept[d] = 1;
    }
    if (!reduced || keepdim) shape.push_back(kept[d]);
  }
}

ReducePass reduce_pass(const char* op, kernels::Reduce reduce, DType dtype) {
  using kernels::Reduce;
  const auto& table = kernels::active().reduce.reduce;
  kernels::ReduceFn first = table[static_cast<int>(reduce)][static_cast<int>(dtype)];
  PF_CHECK(first, NotImplemented, op, ": \"", op, "\" not implemented for '", dtype_name(dtype),
           "'; convert the input with .to(dtype) first");
  DType out = reduce == Reduce::Any || reduce == Reduce::All ? DType::Bool
              : (reduce == Reduce::Sum || reduce == Reduce::Prod) && !is_floating(dtype)
                  ? DType::Int64
                  : compute_type(dtype);
  return {first, table[static_cast<int>(combining(reduce))][static_cast<int>(out)], dtype, out};
}

void run_reduce(const ReducePass& pass, const Tensor& x, uint64_t mask, const Tensor& out) {
  Groups gs = groups_of(x, mask);
  if (gs.n == 0) {
    pass.first({x->data, out->data, 1, 1, 1, 1, 1, 1});
    return;
  }
  if (gs.n == 1 && gs.g[0].reduced) {
    run_pass(pass, {x->data, out->data, 1, gs.g[0].size, 1, 0, gs.g[0].stride, 1});
    return;
  }
  Tensor source = x, result;
  ReducePass now = pass;
  const char* data = x->data;
  auto make_contiguous = [&] {
    GradModeGuard off(false);
    source = contiguous(source);
    data = source->data;
    gs = groups_of(source, mask);
  };
  for (bool copied = x.is_contiguous();;) {
    int r = choose(gs);
    ReduceArgs a{data, nullptr, 1, 1, 1, 0, 1, 1};
    if (r < 0) {  // only dimensions of size 1 are reduced
      if (!flatten(gs, 0, gs.n, &a.inner, &a.inner_stride)) {
        make_contiguous();
        continue;
      }
      a.out = out->data;
      run_pass(now, a);
      return;
    }
    a.reduce = gs.g[r].size;
    a.reduce_stride = gs.g[r].stride;
    bool inner_flat = flatten(gs, r + 1, gs.n, &a.inner, &a.inner_stride);
    bool outer_flat = flatten(gs, 0, r, &a.outer, &a.outer_stride);
    int64_t loops = 1;  // runs of the outer groups before the last one
    if (!outer_flat) {
      for (int i = 0; i < r - 1; ++i) loops *= gs.g[i].size;
      a.outer = gs.g[r - 1].size;
      a.outer_stride = gs.g[r - 1].stride;
    }
    if (!copied && (!inner_flat || (!outer_flat && a.outer * a.reduce * a.inner < 512))) {
      copied = true;
      make_contiguous();
      continue;
    }
    if (outer_flat) prefer_columns(a);
    Groups next;
    int64_t numel = 1;
    int more = 0;
    for (int i = 0; i < gs.n; ++i) {
      if (i == r) continue;
      numel *= gs.g[i].size;
      more += gs.g[i].reduced;
    }
    Tensor y = more ? empty({numel}, now.out) : out;
    char* to = y->data;
    int64_t index[kMaxDims] = {};
    for (int64_t l = 0; l < loops; ++l) {
      int64_t offset = 0;
      if (!outer_flat)
        for (int i = 0; i < r - 1; ++i) offset += index[i] * gs.g[i].stride;
      ReduceArgs one = a;
      one.in = data + offset * static_cast<int64_t>(itemsize(now.in));
      one.out = to;
      run_pass(now, one);
      to += a.outer * a.inner * static_cast<int64_t>(itemsize(now.out));
      for (int i = r - 2; i >= 0 && ++index[i] == gs.g[i].size; --i) index[i] = 0;
    }
    if (!more) return;
    int64_t step = numel;
    for (int i = 0; i < gs.n; ++i) {
      if (i == r) continue;
      step /= gs.g[i].size;
      next.add(gs.g[i].size, step, gs.g[i].reduced);
    }
    gs = next;
    result = std::move(y);
    data = result->data;
    copied = true;
    now = {now.then, now.then, now.out, now.out};
  }
}

bool as_three_levels(const Tensor& x, uint64_t mask, ReduceArgs& a) {
  Groups gs = groups_of(x, mask);
  a.in = x->data;
  a.reduce = 1;
  a.reduce_stride = 1;
  int r = gs.n;
  for (int i = 0; i < gs.n; ++i) {
    if (!gs.g[i].reduced) continue;
    if (r < gs.n) return false;
    r = i;
    a.reduce = gs.g[i].size;
    a.reduce_stride = gs.g[i].stride;
  }
  if (!flatten(gs, 0, r, &a.outer, &a.outer_stride)) return false;
  if (!flatten(gs, std::min(r + 1, gs.n), gs.n, &a.inner, &a.inner_stride)) return false;
  if (a.inner == 1) a.inner_stride = 1;
  return true;
}

void prefer_columns(ReduceArgs& a) {
  if (a.inner != 1 || a.outer == 1 || std::abs(a.outer_stride) >= std::abs(a.reduce_stride)) return;
  std::swap(a.outer, a.inner);
  std::swap(a.outer_stride, a.inner_stride);
}

ReduceArgs along_dim(const Tensor& x, int64_t dim, Tensor& holder) {
  GradModeGuard off(false);
  ReduceArgs a{};
  holder = x;
  if (dim < 0) {
    holder = contiguous(x);
    return {holder->data, nullptr, 1, x.numel(), 1, 0, 1, 1};
  }
  if (x.dim() == 0) return {x->data, nullptr, 1, 1, 1, 0, 1, 1};
  uint64_t mask = uint64_t{1} << dim;
  if (!as_three_levels(holder, mask, a)) {
    holder = contiguous(holder);
    as_three_levels(holder, mask, a);
  }
  return a;
}

Tensor expand_reduced(const Tensor& g, IntSpan kept, IntSpan sizes) {
  if (grad_enabled() || g.numel() == 0 || !g.is_contiguous())
    return expand(reshape(g, kept), sizes);
  Dims strides(sizes.size(), 0);
  int64_t step = 1;
  for (int64_t d = sizes.size() - 1; d >= 0; --d) {
    if (kept[d] != 1) strides[d] = step;
    step *= kept[d];
  }
  return make_view(g, sizes, strides, g->data);
}

}  // namespace pyforge::ops
