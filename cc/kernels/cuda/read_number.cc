#include "cc/kernels/cuda/read_number.h"

#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

template <typename R>
Status ReadNumber(const R* device, R* host, cudaStream_t stream) {
  cudaError_t error = cudaMemcpyAsync(host, device, sizeof(R), cudaMemcpyDeviceToHost, stream);
  if (error == cudaSuccess) error = cudaStreamSynchronize(stream);
  if (error == cudaSuccess) return Status();
  return InvalidArgument("CUDA could not read a number from the device: ", cudaGetErrorString(error));
}

template Status ReadNumber(const float*, float*, cudaStream_t);
template Status ReadNumber(const double*, double*, cudaStream_t);

}  // namespace dau::cuda
