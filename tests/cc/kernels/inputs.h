// The arrays of one call, and how far from the reference a result may be. Without googletest: tools/gpu_check.sh uses
// it on machines that have none.
#ifndef DAU_TESTS_CC_KERNELS_INPUTS_H_
#define DAU_TESTS_CC_KERNELS_INPUTS_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/cc/kernels/cases.h"

namespace dau::testing {

// Rounding errors of a sum of n terms grow like √n; 4 roundings go into each term.
struct Tolerance {
  double relative_eps;

  template <typename T>
  static Tolerance OfSum(double terms) {
    return {4 * std::sqrt(terms + 9) * std::numeric_limits<T>::epsilon()};
  }
};

inline std::vector<double> Double(const std::vector<float>& values) { return {values.begin(), values.end()}; }
inline const std::vector<double>& Double(const std::vector<double>& values) { return values; }

template <typename T>
double LargestMagnitude(const std::vector<T>& values) {
  double largest = 0;
  for (T value : values) largest = std::max(largest, std::abs(static_cast<double>(value)));
  return largest;
}

template <typename T>
struct Inputs {
  DauConvShape shape;
  std::vector<T> x, weight, displacement, dy;

  explicit Inputs(const Case& c, uint64_t seed = 7) : shape(c.shape) {
    std::mt19937_64 random(seed);
    x = Random<T>(random, InputCount(shape));
    weight = Random<T>(random, UnitCount(shape));
    displacement = RandomDisplacement<T>(random, c);
    dy = Random<T>(random, OutputCount(shape));
  }

  // What errors are relative to: max_f ‖w_f‖₂·max|x| for y, max_s ‖w_s‖₂·max|dy| for dx, max_f ‖dy_f‖₂·max|x| for dw,
  // and that times max|w| and what a slope can be for dμ.
  double OutputScale() const { return LargestNorm(weight, 1, shape.filters) * LargestMagnitude(x); }
  double InputGradientScale() const {
    return LargestNorm(weight, shape.filters, shape.in_channels) * LargestMagnitude(dy);
  }
  double WeightGradientScale() const {
    const bool nhwc = shape.format == DataFormat::kNHWC;
    return LargestNorm(dy, nhwc ? 1 : OutputHeight(shape) * OutputWidth(shape), shape.filters) * LargestMagnitude(x);
  }
  double DisplacementGradientScale(DisplacementGradient kind) const {
    double slope = 2;  // of two neighbours in ±1
    if (kind == DisplacementGradient::kGaussian) {
      slope = 0;
      for (double tap : GaussianTaps(shape.sigma).derivative) slope += std::abs(tap);
    }
    return WeightGradientScale() * LargestMagnitude(weight) * slope;
  }
  // ∂σ sums terms of both signs: its error is that of |weight| units, each with a sum over all pixels, times the
  // largest |∂x̃/∂σ| of an image within ±1.
  double SigmaGradientScale() const {
    double slope = 0;
    for (double tap : GaussianTaps(shape.sigma).perimeter) slope += 2 * std::abs(tap);
    const double pixels = shape.batch * OutputHeight(shape) * OutputWidth(shape);
    return std::sqrt(pixels * UnitCount(shape)) * slope;
  }

 private:
  // The largest 2-norm of the values of one group: element i belongs to group i / stride % groups.
  static double LargestNorm(const std::vector<T>& values, int64_t stride, int64_t groups) {
    std::vector<double> squares(groups);
    for (size_t i = 0; i < values.size(); ++i)
      squares[i / stride % groups] += static_cast<double>(values[i]) * values[i];
    return std::sqrt(*std::max_element(squares.begin(), squares.end()));
  }
};

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_INPUTS_H_
