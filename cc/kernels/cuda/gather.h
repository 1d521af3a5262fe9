// The displaced sum, of the forward pass and of the input's gradient:
//
//   out[n,f,h,w] = Σ_c Σ_k B(planes[n,c]; h·step_h + base_h + μ_v, w·step_w + base_w + μ_h) · weight,   units: [F, C,
//   K]
#ifndef DAU_CC_KERNELS_CUDA_GATHER_H_
#define DAU_CC_KERNELS_CUDA_GATHER_H_

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/cuda/tile.h"
#include "cc/kernels/cuda/units.h"

namespace dau::cuda {

struct GatherCall {
  ImageIndex out;
  PlaneIndex planes;
  int64_t in_channels, units;  // C, K
  Sampling sampling;
  int64_t reach;  // px, what most units stay within
};

template <typename T>
Status Gather(const GatherCall& call, const Real<T>* planes, const Unit<Real<T>>* units, T* out, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_GATHER_H_
