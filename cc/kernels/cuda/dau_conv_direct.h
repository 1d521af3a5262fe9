// The direct form: displaced sums of blurred planes, pixel by pixel. Serves everything. As dau_conv_cuda.h.
#ifndef DAU_CC_KERNELS_CUDA_DAU_CONV_DIRECT_H_
#define DAU_CC_KERNELS_CUDA_DAU_CONV_DIRECT_H_

#include <cstddef>

#include "cc/kernels/base/half.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda::direct {

template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, size_t* bytes);
template <typename T>
Status Forward(const DauConvShape& shape, const T* x, const T* weight, const Real<T>* displacement, T* y,
               void* workspace, cudaStream_t stream);

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, size_t* bytes);
template <typename T>
Status BackwardInput(const DauConvShape& shape, const T* weight, const Real<T>* displacement, const T* dy, T* dx,
                     void* workspace, cudaStream_t stream);

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, DisplacementGradient kind, bool sigma, size_t* bytes);
template <typename T>
Status BackwardParams(const DauConvShape& shape, DisplacementGradient kind, const T* x, const T* weight,
                      const Real<T>* displacement, const T* dy, const ParamGradients<T>& gradients, void* workspace,
                      cudaStream_t stream);

}  // namespace dau::cuda::direct

#endif  // DAU_CC_KERNELS_CUDA_DAU_CONV_DIRECT_H_
