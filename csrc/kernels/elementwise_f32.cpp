#include "kernels/elementwise_loops.h"
#include "kernels/math_gelu.h"

namespace pyforge::kernels::PF_ISA {

#if defined(PF_TABLED_GELU)
template <>
PF_INLINE auto row::gelu_row::forward<Vec<float>>(Vec<float> x, Vec<float>, Vec<float>,
                                                  Vec<float>) {
  return gelu_of(x);
}
template <>
PF_INLINE Vec<float> row::gelu_row::derivative<0, Vec<float>>(Vec<float> g, Vec<float> x,
                                                              Vec<float>, Vec<float>, Vec<float>,
                                                              Vec<float>) {
  return g * gelu_slope(x);
}
#endif

void fill_elementwise_f32(ElementwiseTable& table) { fill_rows_of<float>(table); }

}  // namespace pyforge::kernels::PF_ISA
