// The vectors and elementary functions of pyforge's own kernels: pyforge::simd::Vec<float>, load,
// store, fma, where, exp, log, tanh, ... See docs/kernels.md.
#pragma once
#include "op.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC warns about the undefined registers inside its own AVX-512 headers, at every use of them.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#ifndef PF_ISA
#define PF_ISA PF_ISA_NAME
#endif
// The kernels' headers, in a namespace of their own: theirs has other classes of the same names.
#define pyforge pyforge_kernels
#include "kernels/elementwise_loops.h"
#include "kernels/lanes.h"
#undef pyforge

namespace pyforge {
namespace simd = ::pyforge_kernels::kernels::PF_ISA;
}
