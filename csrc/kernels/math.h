// Elementary functions on Vec<float> and Vec<double>. Error bounds: docs/kernels.md.
#pragma once
#include "kernels/math_erf.h"
#include "kernels/math_integer.h"
#include "kernels/math_special.h"
#include "kernels/math_trig.h"
