// Adds what units beyond their tile contribute to the outputs of a gather; blocks whose channel has none end at once.
#ifndef DAU_CC_KERNELS_CUDA_FAR_H_
#define DAU_CC_KERNELS_CUDA_FAR_H_

#include <cstdint>

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/circle_tables.h"
#include "cc/kernels/cuda/circle_units.h"
#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

// far: [out], of MakeCircleUnits. from and to: planes of the inputs and the outputs.
template <typename R>
Status AddFar(const Circle& circle, const CircleTables<R>& tables, const UnitOrder& order, int64_t batch,
              const PlaneIndex& from_planes, const R* from, const CircleUnit<R>* units, const R* displacement,
              const int64_t* far, const PlaneIndex& to_planes, R* to, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_FAR_H_
