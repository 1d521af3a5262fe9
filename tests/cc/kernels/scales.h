// How far from the reference the values of an engine may be.
//
// An error is relative to the 2-norm of a value's terms, with the image at its largest: not to the value that came out,
// for where terms cancel, rounding does not, and not to the largest of the array, for no image, channel or filter may
// lose its digits to another's magnitude.
#ifndef DAU_TESTS_CC_KERNELS_SCALES_H_
#define DAU_TESTS_CC_KERNELS_SCALES_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/cc/kernels/inputs.h"

namespace dau::testing {

// Rounding errors of a sum of n terms grow like √n; 4 roundings go into each term.
struct Tolerance {
  double relative_eps;

  template <typename T>
  static Tolerance OfSum(double terms) {
    return {4 * std::sqrt(terms + 9) * std::numeric_limits<T>::epsilon()};
  }
};

// Of one value.
struct Scale {
  double norm = 0;    // of its terms
  double factor = 1;  // the largest that what has underflowed is multiplied by; 1: nothing larger

  void Add(double term, double a, double b) {
    norm = std::hypot(norm, term);
    factor = std::max({factor, a, b});
  }
};

// underflows: how often a term may lose as much as the least number of its type.
template <typename T>
double Allowed(const Scale& scale, double terms, double underflows) {
  return Tolerance::OfSum<T>(terms).relative_eps * scale.norm +
         terms * underflows * std::numeric_limits<T>::denorm_min() * scale.factor;
}

// Of every element, in the order of the arrays.
template <typename T>
class Scales {
 public:
  // lerps_by_ratio: a unit is computed as q·(a + ratio·b), and what q has lost is multiplied by the ratio.
  Scales(const Inputs<T>& p, bool lerps_by_ratio)
      : p_(p),
        lerps_by_ratio_(lerps_by_ratio),
        x_(p.shape, p.x, p.shape.in_channels),
        dy_(p.shape, p.dy, p.shape.filters) {}

  std::vector<Scale> Output() const {
    std::vector<Scale> planes(p_.shape.batch * p_.shape.filters);
    ForEachUnit([&](int64_t n, int64_t s, int64_t f, double w, double ratio) {
      const double x = x_.largest[n * p_.shape.in_channels + s];
      planes[n * p_.shape.filters + f].Add(w * x, w, x * ratio);
    });
    return dy_.OfEveryElement(planes, p_.dy.size());
  }
  std::vector<Scale> InputGradient() const {
    std::vector<Scale> planes(p_.shape.batch * p_.shape.in_channels);
    ForEachUnit([&](int64_t n, int64_t s, int64_t f, double w, double ratio) {
      const double dy = dy_.largest[n * p_.shape.filters + f];
      planes[n * p_.shape.in_channels + s].Add(w * dy, w, dy * ratio);
    });
    return x_.OfEveryElement(planes, p_.x.size());
  }
  std::vector<Scale> WeightGradient() const {
    std::vector<Scale> units(p_.weight.size());
    for (int64_t n = 0; n < p_.shape.batch; ++n) {
      for (size_t i = 0; i < units.size(); ++i) {
        const int64_t f = i % p_.shape.filters, s = i / p_.shape.filters % p_.shape.in_channels;
        const double x = x_.largest[n * p_.shape.in_channels + s], dy = dy_.norm[n * p_.shape.filters + f];
        units[i].Add(x * dy, x, dy);
      }
    }
    return units;
  }
  std::vector<Scale> DisplacementGradient(dau::DisplacementGradient kind) const {
    double slope = 2;  // of two neighbours in ±1
    if (kind == dau::DisplacementGradient::kGaussian) slope = SumOfMagnitudes(GaussianTaps(p_.shape.sigma).derivative);
    std::vector<Scale> units = WeightGradient();
    for (size_t i = 0; i < units.size(); ++i) {
      const double w = std::abs(static_cast<double>(p_.weight[i]));
      units[i] = {units[i].norm * w * slope, units[i].factor * std::max(1.0, w)};
    }
    units.insert(units.end(), units.begin(), units.begin() + p_.weight.size());
    return units;
  }
  // One number: the units' errors add up, for they share the images that they come from.
  std::vector<Scale> SigmaGradient() const {
    const double slope = 2 * SumOfMagnitudes(GaussianTaps(p_.shape.sigma).perimeter);
    Scale sum;
    const std::vector<Scale> units = WeightGradient();
    for (size_t i = 0; i < units.size(); ++i) {
      const double w = std::abs(static_cast<double>(p_.weight[i]));
      sum.norm += units[i].norm * w * slope;
      sum.factor += units[i].factor * std::max(1.0, w);
    }
    return {sum};
  }

 private:
  // Of the images of x or dy: [N, channels].
  struct Planes {
    int64_t channels, pixels;
    bool channels_last;
    std::vector<double> largest, norm;

    Planes(const DauConvShape& shape, const std::vector<T>& values, int64_t channels)
        : channels(channels),
          pixels(std::max<int64_t>(1, values.size() / std::max<int64_t>(1, shape.batch * channels))),
          channels_last(shape.format == DataFormat::kNHWC),
          largest(shape.batch * channels),
          norm(shape.batch * channels) {
      for (size_t i = 0; i < values.size(); ++i) {
        const double magnitude = std::abs(static_cast<double>(values[i]));
        double& most = largest[Plane(i)];
        most = std::max(most, magnitude);
        norm[Plane(i)] = std::hypot(norm[Plane(i)], magnitude);
      }
    }
    int64_t Plane(int64_t i) const {
      return channels_last ? i / (pixels * channels) * channels + i % channels : i / pixels;
    }
    std::vector<Scale> OfEveryElement(const std::vector<Scale>& planes, size_t count) const {
      std::vector<Scale> scales(count);
      for (size_t i = 0; i < count; ++i) scales[i] = planes[Plane(i)];
      return scales;
    }
  };

  // visit(n, s, f, |weight|, ratio).
  template <typename Visit>
  void ForEachUnit(const Visit& visit) const {
    for (int64_t n = 0; n < p_.shape.batch; ++n) {
      for (size_t i = 0; i < p_.weight.size(); ++i) {
        visit(n, i / p_.shape.filters % p_.shape.in_channels, i % p_.shape.filters,
              std::abs(static_cast<double>(p_.weight[i])), Ratio(i));
      }
    }
  }
  double Ratio(size_t unit) const {
    const double first = 1 - Interpolate(p_.displacement[p_.weight.size() + unit]).fraction;
    // Below half an ε the first neighbour is left out.
    return !lerps_by_ratio_ || first < std::numeric_limits<T>::epsilon() / 2 ? 1 : 1 / first;
  }
  static double SumOfMagnitudes(const std::vector<double>& taps) {
    double sum = 0;
    for (double tap : taps) sum += std::abs(tap);
    return sum;
  }

  const Inputs<T>& p_;
  bool lerps_by_ratio_;
  Planes x_, dy_;
};

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_SCALES_H_
