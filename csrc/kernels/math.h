// Elementary functions on Vec<float> and Vec<double>. Error bounds: docs/kernels.md.
#pragma once
#include "kernels/math_basic.h"
#include "kernels/math_exp.h"
#include "kernels/math_log.h"
