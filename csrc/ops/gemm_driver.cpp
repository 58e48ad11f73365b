#include "ops/gemm_driver.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/cpu.h"
#include "core/gil.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/workspace.h"

namespace pyforge {

using kernels::GemmArgs;
using kernels::GemmKernels;
using kernels::GemmPlan;

namespace {

constexpr int64_t kLongWork = 1 << 20;       // multiply-adds from which the GIL is given up
constexpr int64_t kGrainWork = 1 << 18;      // multiply-adds that make a range worth a thread
constexpr int64_t kPackedBytes = 256 << 20;  // of B at a time
constexpr int64_t kDepthUnit = 1024;
constexpr int64_t kFewTiles = 8;  // of C, below which K is divided
constexpr int64_t kMostSlices = 16;

int64_t work_of(const GemmArgs& args) { return args.m * args.n * std::max<int64_t>(args.k, 1); }
int64_t round_up(int64_t bytes) { return (bytes + 63) / 64 * 64; }

void* advance(const void* p, int64_t elements, size_t size) {
  return const_cast<char*>(static_cast<const char*>(p)) + elements * static_cast<int64_t>(size);
}

GemmArgs member(const GemmArgs& args, int64_t index, int64_t a_stride, int64_t b_stride,
                int64_t c_stride, size_t size) {
  GemmArgs one = args;
  one.a = advance(args.a, index * a_stride, size);
  one.b = advance(args.b, index * b_stride, size);
  one.c = advance(args.c, index * c_stride, size);
  return one;
}

void integer_product(void (*kernel)(const GemmArgs&), const GemmArgs& args, size_t size) {
  const ReleaseGil released(work_of(args) >= kLongWork);
  const int64_t row = std::max<int64_t>(1, args.n * std::max<int64_t>(args.k, 1));
  parallel_for(args.m, std::max<int64_t>(1, kGrainWork / row), [&](int64_t first, int64_t last) {
    GemmArgs part = member(args, first, args.a_row, 0, args.c_row, size);
    part.m = last - first;
    kernel(part);
  });
}

void planned_product(const GemmKernels& kernel, const GemmArgs& args, const GemmPlan& plan) {
  const int64_t slots = std::min<int64_t>(num_threads(), plan.tiles);
  const int64_t shared = round_up(plan.shared_bytes), own = round_up(plan.workspace_bytes);
  const Workspace workspace(shared + slots * own);
  const ReleaseGil released(work_of(args) >= kLongWork);
  char* const packed = workspace.data();
  parallel_for(plan.prepare_tiles, 1,
               [&](int64_t first, int64_t last) { kernel.prepare(args, packed, first, last); });
  parallel_slots(plan.tiles, slots, [&](int64_t slot, int64_t first, int64_t last) {
    kernel.run(args, packed, packed + shared + slot * own, first, last);
  });
}

// Every thread takes whole products.
void product_per_thread(const GemmKernels& kernel, const GemmArgs& args, const GemmPlan& plan,
                        int64_t batch, int64_t a_stride, int64_t b_stride, int64_t c_stride,
                        size_t size) {
  const int64_t slots = std::min<int64_t>(num_threads(), batch);
  const int64_t shared = round_up(plan.shared_bytes), own = shared + round_up(plan.workspace_bytes);
  const Workspace workspace(slots * own);
  const ReleaseGil released(true);
  parallel_slots(batch, slots, [&](int64_t slot, int64_t first, int64_t last) {
    char* const packed = workspace.data() + slot * own;
    for (int64_t i = first; i < last; ++i) {
      const GemmArgs one = member(args, i, a_stride, b_stride, c_stride, size);
      if (plan.prepare_tiles > 0) kernel.prepare(one, packed, 0, plan.prepare_tiles);
      kernel.run(one, packed, packed + shared, 0, plan.tiles);
    }
  });
}

bool divides_depth(const GemmArgs& args, const GemmPlan& plan) {
  return plan.tiles < kFewTiles && args.k >= 8 * kDepthUnit && args.alpha == 1 &&
         work_of(args) >= 8 * kGrainWork;
}

// A small C under a long K: slices of K are products of their own, added up in order. The last one
// takes the rest of K on top of that sum, with bias and epilogue. All by the shape alone.
template <class T>
void divided_product(const GemmKernels& kernel, const GemmArgs& args) {
  const int64_t share = (args.k + kMostSlices) / (kMostSlices + 1);
  const int64_t depth = std::max(kDepthUnit, (share + 63) / 64 * 64);
  const int64_t slices = (args.k - 1) / depth, elements = args.m * args.n;
  GemmArgs first_slice = args;
  first_slice.k = depth;
  first_slice.c_row = args.n;
  first_slice.c_col = 1;
  first_slice.beta = 0;
  first_slice.bias = nullptr;
  first_slice.epilogue = kernels::Epilogue::None;
  const Workspace sums(slices * elements * static_cast<int64_t>(sizeof(T)));
  T* const sum = reinterpret_cast<T*>(sums.data());
  first_slice.c = sum;
  GemmPlan plan;
  kernel.plan(first_slice, plan);
  product_per_thread(kernel, first_slice, plan, slices, depth * args.a_col, depth * args.b_row,
                     elements, sizeof(T));
  for (int64_t i = 0; i < args.m; ++i) {
    for (int64_t j = 0; j < args.n; ++j) {
      T* const c = static_cast<T*>(args.c) + i * args.c_row + j * args.c_col;
      T total = args.beta == 0 ? T(0) : static_cast<T>(args.beta) * *c;
      for (int64_t s = 0; s < slices; ++s) total += sum[s * elements + i * args.n + j];
      *c = total;
    }
  }
  GemmArgs last = member(args, slices * depth, args.a_col, args.b_row, 0, sizeof(T));
  last.k = args.k - slices * depth;
  last.beta = 1;
  kernel.plan(last, plan);
  planned_product(kernel, last, plan);
}

void product(const GemmKernels& kernel, const GemmArgs& args, size_t size) {
  if (kernel.is_small(args)) {
    kernel.small(args);
    return;
  }
  GemmPlan plan;
  kernel.plan(args, plan);
  if (divides_depth(args, plan)) {
    size == sizeof(float) ? divided_product<float>(kernel, args)
                          : divided_product<double>(kernel, args);
    return;
  }
  if (plan.shared_bytes <= kPackedBytes || args.k <= kDepthUnit) {
    planned_product(kernel, args, plan);
    return;
  }
  // Slices of K, so that the packed copy of B stays bounded.
  const int64_t unit_bytes = plan.shared_bytes / args.k * kDepthUnit;
  const int64_t depth = std::max<int64_t>(1, kPackedBytes / unit_bytes) * kDepthUnit;
  for (int64_t k = 0; k < args.k; k += depth) {
    GemmArgs slice = member(args, k, args.a_col, args.b_row, 0, size);
    slice.k = std::min(depth, args.k - k);
    if (k > 0) slice.beta = 1;
    if (k + slice.k < args.k) {
      slice.bias = nullptr;
      slice.epilogue = kernels::Epilogue::None;
    }
    kernel.plan(slice, plan);
    planned_product(kernel, slice, plan);
  }
}

// ---- float16 and bfloat16: A and B are widened, the float32 product is rounded -----------------

struct HalfConversions {
  kernels::ElementwiseFn widen, narrow;
  explicit HalfConversions(DType dtype) {
    const auto& convert = kernels::active().elementwise.convert;
    const int half = static_cast<int>(dtype), wide = static_cast<int>(DType::Float32);
    widen = convert[half][wide];
    narrow = convert[wide][half];
  }
};

// [rows, cols] as float32 in `out`, dense; keeps columns together where they lie so.
void widen_matrix(const HalfConversions& conversions, float* out, const void* from, int64_t rows,
                  int64_t cols, int64_t& row_stride, int64_t& col_stride) {
  const bool by_columns =
      col_stride != 1 && (row_stride == 1 || std::abs(row_stride) < std::abs(col_stride));
  const int64_t lines = by_columns ? cols : rows, length = by_columns ? rows : cols;
  const int64_t line_stride = by_columns ? col_stride : row_stride;
  const int64_t step = by_columns ? row_stride : col_stride;
  const auto pack = kernels::active().elementwise.pack;
  const bool run = step == 1 && line_stride == length;
  constexpr int64_t kBlock = 512;
  const auto widen_run = [&](float* to, const char* p, int64_t n) {
    const void* in[1] = {p};
    if (step == 1) return conversions.widen(to, in, n, nullptr);
    for (int64_t at = 0; at < n; at += kBlock) {
      uint16_t packed[kBlock];
      const int64_t m = std::min(kBlock, n - at);
      pack(packed, p + 2 * at * step, 2 * step, m, 2);
      in[0] = packed;
      conversions.widen(to + at, in, m, nullptr);
    }
  };
  const char* p = static_cast<const char*>(from);
  parallel_for(lines, std::max<int64_t>(1, kGrainWork / 16 / std::max<int64_t>(length, 1)),
               [&](int64_t first, int64_t last) {
                 if (run)
                   return widen_run(out + first * length, p + 2 * first * length,
                                    (last - first) * length);
                 for (int64_t i = first; i < last; ++i)
                   widen_run(out + i * length, p + 2 * i * line_stride, length);
               });
  row_stride = by_columns ? 1 : length;
  col_stride = by_columns ? length : 1;
}

// Whether a matrix [rows, k] of bfloat16 is one of pairs along k as it lies.
bool holds_pairs(const void* p, int64_t rows, int64_t row_stride, int64_t k, int64_t k_stride) {
  return k_stride == 1 && k % 2 == 0 && (rows == 1 || row_stride % 2 == 0) &&
         reinterpret_cast<uintptr_t>(p) % 4 == 0;
}

// Pairs along k in `out` [rows, (k + 1) / 2], dense; keeps rows together where they lie so.
void pair_matrix(uint32_t* out, const void* from, int64_t rows, int64_t k, int64_t& row_stride,
                 int64_t& k_stride) {
  const auto pair_rows = kernels::active().gemm.pair_rows;
  const auto* p = static_cast<const uint16_t*>(from);
  const int64_t pairs = (k + 1) / 2, row = row_stride, step = k_stride;
  const int64_t grain = kGrainWork / 16;
  if (row == 1 && step != 1) {
    parallel_for(pairs, std::max<int64_t>(1, grain / rows), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        pair_rows(out + i * rows, p + 2 * i * step,
                  2 * i + 1 < k ? p + (2 * i + 1) * step : nullptr, rows);
    });
    row_stride = 1;
    k_stride = rows;
    return;
  }
  parallel_for(rows, std::max<int64_t>(1, grain / pairs), [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      auto* to = reinterpret_cast<uint16_t*>(out + r * pairs);
      if (step == 1) {
        std::memcpy(to, p + r * row, static_cast<size_t>(2 * k));
      } else {
        for (int64_t i = 0; i < k; ++i) to[i] = p[r * row + i * step];
      }
      if (k % 2) to[k] = 0;
    }
  });
  row_stride = pairs;
  k_stride = 1;
}

