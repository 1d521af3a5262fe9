// Calls of the general form, a σ per unit, with random arrays, and their results against the definition.
#ifndef DAU_TESTS_CC_KERNELS_GENERAL_PROBLEM_H_
#define DAU_TESTS_CC_KERNELS_GENERAL_PROBLEM_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "cc/kernels/general_conv.h"
#include "cc/kernels/general_functions.h"
#include "cc/kernels/reference/general_reference.h"
#include "cc/kernels/reference/general_reference_engine.h"
#include "cc/kernels/spectral/general_spectral.h"
#include "tests/cc/kernels/cases.h"
#include "tests/cc/kernels/checks.h"
#include "tests/cc/kernels/general_scales.h"
#include "tests/cc/kernels/problem.h"

namespace dau::testing {

// A case's problem with a σ of its own for each unit, from nearly nothing to the largest: the case's σ.
template <typename T>
struct GeneralProblem : Problem<T> {
  using Problem<T>::displacement;
  using Problem<T>::dy;
  using Problem<T>::range;
  using Problem<T>::shape;
  using Problem<T>::weight;
  using Problem<T>::x;
  std::vector<T> sigma;

  explicit GeneralProblem(const Case& c, uint64_t seed = 7) : Problem<T>(c, seed) {
    shape.max_sigma = shape.sigma;
    std::mt19937_64 random(seed + 1);
    std::uniform_real_distribution<double> uniform(0.3, 1);
    for (size_t i = 0; i < weight.size(); ++i) sigma.push_back(static_cast<T>(shape.max_sigma * uniform(random)));
    const double nasty[] = {1, 1e-12, 0.02, 0.1};
    for (size_t i = 0; i < std::min<size_t>(weight.size(), 4); ++i) {
      sigma[i] = static_cast<T>(shape.max_sigma * nasty[i]);
    }
  }

