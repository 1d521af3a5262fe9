// The CUDA engine, run on the processor, for the suites of engines.h. A test that links it runs them on it alone.
#ifndef DAU_TESTS_CC_KERNELS_CUDA_ENGINE_H_
#define DAU_TESTS_CC_KERNELS_CUDA_ENGINE_H_

#include <gtest/gtest.h>

#include <cstddef>

#include "cc/kernels/cuda/cuda_on_cpu.h"
#include "cc/kernels/cuda/dau_conv_cuda.h"
#include "cc/kernels/engine_functions.h"
#include "tests/cc/kernels/reach.h"

namespace dau::testing {

// Several threads ask for blocks and threads in another order: no result may depend on it.
inline cuda_on_cpu::Order OrderOf(const Parallel& parallel) {
  return parallel.num_threads == 1   ? cuda_on_cpu::Order::kForward
         : parallel.num_threads == 2 ? cuda_on_cpu::Order::kBackward
                                     : cuda_on_cpu::Order::kShuffled;
}

inline void ExpectLaunched(const Status& status) { EXPECT_TRUE(status.ok()) << status.message(); }

// The CUDA engine with the signatures of the others.
template <typename T, Engine kForm>
constexpr EngineFunctions<T> kCudaFunctions = {
    [](const DauConvShape& shape, const DisplacementRange&, const Parallel&, size_t* bytes) {
      return cuda::ForwardWorkspace<T>(Options{kForm}, shape, bytes);
    },
    [](const DauConvShape& shape, const DisplacementRange&, const T* x, const T* weight, const T* displacement, T* y,
       void* workspace, const Parallel& parallel) {
      cuda_on_cpu::GetSettings().order = OrderOf(parallel);
      ExpectLaunched(cuda::Forward<T>(Options{kForm}, shape, x, weight, displacement, y, workspace, nullptr));
    },
    [](const DauConvShape& shape, const DisplacementRange&, const Parallel&, size_t* bytes) {
      return cuda::BackwardInputWorkspace<T>(Options{kForm}, shape, bytes);
    },
    [](const DauConvShape& shape, const DisplacementRange&, const T* weight, const T* displacement, const T* dy, T* dx,
       void* workspace, const Parallel& parallel) {
      cuda_on_cpu::GetSettings().order = OrderOf(parallel);
      ExpectLaunched(cuda::BackwardInput<T>(Options{kForm}, shape, weight, displacement, dy, dx, workspace, nullptr));
    },
    [](const DauConvShape& shape, const DisplacementRange&, DisplacementGradient kind, bool sigma, const Parallel&,
       size_t* bytes) { return cuda::BackwardParamsWorkspace<T>(Options{kForm}, shape, kind, sigma, bytes); },
    [](const DauConvShape& shape, const DisplacementRange&, DisplacementGradient kind, const T* x, const T* weight,
       const T* displacement, const T* dy, const ParamGradients<T>& gradients, void* workspace,
       const Parallel& parallel) {
      cuda_on_cpu::GetSettings().order = OrderOf(parallel);
      ExpectLaunched(cuda::BackwardParams<T>(Options{kForm}, shape, kind, x, weight, displacement, dy, gradients,
                                             workspace, nullptr));
    },
};

struct CudaDirect {
  static constexpr const char* kName = "CudaDirect";
  static constexpr bool kServesEverything = true;
  static constexpr Reach kReach = Reach::kNextPixel;
  static constexpr double kUnderflows = 16;  // as the direct engine: the same products and sums
  static constexpr bool kLerpsByRatio = false;
  template <typename T>
  static constexpr EngineFunctions<T> kFunctions = kCudaFunctions<T, Engine::kDirect>;
};

struct CudaSpectral {
  static constexpr const char* kName = "CudaSpectral";
  static constexpr bool kServesEverything = false;  // a reach and blur beyond its largest tile
  static constexpr Reach kReach = Reach::kImage;
  static constexpr double kUnderflows = 64 * 64;  // every frequency of a tile has its share in a pixel
  static constexpr bool kLerpsByRatio = false;
  template <typename T>
  static constexpr EngineFunctions<T> kFunctions = kCudaFunctions<T, Engine::kSpectral>;
};

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_CUDA_ENGINE_H_
