// What the spectral form looks up: roots of unity, the spectra of the blur and its derivatives, their taps.
#ifndef DAU_CC_KERNELS_CUDA_CIRCLE_TABLES_H_
#define DAU_CC_KERNELS_CUDA_CIRCLE_TABLES_H_

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/complex.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

template <typename R>
struct AxisTables {
  const Complex<R>* roots;  // e^(2πi·j/P), j < P
  // Of frequency u < P: Σ_i g(i)·cos(2πui/P), the same of ∂g/∂σ, and of Eq. 16's odd derivative Σ_i d(i)·sin(2πui/P):
  // its spectrum is i times this.
  const R *smooth, *perimeter, *derivative;
};

template <typename R>
struct Taps {
  int radius;
  const R *smooth, *derivative, *perimeter;  // at −radius … radius
};

template <typename R>
struct CircleTables {
  AxisTables<R> v, h;
  Taps<R> taps;

  CircleTables(const Circle& circle, double sigma, Arena* arena);
  Status Fill(const Circle& circle, double sigma, cudaStream_t stream) const;

 private:
  R* numbers_;
};

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_CIRCLE_TABLES_H_
