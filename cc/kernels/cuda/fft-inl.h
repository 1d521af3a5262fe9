// Discrete Fourier transforms of lines in shared memory, by the threads of a block.
//
// A length is A·B. Sample A·hi + lo, hi < B, lo < A: transforms of length B over hi, a twiddle, transforms of length A
// over lo, each in one thread's registers and in its own place. Frequency hi + B·lo comes to stand where sample A·hi +
// lo stood: LabelOf(frequency). Rows of shared memory have a hole behind each A samples where A is even, so that
// neighbours of a pass fall into different banks.
#ifndef DAU_CC_KERNELS_CUDA_FFT_INL_H_
#define DAU_CC_KERNELS_CUDA_FFT_INL_H_

#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/complex.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

DAU_HOST_DEVICE constexpr int RadixA(int length) { return length == 64 ? 8 : length == 48 ? 6 : length == 40 ? 5 : 4; }
DAU_HOST_DEVICE constexpr int LabelOf(int frequency, int length) {
  const int a = RadixA(length), b = length / a;
  return frequency % b * a + frequency / b;
}
// Where sample or label n of a row stands, and what a row takes.
DAU_HOST_DEVICE constexpr int ColumnOf(int n, int length) {
  const int a = RadixA(length);
  return n / a * (a | 1) + n % a;
}
DAU_HOST_DEVICE constexpr int RowLength(int length) { return length / RadixA(length) * (RadixA(length) | 1); }

// x[k] = Σ_n x[n]·e^(−2πi·k·n/N).
template <typename R>
__device__ inline void Dft(Complex<R> (&x)[4]) {
  const Complex<R> a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = x[1] - x[3];
  x[0] = a + c;
  x[1] = {b.re + d.im, b.im - d.re};
  x[2] = a - c;
  x[3] = {b.re - d.im, b.im + d.re};
}
template <typename R>
__device__ inline void Dft(Complex<R> (&x)[3]) {
  constexpr R kSin = static_cast<R>(0.86602540378443864676);
  const Complex<R> sum = x[1] + x[2], difference = x[1] - x[2];
  const Complex<R> middle = {x[0].re - sum.re / 2, x[0].im - sum.im / 2};
  x[0] = x[0] + sum;
  x[1] = {middle.re + kSin * difference.im, middle.im - kSin * difference.re};
  x[2] = {middle.re - kSin * difference.im, middle.im + kSin * difference.re};
}
template <typename R>
__device__ inline void Dft(Complex<R> (&x)[5]) {
  constexpr R kCos1 = static_cast<R>(0.30901699437494742410), kCos2 = static_cast<R>(-0.80901699437494742410);
  constexpr R kSin1 = static_cast<R>(0.95105651629515357212), kSin2 = static_cast<R>(0.58778525229247312917);
  const Complex<R> a = x[1] + x[4], b = x[2] + x[3], c = x[1] - x[4], d = x[2] - x[3];
  const Complex<R> e = {x[0].re + kCos1 * a.re + kCos2 * b.re, x[0].im + kCos1 * a.im + kCos2 * b.im};
  const Complex<R> f = {x[0].re + kCos2 * a.re + kCos1 * b.re, x[0].im + kCos2 * a.im + kCos1 * b.im};
  const Complex<R> g = {kSin1 * c.re + kSin2 * d.re, kSin1 * c.im + kSin2 * d.im};
  const Complex<R> h = {kSin2 * c.re - kSin1 * d.re, kSin2 * c.im - kSin1 * d.im};
  x[0] = x[0] + a + b;
  x[1] = {e.re + g.im, e.im - g.re};
  x[2] = {f.re + h.im, f.im - h.re};
  x[3] = {f.re - h.im, f.im + h.re};
  x[4] = {e.re - g.im, e.im + g.re};
}
template <typename R>
__device__ inline void Dft(Complex<R> (&x)[6]) {
  constexpr R kSin = static_cast<R>(0.86602540378443864676);
  Complex<R> even[3] = {x[0], x[2], x[4]}, odd[3] = {x[1], x[3], x[5]};
  Dft(even);
  Dft(odd);
  const Complex<R> twiddled[3] = {odd[0],
                                  {odd[1].re / 2 + kSin * odd[1].im, odd[1].im / 2 - kSin * odd[1].re},
                                  {-odd[2].re / 2 + kSin * odd[2].im, -odd[2].im / 2 - kSin * odd[2].re}};
  DAU_UNROLL
  for (int k = 0; k < 3; ++k) {
    x[k] = even[k] + twiddled[k];
    x[k + 3] = even[k] - twiddled[k];
  }
}
template <typename R>
__device__ inline void Dft(Complex<R> (&x)[8]) {
  constexpr R kRoot = static_cast<R>(0.70710678118654752440);
  Complex<R> even[4] = {x[0], x[2], x[4], x[6]}, odd[4] = {x[1], x[3], x[5], x[7]};
  Dft(even);
  Dft(odd);
  const Complex<R> twiddled[4] = {odd[0],
                                  {kRoot * (odd[1].re + odd[1].im), kRoot * (odd[1].im - odd[1].re)},
                                  {odd[2].im, -odd[2].re},
                                  {kRoot * (odd[3].im - odd[3].re), -kRoot * (odd[3].re + odd[3].im)}};
  DAU_UNROLL
  for (int k = 0; k < 4; ++k) {
    x[k] = even[k] + twiddled[k];
    x[k + 4] = even[k] - twiddled[k];
  }
}

