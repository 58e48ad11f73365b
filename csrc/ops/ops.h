// Every op as a C++ function: differentiable, usable in derivatives and in other ops.
#pragma once
#include "ops/basic.h"
#include "ops/creation.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/nn.h"
#include "ops/reduce.h"
#include "ops/shape.h"
