// Complex numbers of kernels: one access of 8 or 16 bytes each.
#ifndef DAU_CC_KERNELS_CUDA_COMPLEX_H_
#define DAU_CC_KERNELS_CUDA_COMPLEX_H_

#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

template <typename R>
struct alignas(2 * sizeof(R)) Complex {
  R re, im;
};

template <typename R>
__device__ inline Complex<R> operator+(Complex<R> a, Complex<R> b) {
  return {a.re + b.re, a.im + b.im};
}
template <typename R>
__device__ inline Complex<R> operator-(Complex<R> a, Complex<R> b) {
  return {a.re - b.re, a.im - b.im};
}
template <typename R>
__device__ inline Complex<R> operator*(Complex<R> a, Complex<R> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <typename R>
__device__ inline Complex<R> Conjugate(Complex<R> a) {
  return {a.re, -a.im};
}
// sum + a·b in four multiply-adds.
template <typename R>
__device__ inline void MultiplyAdd(Complex<R> a, Complex<R> b, Complex<R>* sum) {
  sum->re += a.re * b.re;
  sum->re -= a.im * b.im;
  sum->im += a.re * b.im;
  sum->im += a.im * b.re;
}
// sum + conj(a)·b.
template <typename R>
__device__ inline void ConjugateMultiplyAdd(Complex<R> a, Complex<R> b, Complex<R>* sum) {
  sum->re += a.re * b.re;
  sum->re += a.im * b.im;
  sum->im += a.re * b.im;
  sum->im -= a.im * b.re;
}

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_COMPLEX_H_