// kRows: lines are rows, and lanes go along them; otherwise columns, and lanes go from one to the next. kInverse: with
// e^(+2πi…), which is the same with real and imaginary parts exchanged on both ends. at(line, hi, lo, A) is the index
// of a sample. inverse_lines: 1 / lines, if these are columns. roots: e^(2πi·j/(A·B)). Ends with a barrier.
template <int A, int B, bool kRows, bool kInverse, typename R, typename At>
__device__ inline void TransformLines(int lines, float inverse_lines, const Complex<R>* roots, const At& at,
                                      Complex<R>* data) {
  const auto exchanged = [](Complex<R> z) { return kInverse ? Complex<R>{z.im, z.re} : z; };
  for (int i = threadIdx.x; i < lines * A; i += blockDim.x) {
    const int line = kRows ? i / A : i - SmallQuotient(i, inverse_lines) * lines;
    const int lo = kRows ? i % A : SmallQuotient(i, inverse_lines);
    Complex<R> x[B];
    DAU_UNROLL
    for (int hi = 0; hi < B; ++hi) x[hi] = exchanged(data[at(line, hi, lo, A)]);
    Dft(x);
    data[at(line, 0, lo, A)] = x[0];
    DAU_UNROLL
    for (int hi = 1; hi < B; ++hi) data[at(line, hi, lo, A)] = x[hi] * Conjugate(roots[hi * lo]);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < lines * B; i += blockDim.x) {
    const int line = kRows ? i / B : i - SmallQuotient(i, inverse_lines) * lines;
    const int hi = kRows ? i % B : SmallQuotient(i, inverse_lines);
    Complex<R> x[A];
    DAU_UNROLL
    for (int lo = 0; lo < A; ++lo) x[lo] = data[at(line, hi, lo, A)];
    Dft(x);
    DAU_UNROLL
    for (int lo = 0; lo < A; ++lo) data[at(line, hi, lo, A)] = exchanged(x[lo]);
  }
  __syncthreads();
}

template <bool kRows, bool kInverse, typename R, typename At>
__device__ inline void Transform(int length, int lines, float inverse_lines, const Complex<R>* roots, const At& at,
                                 Complex<R>* data) {
  switch (length) {
    case 16:
      return TransformLines<4, 4, kRows, kInverse>(lines, inverse_lines, roots, at, data);
    case 24:
      return TransformLines<4, 6, kRows, kInverse>(lines, inverse_lines, roots, at, data);
    case 32:
      return TransformLines<4, 8, kRows, kInverse>(lines, inverse_lines, roots, at, data);
    case 40:
      return TransformLines<5, 8, kRows, kInverse>(lines, inverse_lines, roots, at, data);
    case 48:
      return TransformLines<6, 8, kRows, kInverse>(lines, inverse_lines, roots, at, data);
    default:
      return TransformLines<8, 8, kRows, kInverse>(lines, inverse_lines, roots, at, data);
  }
}

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_FFT_INL_H_
