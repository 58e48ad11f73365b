// Division of [outer, reduce, inner] work over threads.
#pragma once
#include <algorithm>

#include "core/gil.h"
#include "core/threads.h"
#include "kernels/reduce.h"

namespace pyforge::ops {

inline constexpr int64_t kReduceGrain = 1 << 15;  // elements worth waking a thread for

// Calls f(part, o, i) on pieces of `args`, on several threads where that pays: `part` has its `in`
// and sizes set, o and i are its first outer and inner index. Pieces are full in `reduce`, and a
// piece of `inner` has one outer index, so contiguous results of a piece stay contiguous.
template <class F>
void split_outer_inner(const kernels::ReduceArgs& args, size_t in_size, F&& f) {
  int64_t total = args.outer * args.reduce * args.inner;
  if (total < 2 * kReduceGrain) {
    f(args, int64_t{0}, int64_t{0});
    return;
  }
  int64_t chunk = args.inner;
  if (args.outer < 16)
    chunk = std::min(
        args.inner,
        std::max<int64_t>(256, (kReduceGrain / std::max<int64_t>(args.reduce, 1) + 63) / 64 * 64));
  int64_t chunks = (args.inner + chunk - 1) / chunk;
  ReleaseGil gil(true);
  int64_t grain = std::max<int64_t>(1, kReduceGrain / std::max<int64_t>(args.reduce * chunk, 1));
  parallel_for(args.outer * chunks, grain, [&](int64_t first, int64_t last) {
    kernels::ReduceArgs part = args;
    const char* in = static_cast<const char*>(args.in);
    auto at = [&](int64_t o, int64_t i) {
      return in + (o * args.outer_stride + i * args.inner_stride) * static_cast<int64_t>(in_size);
    };
    if (chunks == 1) {
      part.in = at(first, 0);
      part.outer = last - first;
      f(part, first, int64_t{0});
      return;
    }
    part.outer = 1;
    for (int64_t task = first; task < last; ++task) {
      int64_t o = task / chunks, i = task % chunks * chunk;
      part.in = at(o, i);
      part.inner = std::min(chunk, args.inner - i);
      f(part, o, i);
    }
  });
}

}  // namespace pyforge::ops
