// What the GPU at hand can do at most: the denominators of cuda_bench.
#ifndef DAU_CC_BENCH_CUDA_PEAKS_H_
#define DAU_CC_BENCH_CUDA_PEAKS_H_

#include <cstdint>

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::bench {

// Copies `count` floats, a multiple of 4, 16 bytes at a time: 8 bytes of traffic a float.
Status Copy(const float* from, float* to, int64_t count, cudaStream_t stream);

// `blocks` blocks of 256 threads, each thread with kFmaChains independent chains of `length` multiply-adds in
// registers.
constexpr int kFmaThreads = 256, kFmaChains = 16;
Status Fma(int64_t blocks, int length, float* sink, cudaStream_t stream);

}  // namespace dau::bench

#endif  // DAU_CC_BENCH_CUDA_PEAKS_H_
