// Starts a kernel on the caller's stream. Nothing waits, nothing is allocated; a refused launch is a Status.
#ifndef DAU_CC_KERNELS_CUDA_LAUNCH_H_
#define DAU_CC_KERNELS_CUDA_LAUNCH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

constexpr int kWarp = 32;
// What a block gets on every architecture without asking: two such blocks fit the 100 KB of an RTX card, four an H100.
constexpr int64_t kSharedBytes = 48 << 10;

// `blocks` is the number of pieces of work; a grid has at most 2³¹ − 1 blocks, so each kernel runs through
//   for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x)
struct Grid {
  int64_t blocks;
  int threads;
  int64_t shared_bytes = 0;
};

inline int64_t MaxBlocks() {
#ifdef DAU_CUDA_ON_CPU
  return cuda_on_cpu::GetSettings().max_blocks;
#else
  return INT32_MAX;
#endif
}

template <typename... Parameters, typename... Arguments>
Status Launch(const char* name, cudaStream_t stream, const Grid& grid, void (*kernel)(Parameters...),
              const Arguments&... arguments) {
  if (grid.blocks <= 0) return Status();
  const int64_t blocks = std::min(grid.blocks, MaxBlocks());
  std::tuple<std::decay_t<Parameters>...> values(arguments...);
#ifdef DAU_CUDA_ON_CPU
  (void)stream;
  const cudaError_t error = cuda_on_cpu::Launch(blocks, grid.threads, grid.shared_bytes,
                                                [&] { std::apply([&](auto... each) { kernel(each...); }, values); });
#else
  // Not <<<>>>: this call returns the launch's own error, not what an earlier one left behind.
  cudaError_t error = std::apply(
      [&](auto&... each) {
        void* pointers[] = {&each...};
        return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(static_cast<unsigned>(blocks)),
                                dim3(grid.threads), pointers, static_cast<size_t>(grid.shared_bytes), stream);
      },
      values);
  if (error != cudaSuccess) cudaGetLastError();  // told here; the next caller must not find it
#endif
  if (error == cudaSuccess) return Status();
  return InvalidArgument("CUDA could not launch the kernel `", name, "` with ", blocks, " blocks of ", grid.threads,
                         " threads and ", grid.shared_bytes, " bytes of shared memory: ", cudaGetErrorString(error));
}

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_LAUNCH_H_
