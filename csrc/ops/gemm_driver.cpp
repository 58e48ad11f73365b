#include "ops/gemm_driver.h"

#include <algorithm>

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

void product(const GemmKernels& kernel, const GemmArgs& args, size_t size) {
  if (kernel.is_small(args)) {
    kernel.small(args);
    return;
  }
  GemmPlan plan;
  kernel.plan(args, plan);
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

}  // namespace

void gemm(DType dtype, const GemmArgs& args) {
  if (args.m <= 0 || args.n <= 0) return;
  const kernels::GemmTable& table = kernels::active().gemm;
  if (dtype == DType::Float32) {
    product(table.f32, args, sizeof(float));
  } else if (dtype == DType::Float64) {
    product(table.f64, args, sizeof(double));
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
