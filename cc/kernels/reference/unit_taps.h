// One axis of a unit of the general form (Eq. 2-4): the Gaussian of its own σ at the pixels around μ, over its own sum.
//
//   value(p) = exp(−(p − μ)²/(2σ²)) / Σ_q exp(−(q − μ)²/(2σ²)),   |p − μ| < r + 1
#ifndef DAU_CC_KERNELS_REFERENCE_UNIT_TAPS_H_
#define DAU_CC_KERNELS_REFERENCE_UNIT_TAPS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cc/kernels/dau_conv_shape.h"

namespace dau::reference {

struct UnitTaps {
  int64_t first;                            // the pixel of the first of 2r + 2 taps, floor(μ) − r
  std::vector<double> value, slope, width;  // the tap, ∂/∂μ, ∂/∂σ with the support held fixed

  UnitTaps(double displacement, double sigma, int64_t radius) {
    sigma = std::max(sigma, kLeastSigma);
    const Interpolation at = Interpolate(displacement);
    first = at.cell - radius;
    // Everything is reckoned from the nearest pixel, for whose tap is 1 then: no σ makes 0/0, and what is left of a
    // derivative as its terms cancel is right even where it is tiny.
    const double origin = at.fraction > 0.5 ? 1 : 0;
    // Not origin − fraction: of a μ below 0 the fraction is rounded, of μ = −0.4975 by 5e-17. Where Interpolate cuts,
    // and long before, there is none.
    const double pixel = static_cast<double>(at.cell) + origin;
    const double nearest = std::abs(displacement) < 1e15 ? pixel - displacement : 0;
    double sum = 0, mean = 0, mean_square = 0;  // of the taps, of i, of the squared distance, both from the nearest's
    std::vector<double> offset, square;
    for (int64_t j = -radius; j <= radius + 1; ++j) {
      const double i = static_cast<double>(j) - origin;
      offset.push_back(i);
      square.push_back(i * (i + 2 * nearest));  // rounded once, also where i and 2·nearest nearly cancel
      // |j − fraction| < r + 1, which in double r + 1 − 1e-20 is not.
      const bool inside = j <= radius || at.fraction > 0;
      value.push_back(inside ? std::exp(-square.back() / sigma / sigma / 2) : 0);
      sum += value.back();
      mean += value.back() * offset.back();
      mean_square += value.back() * square.back();
    }
    for (size_t i = 0; i < value.size(); ++i) {
      value[i] /= sum;
      slope.push_back(value[i] * (offset[i] - mean / sum) / sigma / sigma);
      width.push_back(value[i] * (square[i] - mean_square / sum) / sigma / sigma / sigma);
    }
  }
};

}  // namespace dau::reference

#endif  // DAU_CC_KERNELS_REFERENCE_UNIT_TAPS_H_
