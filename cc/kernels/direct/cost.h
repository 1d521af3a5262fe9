// What the direct engine's passes cost: the counts of their own plans times rates measured once.
#ifndef DAU_CC_KERNELS_DIRECT_COST_H_
#define DAU_CC_KERNELS_DIRECT_COST_H_

#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/direct/work.h"

namespace dau::direct {

enum class Pass { kForward, kBackwardInput, kBackwardParamsExact, kBackwardParamsGaussian };

// What the pass will do, in the memory layout that it will choose.
template <typename T>
KindOfWork CountWork(Pass pass, const DauConvShape& shape, const DisplacementRange& range);

// Nanoseconds on one thread, without the gradient of σ.
template <typename T>
double EstimateCost(Pass pass, const DauConvShape& shape, const DisplacementRange& range);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_COST_H_
