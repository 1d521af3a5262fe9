// The stand-in for CUDA finds what a GPU would not forgive.
#include "cc/kernels/cuda/cuda_on_cpu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace dau::cuda_on_cpu {
namespace {

TEST(CudaOnCpuTest, EveryThreadOfEveryBlockRunsOnce) {
  for (Order order : {Order::kForward, Order::kBackward, Order::kShuffled}) {
    GetSettings().order = order;
    std::vector<int> count(5 * 70);
    EXPECT_EQ(Launch(5, 70, 0, [&] { ++count[blockIdx.x * blockDim.x + threadIdx.x]; }), cudaSuccess);
    EXPECT_EQ(count, std::vector<int>(5 * 70, 1));
  }
  GetSettings() = {};
}

TEST(CudaOnCpuTest, BarriersOrderSharedMemory) {
  std::vector<int> out(2 * 256);
  EXPECT_EQ(Launch(2, 256, 256 * sizeof(int),
                   [&] {
                     int* const shared = reinterpret_cast<int*>(SharedMemory());
                     for (int round = 0; round < 3; ++round) {
                       __syncthreads();
                       shared[threadIdx.x] = static_cast<int>(threadIdx.x) + round;
                       __syncthreads();
                       out[blockIdx.x * 256 + threadIdx.x] = shared[255 - threadIdx.x];
                     }
                   }),
            cudaSuccess);
  for (int i = 0; i < 512; ++i) EXPECT_EQ(out[i], 255 - i % 256 + 2);
}

TEST(CudaOnCpuTest, ShufflesAreByWarp) {
  std::vector<double> out(64);
  EXPECT_EQ(Launch(1, 64, 0,
                   [&] {
                     double sum = threadIdx.x;
                     for (int distance = 16; distance > 0; distance /= 2) {
                       sum += __shfl_xor_sync(0xffffffffu, sum, distance);
                     }
                     out[threadIdx.x] = sum;
                   }),
            cudaSuccess);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(out[i], i < 32 ? 31 * 16 : 31 * 16 + 32 * 32);
}

TEST(CudaOnCpuTest, SharedMemoryBeginsAsNan) {
  float first = 0;
  EXPECT_EQ(Launch(1, 1, sizeof(float), [&] { first = *reinterpret_cast<float*>(SharedMemory()); }), cudaSuccess);
  EXPECT_TRUE(std::isnan(first));
}

TEST(CudaOnCpuTest, RefusesWhatAGpuWould) {
  const auto nothing = [] {};
  EXPECT_EQ(Launch(0, 32, 0, nothing), cudaErrorInvalidConfiguration);
  EXPECT_EQ(Launch(int64_t{1} << 31, 32, 0, nothing), cudaErrorInvalidConfiguration);
  EXPECT_EQ(Launch(1, 1025, 0, nothing), cudaErrorInvalidConfiguration);
  EXPECT_EQ(Launch(1, 32, (48 << 10) + 1, nothing), cudaErrorInvalidValue);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which dislike a fork on a fiber
TEST(CudaOnCpuDeathTest, BarriersThatNotAllReach) {
  EXPECT_DEATH(Launch(1, 64, 0,
                      [] {
                        if (threadIdx.x < 63) __syncthreads();
                      }),
               "others have ended");
  EXPECT_DEATH(Launch(1, 32, 0,
                      [] {
                        if (threadIdx.x % 2 == 0) __shfl_xor_sync(0xffffffffu, 1, 2);
                      }),
               "some lanes");
}
#endif

#if defined(__SANITIZE_ADDRESS__)
TEST(CudaOnCpuDeathTest, AddressSanitizerSeesBeyondSharedMemory) {
  EXPECT_DEATH(Launch(1, 1, 64, [] { reinterpret_cast<volatile char*>(SharedMemory())[64] = 1; }),
               "heap-buffer-overflow");
}
#endif

#if defined(__SANITIZE_THREAD__)
TEST(CudaOnCpuDeathTest, ThreadSanitizerSeesRacesBetweenThreadsOfABlock) {
  EXPECT_EXIT(
      {
        Launch(1, 32, 64, [] {
          volatile int* const shared = reinterpret_cast<volatile int*>(SharedMemory());
          shared[threadIdx.x / 2] = 1;
        });
        std::exit(0);
      },
      [](int status) { return status != 0; }, "data race");
}
#endif

}  // namespace
}  // namespace dau::cuda_on_cpu
