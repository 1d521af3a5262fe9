// Runs CUDA kernels on the processor: the same .cu sources compiled as C++. For tests on machines without a GPU, where
// AddressSanitizer and ThreadSanitizer then find what compute-sanitizer would.
//
// Blocks run one after the other; the threads of a block are fibers (fiber.h) that switch at barriers and shuffles, in
// an order that the test chooses. Shared memory is a piece of heap of just the size the launch asked for, filled with
// NaN. A barrier that not every thread reaches, or a launch that a GPU would refuse, is an error.
//
// Of CUDA there is what this library uses: one-dimensional grids and blocks, dynamic shared memory, __syncthreads,
// __shfl_xor_sync by whole warps, memory, streams and events that do everything at once.
#ifndef DAU_CC_KERNELS_CUDA_CUDA_ON_CPU_H_
#define DAU_CC_KERNELS_CUDA_CUDA_ON_CPU_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define DAU_SHARED_MEMORY(name) unsigned char* const name = ::dau::cuda_on_cpu::SharedMemory()
#define threadIdx (::dau::cuda_on_cpu::ThreadIndex())
#define blockIdx (::dau::cuda_on_cpu::BlockIndex())
#define blockDim (::dau::cuda_on_cpu::BlockDim())
#define gridDim (::dau::cuda_on_cpu::GridDim())

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorInvalidConfiguration = 9 };
using cudaStream_t = struct CUstream_st*;

namespace dau::cuda_on_cpu {

// The order in which the threads of a block and the blocks of a grid take their turns. A kernel without races gives the
// same bits in each.
enum class Order { kForward, kBackward, kShuffled };

// What a test may change. Not for use by several threads at once, like all of this file.
struct Settings {
  Order order = Order::kForward;
  int64_t max_blocks = INT32_MAX;         // of a grid, CUDA's limit
  cudaError_t next_launch = cudaSuccess;  // what the next launch returns instead of running
  int64_t launches = 0, blocks = 0;       // counted
};
Settings& GetSettings();

// Runs kernel() as each thread of the grid.
cudaError_t Launch(int64_t blocks, int threads, size_t shared_bytes, const std::function<void()>& kernel);

dim3 ThreadIndex();
dim3 BlockIndex();
dim3 BlockDim();
dim3 GridDim();
unsigned char* SharedMemory();
void SyncThreads();
void SyncWarp();
// The value of the lane `lane ^ mask` of the warp.
uint64_t ShuffleXor(uint64_t bits, int mask);

}  // namespace dau::cuda_on_cpu

inline void __syncthreads() { dau::cuda_on_cpu::SyncThreads(); }
inline void __syncwarp() { dau::cuda_on_cpu::SyncWarp(); }
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = dau::cuda_on_cpu::ShuffleXor(bits, mask);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

inline const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess             ? "no error"
         : error == cudaErrorInvalidValue ? "invalid argument"
                                          : "invalid configuration";
}

enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
inline cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  *pointer = std::malloc(bytes == 0 ? 1 : bytes);
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* pointer) {
  std::free(pointer);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  if (bytes > 0) std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}
inline cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t) {
  if (bytes > 0) std::memset(to, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }

struct CUevent_st {
  std::chrono::steady_clock::time_point time;
};
using cudaEvent_t = CUevent_st*;
inline cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new CUevent_st;
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return cudaSuccess;
}

struct cudaDeviceProp {
  char name[64] = "the processor, by cuda_on_cpu.h";
  int major = 0, minor = 0, multiProcessorCount = 1, l2CacheSize = 1 << 20;
};
inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = cudaDeviceProp();
  return cudaSuccess;
}

#endif  // DAU_CC_KERNELS_CUDA_CUDA_ON_CPU_H_
