// What the direct engine's passes cost: the counts of their own plans times rates measured once.
#ifndef DAU_CC_KERNELS_DIRECT_COST_H_
#define DAU_CC_KERNELS_DIRECT_COST_H_

#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/direct/work.h"
#include "cc/kernels/engine.h"

namespace dau::direct {

// What the pass will do, in the memory layout that it will choose. `kind` matters to Pass::kBackwardParams only.
template <typename T>
KindOfWork CountWork(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const DisplacementRange& range);

// Nanoseconds on one thread, without the gradient of σ.
template <typename T>
double EstimateCost(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const DisplacementRange& range);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_COST_H_