  // Empty, like the two below, where the engine refuses the shape.
  std::vector<T> Forward(const GeneralFunctions<T>& engine, const Parallel& parallel) const {
    size_t bytes = 0;
    if (!engine.forward_workspace(shape, range, parallel, &bytes).ok()) return {};
    Scratch scratch(bytes);
    std::vector<T> y(dy.size());
    engine.forward(shape, range, x.data(), weight.data(), displacement.data(), sigma.data(), y.data(), scratch.data(),
                   parallel);
    return y;
  }
  std::vector<T> BackwardInput(const GeneralFunctions<T>& engine, const Parallel& parallel) const {
    size_t bytes = 0;
    if (!engine.backward_input_workspace(shape, range, parallel, &bytes).ok()) return {};
    Scratch scratch(bytes);
    std::vector<T> dx(x.size());
    engine.backward_input(shape, range, weight.data(), displacement.data(), sigma.data(), dy.data(), dx.data(),
                          scratch.data(), parallel);
    return dx;
  }
  // ∂weight, then ∂displacement, then ∂σ.
  std::vector<T> BackwardParams(const GeneralFunctions<T>& engine, const Parallel& parallel) const {
    size_t bytes = 0;
    if (!engine.backward_params_workspace(shape, range, parallel, &bytes).ok()) return {};
    Scratch scratch(bytes);
    const size_t count = weight.size();
    std::vector<T> gradients(4 * count);
    engine.backward_params(shape, range, x.data(), weight.data(), displacement.data(), sigma.data(), dy.data(),
                           {gradients.data(), gradients.data() + count, gradients.data() + 3 * count}, scratch.data(),
                           parallel);
    return gradients;
  }
};

template <typename T>
constexpr GeneralFunctions<T> kSpectral = DAU_GENERAL_FUNCTIONS(T, spectral);
template <typename T>
constexpr GeneralFunctions<T> kReference = DAU_GENERAL_FUNCTIONS(T, reference);

// Through general_conv.h, which refuses nothing.
template <typename T>
constexpr GeneralFunctions<T> kFrontDoor = {
    [](const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel, size_t* bytes) {
      return dau::GeneralForwardWorkspace<T>({}, shape, range, parallel, bytes);
    },
    [](const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight, const T* displacement,
       const T* sigma, T* y, void* workspace, const Parallel& parallel) {
      dau::GeneralForward<T>({}, shape, range, x, weight, displacement, sigma, y, workspace, parallel);
    },
    [](const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel, size_t* bytes) {
      return dau::GeneralBackwardInputWorkspace<T>({}, shape, range, parallel, bytes);
    },
    [](const DauConvShape& shape, const DisplacementRange& range, const T* weight, const T* displacement,
       const T* sigma, const T* dy, T* dx, void* workspace, const Parallel& parallel) {
      dau::GeneralBackwardInput<T>({}, shape, range, weight, displacement, sigma, dy, dx, workspace, parallel);
    },
    [](const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel, size_t* bytes) {
      return dau::GeneralBackwardParamsWorkspace<T>({}, shape, range, parallel, bytes);
    },
    [](const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight, const T* displacement,
       const T* sigma, const T* dy, const ParamGradients<T>& gradients, void* workspace, const Parallel& parallel) {
      dau::GeneralBackwardParams<T>({}, shape, range, x, weight, displacement, sigma, dy, gradients, workspace,
                                    parallel);
    }};

constexpr double kUnderflows = 64 * 64;  // as of the spectral engine in engines.h

template <typename T>
void CheckForward(const GeneralProblem<T>& p, const GeneralFunctions<T>& engine = kSpectral<T>) {
  const std::vector<T> actual = p.Forward(engine, Threads(1));
  if (actual.empty() && !p.dy.empty()) return;  // refused
  std::vector<double> expected(p.dy.size());
  reference::GeneralForward(p.shape, Double(p.x).data(), Double(p.weight).data(), Double(p.displacement).data(),
                            Double(p.sigma).data(), expected.data());
  ExpectNear(actual.data(), expected.data(), Scales<T>(p, false).Output(), p.shape.units * p.shape.in_channels,
             kUnderflows);
}

template <typename T>
void CheckBackwardInput(const GeneralProblem<T>& p, const GeneralFunctions<T>& engine = kSpectral<T>) {
  const std::vector<T> actual = p.BackwardInput(engine, Threads(1));
  if (actual.empty()) return;
  std::vector<double> expected(p.x.size());
  reference::GeneralBackwardInput(p.shape, Double(p.weight).data(), Double(p.displacement).data(),
                                  Double(p.sigma).data(), Double(p.dy).data(), expected.data());
  ExpectNear(actual.data(), expected.data(), Scales<T>(p, false).InputGradient(), p.shape.units * p.shape.filters,
             kUnderflows);
}

template <typename T>
void CheckBackwardParams(const GeneralProblem<T>& p, const GeneralFunctions<T>& engine = kSpectral<T>) {
  const std::vector<T> actual = p.BackwardParams(engine, Threads(1));
  if (actual.empty()) return;
  const size_t count = p.weight.size();
  std::vector<double> expected(4 * count);
  reference::GeneralBackwardParams(p.shape, Double(p.x).data(), Double(p.weight).data(), Double(p.displacement).data(),
                                   Double(p.sigma).data(), Double(p.dy).data(),
                                   {expected.data(), expected.data() + count, expected.data() + 3 * count});
  const std::vector<Scale> weights = Scales<T>(p, false).WeightGradient();
  const std::vector<Scale> scales[] = {
      weights, Derivatives<T>(p, weights, [](const auto& v, const auto&) { return v.slope; }),
      Derivatives<T>(p, weights, [](const auto&, const auto& h) { return h.slope; }),
      Derivatives<T>(p, weights, [](const auto& v, const auto& h) { return v.width + h.width; })};
  const double pixels = p.shape.batch * OutputHeight(p.shape) * OutputWidth(p.shape);
  for (size_t i = 0; i < 4; ++i) {
    SCOPED_TRACE(i);
    ExpectNear(actual.data() + i * count, expected.data() + i * count, scales[i], pixels, kUnderflows);
  }
}

template <typename T>
void CheckEverything(const GeneralProblem<T>& p, const GeneralFunctions<T>& engine = kSpectral<T>) {
  CheckForward(p, engine);
  CheckBackwardInput(p, engine);
  CheckBackwardParams(p, engine);
}

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_GENERAL_PROBLEM_H_
