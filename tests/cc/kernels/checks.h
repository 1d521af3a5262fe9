// The results of an engine against the reference.
#ifndef DAU_TESTS_CC_KERNELS_CHECKS_H_
#define DAU_TESTS_CC_KERNELS_CHECKS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cc/kernels/reference/dau_conv_reference.h"
#include "tests/cc/kernels/problem.h"
#include "tests/cc/kernels/scales.h"

namespace dau::testing {

template <typename T>
void ExpectNear(const T* actual, const double* expected, const std::vector<Scale>& scales, double terms,
                double underflows) {
  double worst = 0;  // as a part of what is allowed
  for (size_t i = 0; i < scales.size(); ++i) {
    ASSERT_TRUE(std::isfinite(actual[i])) << "at " << i << ", expected " << expected[i];
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    if (error > 0) worst = std::max(worst, error / Allowed<T>(scales[i], terms, underflows));
  }
  EXPECT_LE(worst, 1);
}

// E: one of engines.h.
template <typename E>
struct Checks {
  // Whether there is a result to look at; `count` is its size.
  template <typename T>
  static bool Served(const std::vector<T>& result, size_t count) {
    if (result.size() == count) return true;
    EXPECT_FALSE(E::kServesEverything) << "refused";
    return false;
  }

  template <typename T>
  static void Forward(const Problem<T>& p) {
    const std::vector<T> actual = p.Forward(E::template kFunctions<T>, Threads(1));
    if (!Served(actual, p.dy.size())) return;
    std::vector<double> expected(p.dy.size());
    reference::Forward(p.shape, Double(p.x).data(), Double(p.weight).data(), Double(p.displacement).data(),
                       expected.data());
    ExpectNear(actual.data(), expected.data(), Scales<T>(p, E::kLerpsByRatio).Output(),
               p.shape.units * p.shape.in_channels, E::kUnderflows);
  }

  template <typename T>
  static void BackwardInput(const Problem<T>& p) {
    const std::vector<T> actual = p.BackwardInput(E::template kFunctions<T>, Threads(1));
    if (!Served(actual, p.x.size())) return;
    std::vector<double> expected(p.x.size());
    reference::BackwardInput(p.shape, Double(p.weight).data(), Double(p.displacement).data(), Double(p.dy).data(),
                             expected.data());
    ExpectNear(actual.data(), expected.data(), Scales<T>(p, E::kLerpsByRatio).InputGradient(),
               p.shape.units * p.shape.filters, E::kUnderflows);
  }

  template <typename T>
  static void BackwardParams(const Problem<T>& p, DisplacementGradient kind) {
    const size_t count = p.weight.size();
    std::vector<T> actual = p.BackwardParams(E::template kFunctions<T>, kind, Threads(1));
    if (!Served(actual, 3 * count + 1)) return;
    std::vector<double> expected(3 * count);
    double sigma;
    reference::BackwardParams(p.shape, kind, Double(p.x).data(), Double(p.weight).data(), Double(p.displacement).data(),
                              Double(p.dy).data(), {expected.data(), expected.data() + count, &sigma});
    const Scales<T> scales(p, E::kLerpsByRatio);
    const double pixels = p.shape.batch * OutputHeight(p.shape) * OutputWidth(p.shape);
    ExpectNear(actual.data(), expected.data(), scales.WeightGradient(), pixels, E::kUnderflows);
    ExpectNear(actual.data() + count, expected.data() + count, scales.DisplacementGradient(kind), pixels,
               E::kUnderflows);
    ExpectNear(&actual.back(), &sigma, scales.SigmaGradient(), pixels, E::kUnderflows);
    actual.pop_back();
    EXPECT_EQ(p.BackwardParams(E::template kFunctions<T>, kind, Threads(1), /*sigma=*/false), actual);
  }

  template <typename T>
  static void Everything(const Problem<T>& p) {
    Forward(p);
    BackwardInput(p);
    BackwardParams(p, DisplacementGradient::kExact);
    BackwardParams(p, DisplacementGradient::kGaussian);
  }
};

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_CHECKS_H_
