// The units as the kernels read them: in the order of their use, with the position cut into cell and fraction once.
#ifndef DAU_CC_KERNELS_CUDA_UNITS_H_
#define DAU_CC_KERNELS_CUDA_UNITS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "cc/kernels/base/half.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda {

// Adds upper·(left·p[0][0] + right·p[0][1]) + lower·(left·p[1][0] + right·p[1][1]), p the cell's four neighbours.
// Not left = 1 and one multiplication less: right/left grows to 10¹⁵ before a pixel, and the loads are the limit.
template <typename R>
struct alignas(16) Unit {
  int64_t cell_v, cell_h;
  R upper, lower;  // with the weight
  R left, right;
};

// Where a displacement looks, on the device: NaN and infinity, which the host refuses, give a NaN that shows.
DAU_HOST_DEVICE inline Interpolation InterpolateOrNan(double displacement) {
  if (displacement - displacement == 0) return Interpolate(displacement);
  return {0, displacement - displacement};
}

// What units are expected to reach, px: nobody looks, since that would need a wait. 8 where the caller sets no limit.
// Others are as right, and slower.
inline int64_t ExpectedReach(const DauConvShape& shape) {
  return shape.max_displacement < 0 ? 8 : static_cast<int64_t>(std::ceil(std::min(shape.max_displacement, 1e6)));
}

// units: [F, S, K], as F = Σ over S. adjoint: [S, F, K] with displacements negated: the gather of the input's gradient.
// B(−μ) is the adjoint of B(μ).
template <typename T>
Status MakeUnits(const DauConvShape& shape, bool adjoint, const T* weight, const Real<T>* displacement,
                 Unit<Real<T>>* units, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_UNITS_H_
