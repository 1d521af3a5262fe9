// The direct engine: displaced planes are added up pixel by pixel. Arrays as in dau_conv_shape.h.
//
// Each call needs `workspace` memory of the size its twin …Workspace tells for the same shape, range and threads:
// the planes of as many images as fit into 8 MiB (at least one), and 20 bytes a unit (32 in float64). It should begin
// at a multiple of 64 bytes: loads that cross cache lines take the lane layout half of its speed.
#ifndef DAU_CC_KERNELS_DIRECT_DAU_CONV_DIRECT_H_
#define DAU_CC_KERNELS_DIRECT_DAU_CONV_DIRECT_H_

#include <cstddef>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::direct {

// Refuses images whose planes an engine cannot address: 2^31 elements of one channel with its border.
template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                        size_t* bytes);
template <typename T>
void Forward(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
             const T* displacement, T* y, void* workspace, const Parallel& parallel);

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                              size_t* bytes);
template <typename T>
void BackwardInput(const DauConvShape& shape, const DisplacementRange& range, const T* weight, const T* displacement,
                   const T* dy, T* dx, void* workspace, const Parallel& parallel);

// sigma: whether gradients.sigma is wanted; it costs another correlation.
template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind,
                               bool sigma, const Parallel& parallel, size_t* bytes);
template <typename T>
void BackwardParams(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, const T* x,
                    const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
                    void* workspace, const Parallel& parallel);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_DAU_CONV_DIRECT_H_
