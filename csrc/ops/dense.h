// Factors of small and middle-sized dense matrices on raw memory: blocks by substitution, the rest
// by gemm. The result does not depend on the number of threads.
#pragma once
#include "core/dtype.h"

namespace pyforge {

// A matrix in memory: element (i, j) at data[i * row + j * col]; T is float or double.
template <class T>
struct Place {
  T* data;
  int64_t row, col;
  T& operator()(int64_t i, int64_t j) const { return data[i * row + j * col]; }
  Place at(int64_t i, int64_t j) const { return {&(*this)(i, j), row, col}; }
  Place transposed() const { return {data, col, row}; }
};

// X [n, k], row-major, becomes A^-1 X; A [n, n] is upper or lower triangular, `unit`: its diagonal
// is not read and counts as 1.
template <class T>
void substitute(Place<T> a, int64_t n, T* x, int64_t k, bool upper, bool unit);

// LU with partial pivoting of row-major a [m, n] in place (Golub and Van Loan, 3.4): row j was
// exchanged with row pivots[j] - 1. Returns the number (from 1) of the first zero pivot, or 0.
template <class T>
int32_t lu_in_place(T* a, int64_t m, int64_t n, int32_t* pivots, bool pivot);

// X [n, k], row-major, becomes A^-1 X, or A^-T X, where lu and pivots are lu_in_place's of A.
template <class T>
void lu_substitute(const T* lu, const int32_t* pivots, int64_t n, T* x, int64_t k, bool transposed);

// Row-major a [n, n] becomes upper triangular U with U^T U = A; only its upper triangle is read.
// Returns the order of the first leading minor that is not positive, where it stopped, or 0.
template <class T>
int32_t cholesky_in_place(T* a, int64_t n);

}  // namespace pyforge
