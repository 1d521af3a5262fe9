// Every engine, in each of its memory layouts, and the front door that chooses among them: the one list that the suites
// for all of them run over.
#ifndef DAU_TESTS_CC_KERNELS_ENGINES_H_
#define DAU_TESTS_CC_KERNELS_ENGINES_H_

#include <gtest/gtest.h>

#include <string>

#include "cc/kernels/dau_conv.h"
#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/direct/layout.h"
#include "cc/kernels/engine_functions.h"
#include "cc/kernels/reference/reference_engine.h"
#include "cc/kernels/spectral/dau_conv_spectral.h"
#include "tests/cc/kernels/reach.h"
#ifdef DAU_CUDA_ON_CPU
#include "tests/cc/kernels/cuda_engine.h"
#endif

namespace dau::testing {

struct Direct {
  static constexpr const char* kName = "Direct";
  static constexpr bool kServesEverything = true;  // false: it may refuse a shape, and is then let off
  static constexpr Reach kReach = Reach::kNextPixel;
  // Products and sums that may underflow for one term of the definition: blur along two axes, lerps, the weight.
  static constexpr double kUnderflows = 16;
  static constexpr bool kLerpsByRatio = true;  // see Scales
  template <typename T>
  static constexpr EngineFunctions<T> kFunctions = DAU_ENGINE_FUNCTIONS(T, direct);
};

// Each memory layout by itself, where it serves.
class ForcedLayout {
 public:
  explicit ForcedLayout(direct::Layout layout) { direct::ForceLayoutForTest(layout); }
  ~ForcedLayout() { direct::ForceLayoutForTest(direct::Layout::kCheapest); }
};

template <direct::Layout kLayout, auto kFunction>
struct InLayout;
template <direct::Layout kLayout, typename Result, typename... Arguments, Result (*kFunction)(Arguments...)>
struct InLayout<kLayout, kFunction> {
  static Result Call(Arguments... arguments) {
    const ForcedLayout forced(kLayout);
    return kFunction(arguments...);
  }
};

template <direct::Layout kLayout>
struct DirectIn : Direct {
  static constexpr const char* kName = kLayout == direct::Layout::kPlanes ? "DirectPlanes" : "DirectLanes";
  template <typename T>
  static constexpr EngineFunctions<T> kFunctions = {InLayout<kLayout, &direct::ForwardWorkspace<T>>::Call,
                                                    InLayout<kLayout, &direct::Forward<T>>::Call,
                                                    InLayout<kLayout, &direct::BackwardInputWorkspace<T>>::Call,
                                                    InLayout<kLayout, &direct::BackwardInput<T>>::Call,
                                                    InLayout<kLayout, &direct::BackwardParamsWorkspace<T>>::Call,
                                                    InLayout<kLayout, &direct::BackwardParams<T>>::Call};
};
using DirectPlanes = DirectIn<direct::Layout::kPlanes>;
using DirectLanes = DirectIn<direct::Layout::kLanes>;

struct Spectral {
  static constexpr const char* kName = "Spectral";
  static constexpr bool kServesEverything = false;  // displacements beyond its largest tile
  static constexpr Reach kReach = Reach::kImage;
  static constexpr double kUnderflows = 64 * 64;  // every frequency of a tile has its share in a pixel
  static constexpr bool kLerpsByRatio = false;
  template <typename T>
  static constexpr EngineFunctions<T> kFunctions = DAU_ENGINE_FUNCTIONS(T, spectral);
};

struct Reference : Direct {
  static constexpr const char* kName = "Reference";
  static constexpr bool kLerpsByRatio = false;
  template <typename T>
  static constexpr EngineFunctions<T> kFunctions = DAU_ENGINE_FUNCTIONS(T, reference);
};

// The planner's choice, through dau_conv.h.
struct FrontDoor {
  static constexpr const char* kName = "FrontDoor";
  static constexpr bool kServesEverything = true;
  static constexpr Reach kReach = Reach::kImage;
  static constexpr double kUnderflows = Spectral::kUnderflows;
  static constexpr bool kLerpsByRatio = true;
  static Options Choice(const DauConvShape& shape) { return {Engine::kAuto, shape.ignore_batch}; }
  template <typename T>
  static constexpr EngineFunctions<T> kFunctions = {
      [](const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel, size_t* bytes) {
        return dau::ForwardWorkspace<T>(Choice(shape), shape, range, parallel, bytes);
      },
      [](const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight, const T* displacement,
         T* y, void* workspace, const Parallel& parallel) {
        dau::Forward<T>(Choice(shape), shape, range, x, weight, displacement, y, workspace, parallel);
      },
      [](const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel, size_t* bytes) {
        return dau::BackwardInputWorkspace<T>(Choice(shape), shape, range, parallel, bytes);
      },
      [](const DauConvShape& shape, const DisplacementRange& range, const T* weight, const T* displacement, const T* dy,
         T* dx, void* workspace, const Parallel& parallel) {
        dau::BackwardInput<T>(Choice(shape), shape, range, weight, displacement, dy, dx, workspace, parallel);
      },
      [](const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, bool sigma,
         const Parallel& parallel, size_t* bytes) {
        return dau::BackwardParamsWorkspace<T>(Choice(shape), shape, range, kind, sigma, parallel, bytes);
      },
      [](const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, const T* x,
         const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients, void* workspace,
         const Parallel& parallel) {
        dau::BackwardParams<T>(Choice(shape), shape, range, kind, x, weight, displacement, dy, gradients, workspace,
                               parallel);
      }};
};

#ifdef DAU_CUDA_ON_CPU
using Engines = ::testing::Types<CudaDirect, CudaSpectral>;
#else
using Engines = ::testing::Types<Direct, DirectPlanes, DirectLanes, Spectral, Reference, FrontDoor>;
#endif

struct NameOfEngine {
  template <typename E>
  static std::string GetName(int) {
    return E::kName;
  }
};

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_ENGINES_H_