bool use_pairs(DType dtype, const GemmArgs& args) {
  static const bool supported = cpu::has_avx512_bf16();
  return supported && dtype == DType::BFloat16 && args.k > 1 &&
         kernels::active().gemm.bf16_pairs.run;
}

constexpr int64_t aligned(int64_t elements) { return (elements + 15) / 16 * 16; }

// bfloat16 goes through pairs where the processor multiplies them.
void half_product(DType dtype, const GemmArgs& args) {
  const HalfConversions conversions(dtype);
  const bool pairs = use_pairs(dtype, args);
  const bool a_lies = pairs && holds_pairs(args.a, args.m, args.a_row, args.k, args.a_col);
  const bool b_lies = pairs && holds_pairs(args.b, args.n, args.b_col, args.k, args.b_row);
  const int64_t depth = pairs ? (args.k + 1) / 2 : args.k;
  const int64_t a_size = a_lies ? 0 : aligned(args.m * depth),
                b_size = b_lies ? 0 : aligned(args.n * depth), c_size = aligned(args.m * args.n);
  const Workspace workspace(4 * (a_size + b_size + c_size + args.n));
  float* const a = reinterpret_cast<float*>(workspace.data());
  float *const b = a + a_size, *const c = b + b_size, *const bias = c + c_size;
  GemmArgs wide = args;
  wide.k = depth;
  {
    const ReleaseGil released(work_of(args) >= kLongWork);
    if (a_lies) {
      wide.a_row = args.a_row / 2;
    } else if (pairs) {
      pair_matrix(reinterpret_cast<uint32_t*>(a), args.a, args.m, args.k, wide.a_row, wide.a_col);
    } else {
      widen_matrix(conversions, a, args.a, args.m, args.k, wide.a_row, wide.a_col);
    }
    if (b_lies) {
      wide.b_col = args.b_col / 2;
    } else if (pairs) {
      pair_matrix(reinterpret_cast<uint32_t*>(b), args.b, args.n, args.k, wide.b_col, wide.b_row);
    } else {
      widen_matrix(conversions, b, args.b, args.k, args.n, wide.b_row, wide.b_col);
    }
    if (args.beta != 0)
      widen_matrix(conversions, c, args.c, args.m, args.n, wide.c_row, wide.c_col);
    if (args.bias) {
      int64_t row = 0, col = args.bias_stride;
      widen_matrix(conversions, bias, args.bias, 1, args.n, row, col);
      wide.bias_stride = 1;
    }
  }
  if (!a_lies) wide.a = a;
  if (!b_lies) wide.b = b;
  wide.c = c;
  if (args.bias) wide.bias = bias;
  if (args.beta == 0) {
    const bool by_columns = args.c_col != 1 && args.c_row == 1;
    wide.c_row = by_columns ? 1 : args.n;
    wide.c_col = by_columns ? args.m : 1;
  }
  const kernels::GemmTable& table = kernels::active().gemm;
  product(pairs ? table.bf16_pairs : table.f32, wide, sizeof(float));
  const bool by_columns = wide.c_row == 1 && args.m > 1;
  const int64_t lines = by_columns ? args.n : args.m, length = by_columns ? args.m : args.n;
  const int64_t line_stride = by_columns ? args.c_col : args.c_row;
  const int64_t step = by_columns ? args.c_row : args.c_col;
  const ReleaseGil released(work_of(args) >= kLongWork);
  parallel_for(lines, std::max<int64_t>(1, kGrainWork / 16 / length),
               [&](int64_t first, int64_t last) {
                 for (int64_t i = first; i < last; ++i) {
                   const void* in[1] = {c + i * length};
                   char* to = static_cast<char*>(args.c) + 2 * i * line_stride;
                   if (step == 1) {
                     conversions.narrow(to, in, length, nullptr);
                   } else {
                     for (int64_t j = 0; j < length; ++j) {
                       in[0] = c + i * length + j;
                       conversions.narrow(to + 2 * j * step, in, 1, nullptr);
                     }
                   }
                 }
               });
}

}  // namespace

