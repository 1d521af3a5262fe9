// Numbers that the host computes, on the device: by kernels that carry them as parameters, since a copy from the host's
// memory would have to wait.
#ifndef DAU_CC_KERNELS_CUDA_NUMBERS_H_
#define DAU_CC_KERNELS_CUDA_NUMBERS_H_

#include <vector>

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

template <typename R>
Status StoreNumbers(const std::vector<double>& from, R* to, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_NUMBERS_H_
