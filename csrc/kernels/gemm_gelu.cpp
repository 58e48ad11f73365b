// GELU as an epilogue of the matrix product, the same formula as the elementwise row.
#include "kernels/math.h"
#include "kernels/math_gelu.h"

namespace pyforge::kernels::PF_ISA {

void gelu(float* lanes);
void gelu(double* lanes);

template <class T>
static PF_INLINE void gelu_lanes(T* lanes) {
  const Vec<T> x = load(lanes);
#if defined(PF_TABLED_GELU)
  if constexpr (same_type<T, float>) return store(lanes, gelu_of(x));
#endif
  store(lanes, x * (T(0.5) + T(0.5) * erf(x * T(0.707106781186547524))));
}

void gelu(float* lanes) { gelu_lanes(lanes); }
void gelu(double* lanes) { gelu_lanes(lanes); }

}  // namespace pyforge::kernels::PF_ISA
