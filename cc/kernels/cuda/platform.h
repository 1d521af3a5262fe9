// CUDA: NVIDIA's, or the stand-in that runs kernels on the processor in tests (-DDAU_CUDA_ON_CPU).
#ifndef DAU_CC_KERNELS_CUDA_PLATFORM_H_
#define DAU_CC_KERNELS_CUDA_PLATFORM_H_

#ifdef DAU_CUDA_ON_CPU
#include "cc/kernels/cuda/cuda_on_cpu.h"  // IWYU pragma: export
#define DAU_UNROLL
#define DAU_NO_UNROLL
#else
#include <cuda_runtime.h>
#define DAU_UNROLL _Pragma("unroll")
#define DAU_NO_UNROLL _Pragma("unroll 1")
// A block's shared memory, of the size that its launch asked for.
#define DAU_SHARED_MEMORY(name) extern __shared__ __align__(16) unsigned char name[]
#endif

#endif  // DAU_CC_KERNELS_CUDA_PLATFORM_H_
