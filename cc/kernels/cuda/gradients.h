// From correlations to gradients: adds the groups up, and weighs the corners.
#ifndef DAU_CC_KERNELS_CUDA_GRADIENTS_H_
#define DAU_CC_KERNELS_CUDA_GRADIENTS_H_

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda {

// Correlations of dy, [groups, F, S, K, 4] each: with x̃; with the planes of Eq. 16, null for the exact gradient; with
// ∂x̃/∂σ, null when nobody asks for it.
template <typename R>
struct Correlations {
  int64_t groups;
  const R *smooth, *slope_v, *slope_h, *wider;
};

// terms: [K, S, F], each unit's part of ∂σ; sums of them are taken in double, in one order.
template <typename T>
Status WriteGradients(const DauConvShape& shape, const Correlations<Real<T>>& correlations, const T* weight,
                      const Real<T>* displacement, const ParamGradients<T>& gradients, double* terms,
                      cudaStream_t stream);

// The same from the sums of the spectral form, cross.h: [count][kSums][unit, by UnitOrder::Unit].
template <typename R>
struct SpectralSums {
  int64_t count;
  const R* sums;
};
template <typename T>
Status WriteGradients(const DauConvShape& shape, const SpectralSums<Real<T>>& sums, const T* weight,
                      const ParamGradients<T>& gradients, double* terms, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_GRADIENTS_H_
