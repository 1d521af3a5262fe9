// What the forms of the CUDA engine cost, on paper: instructions of a thread, as docs/performance_gpu.md derives them.
// No card has been asked.
#ifndef DAU_CC_KERNELS_CUDA_COST_H_
#define DAU_CC_KERNELS_CUDA_COST_H_

#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/engine.h"

namespace dau::cuda {

// With shape.ignore_batch, of one image.
double SpectralGatherCost(const DauConvShape& shape, bool adjoint, const Circle& circle);
double SpectralParamsCost(const DauConvShape& shape, bool adjoint, const Circle& circle);

// Of a form, kDirect or kSpectral; infinity where it can't serve. `kind` matters to Pass::kBackwardParams only.
double EstimateCost(Engine form, Pass pass, DisplacementGradient kind, const DauConvShape& shape);

// Which form a pass takes, kDirect or kSpectral. real_bytes: 4 or 8, of what is computed in.
Engine ChooseForm(Pass pass, DisplacementGradient kind, const DauConvShape& shape, size_t real_bytes);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_COST_H_
