#include "cc/bench/cuda_peaks.h"

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/cuda/launch.h"
#include "cc/kernels/cuda/storage.h"

namespace dau::bench {
namespace {

__global__ void CopyKernel(const float* from, float* to, int64_t fours) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < fours; i += stride) {
    cuda::StoreFour(cuda::LoadFour(from + 4 * i), to + 4 * i);
  }
}

__global__ void FmaKernel(int length, float* sink) {
  float chain[kFmaChains];
  DAU_UNROLL
  for (int c = 0; c < kFmaChains; ++c) chain[c] = static_cast<float>(threadIdx.x + c);
  for (int i = 0; i < length; ++i) {
    DAU_UNROLL
    for (int c = 0; c < kFmaChains; ++c) chain[c] = chain[c] * 0.999f + 0.001f;
  }
  float sum = 0;
  DAU_UNROLL
  for (int c = 0; c < kFmaChains; ++c) sum += chain[c];
  if (sum < 0) sink[threadIdx.x] = sum;  // never, which the compiler can't know
}

}  // namespace

Status Copy(const float* from, float* to, int64_t count, cudaStream_t stream) {
  return cuda::Launch("Copy", stream, {CeilDiv(count / 4, 256), 256}, CopyKernel, from, to, count / 4);
}

Status Fma(int64_t blocks, int length, float* sink, cudaStream_t stream) {
  return cuda::Launch("Fma", stream, {blocks, kFmaThreads}, FmaKernel, length, sink);
}

}  // namespace dau::bench
