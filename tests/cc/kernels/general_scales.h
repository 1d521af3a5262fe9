// How far from the definition the derivatives of the general form, a σ per unit, may be. Without googletest, like
// scales.h.
#ifndef DAU_TESTS_CC_KERNELS_GENERAL_SCALES_H_
#define DAU_TESTS_CC_KERNELS_GENERAL_SCALES_H_

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "cc/kernels/reference/unit_taps.h"
#include "tests/cc/kernels/scales.h"

namespace dau::testing {

// Of the taps' derivatives along one axis before anything cancels: Σ tap·(|i| + mean of |i|)/σ², and for σ with
// y = i·(i − 2f) for i and σ³. i counts from the pixel nearest to μ, f is what is left. A tap e^−x has an error of x ε;
// what is below kLeast of general_units-inl.h is left out.
template <typename T>
struct Magnitudes {
  double slope = 0, width = 0;

  Magnitudes(double displacement, double sigma, int64_t radius) {
    const reference::UnitTaps taps(displacement, sigma, radius);
    sigma = std::max(sigma, kLeastSigma);
    const double nearest = std::round(displacement), f = displacement - nearest;
    constexpr double kEps = std::numeric_limits<T>::epsilon();
    for (size_t j = 0; j < taps.value.size(); ++j) {
      const double i = static_cast<double>(taps.first + static_cast<int64_t>(j)) - nearest, y = i * (i - 2 * f);
      const double tap = taps.value[j] * (1 + y / (2 * sigma * sigma));
      slope += 2 * tap * std::abs(i) / sigma / sigma;
      width += 2 * tap * y / sigma / sigma / sigma;
    }
    const double left_out = static_cast<double>(taps.value.size()) * std::numeric_limits<T>::min() / kEps / kEps;
    slope += left_out;
    width += left_out;
  }
};

// Scales of the derivatives' gradients: those of the weight's, whose taps sum to 1, times the weight and the
// derivative's taps. P: inputs with `sigma`.
template <typename T, typename P>
std::vector<Scale> Derivatives(const P& p, std::vector<Scale> units,
                               const std::function<double(const Magnitudes<T>&, const Magnitudes<T>&)>& of) {
  const int64_t count = UnitCount(p.shape), radius = SupportRadius(p.shape);
  for (int64_t i = 0; i < count; ++i) {
    const Magnitudes<T> v(p.displacement[i], p.sigma[i], radius), h(p.displacement[count + i], p.sigma[i], radius);
    const double w = std::abs(static_cast<double>(p.weight[i])), factor = w * of(v, h);
    // What has underflowed once a small derivative was multiplied in meets the weight only then.
    units[i] = {units[i].norm * factor, units[i].factor * std::max({1.0, w, factor})};
  }
  return units;
}

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_GENERAL_SCALES_H_
