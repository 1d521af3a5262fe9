// A number on the device, on the host: waits for the stream. For who gets there what dau_conv_cuda.h takes from the
// host.
#ifndef DAU_CC_KERNELS_CUDA_READ_NUMBER_H_
#define DAU_CC_KERNELS_CUDA_READ_NUMBER_H_

#include "cc/kernels/base/status.h"

// As in dau_conv_cuda.h.
using cudaStream_t = struct CUstream_st*;

namespace dau::cuda {

// R: float or double.
template <typename R>
Status ReadNumber(const R* device, R* host, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_READ_NUMBER_H_