void gemm(DType dtype, const GemmArgs& args) {
  if (args.m <= 0 || args.n <= 0) return;
  const kernels::GemmTable& table = kernels::active().gemm;
  if (dtype == DType::Float32) {
    product(table.f32, args, sizeof(float));
  } else if (dtype == DType::Float64) {
    product(table.f64, args, sizeof(double));
  } else if (is_half(dtype)) {
    half_product(dtype, args);
  } else {
    integer_product(table.integer[static_cast<int>(dtype)], args, itemsize(dtype));
  }
}

void gemm_batched(DType dtype, const GemmArgs& args, int64_t batch, int64_t a_stride,
                  int64_t b_stride, int64_t c_stride) {
  if (batch <= 0 || args.m <= 0 || args.n <= 0) return;
  GemmArgs whole = args;
  if (args.m == 1) {
    whole.a_row = a_stride;
    whole.c_row = c_stride;
  }
  if (batch == 1) return gemm(dtype, args);
  if (b_stride == 0 && a_stride == args.m * whole.a_row && c_stride == args.m * whole.c_row) {
    whole.m *= batch;  // the rows follow each other: one product
    return gemm(dtype, whole);
  }

  const size_t size = itemsize(dtype);
  const kernels::GemmTable& table = kernels::active().gemm;
  const int64_t work = work_of(args), grain = std::max<int64_t>(1, kGrainWork / work);
  const auto each = [&](auto&& one_product) {
    const ReleaseGil released(batch * work >= kLongWork);
    parallel_for(batch, grain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        one_product(member(args, i, a_stride, b_stride, c_stride, size));
      }
    });
  };
  if (is_half(dtype)) {
    for (int64_t i = 0; i < batch; ++i)
      half_product(dtype, member(args, i, a_stride, b_stride, c_stride, size));
    return;
  }
  if (is_integral(dtype)) return each(table.integer[static_cast<int>(dtype)]);
  const GemmKernels& kernel = dtype == DType::Float32 ? table.f32 : table.f64;
  if (kernel.is_small(args)) return each(kernel.small);
  GemmPlan plan;
  kernel.plan(args, plan);
  if (batch >= num_threads() && plan.shared_bytes <= kPackedBytes / num_threads()) {
    return product_per_thread(kernel, args, plan, batch, a_stride, b_stride, c_stride, size);
  }
  for (int64_t i = 0; i < batch; ++i) {
    product(kernel, member(args, i, a_stride, b_stride, c_stride, size), size);
  }
}

}  // namespace pyforge
