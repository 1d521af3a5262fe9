// The engine for NVIDIA's GPUs: dau_conv_shape.h's convolution and its gradients on the caller's stream.
//
// Two forms: the direct one, and the spectral one, which hardly costs more with more units. options.engine kAuto takes
// the one that should be faster (cost.h) among those that serve the shape; kDirect and kSpectral force one, and
// …Workspace then tells where it can't serve.
//
// Pointers are the device's, all but those to sizes. A call only launches kernels: it waits for nothing, allocates
// nothing, keeps nothing, and can be captured into a graph. Its result does not depend on the order in which blocks
// run: no sum is taken by atomics. A displacement that is not finite, which the CPU's engines refuse, gives NaN: to
// find it here would need a wait. Displacements beyond max_displacement are as right as others, and slower.
//
// T: float, double, or stored as BFloat16 or Float16 and computed in float. A workspace is aligned to 16 bytes. Images
// of float are aligned to their element. The shape is valid (Validate). Errors: sizes that overflow, launches that CUDA
// refuses, a forced form that can't serve.
#ifndef DAU_CC_KERNELS_CUDA_DAU_CONV_CUDA_H_
#define DAU_CC_KERNELS_CUDA_DAU_CONV_CUDA_H_

#include <cstddef>

#include "cc/kernels/base/half.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/engine.h"

// cudaStream_t, as cuda_runtime_api.h declares it: who calls this needs no header of CUDA's.
using cudaStream_t = struct CUstream_st*;

namespace dau::cuda {

template <typename T>
Status ForwardWorkspace(const Options& options, const DauConvShape& shape, size_t* bytes);
template <typename T>
Status Forward(const Options& options, const DauConvShape& shape, const T* x, const T* weight,
               const Real<T>* displacement, T* y, void* workspace, cudaStream_t stream);

template <typename T>
Status BackwardInputWorkspace(const Options& options, const DauConvShape& shape, size_t* bytes);
template <typename T>
Status BackwardInput(const Options& options, const DauConvShape& shape, const T* weight, const Real<T>* displacement,
                     const T* dy, T* dx, void* workspace, cudaStream_t stream);

// sigma: whether gradients.sigma is wanted; it costs another correlation.
template <typename T>
Status BackwardParamsWorkspace(const Options& options, const DauConvShape& shape, DisplacementGradient kind, bool sigma,
                               size_t* bytes);
template <typename T>
Status BackwardParams(const Options& options, const DauConvShape& shape, DisplacementGradient kind, const T* x,
                      const T* weight, const Real<T>* displacement, const T* dy, const ParamGradients<T>& gradients,
                      void* workspace, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_DAU_CONV_CUDA_H_
