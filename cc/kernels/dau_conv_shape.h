// The vocabulary of every engine: what a DAU convolution is asked to compute, and each formula of its geometry once.
//
//   y[n,h,w,f] = Σ_s Σ_k weight[k,s,f] · B(x̃[n,·,·,s]; h·stride_h + m + μ_v[k,s,f], w·stride_w + m + μ_h[k,s,f])
//
// x: [N, H, W, S] or [N, S, H, W]; weight: [K, S, F]; displacement μ: [2, K, S, F] px, [0] vertical (down positive),
// [1] horizontal (right positive); y: [N, H', W', F] or [N, F, H', W'].
// x̃ = g ⋆ x is blurred on the infinite plane (x is zero outside the image); g is the Gaussian of perimeter σ on
// |i|, |j| ≤ r, r = ceil(3σ), normalised to sum 1. B interpolates bilinearly. m is 0 for `same`, the margin for
// `valid`.
#ifndef DAU_CC_KERNELS_DAU_CONV_SHAPE_H_
#define DAU_CC_KERNELS_DAU_CONV_SHAPE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cc/kernels/base/half.h"
#include "cc/kernels/base/host_device.h"
#include "cc/kernels/base/status.h"

namespace dau {

enum class Padding { kSame, kValid };
enum class DataFormat { kNHWC, kNCHW };
// kGaussian: Eq. 16 of the paper, a smoothed derivative. kExact: the derivative of the bilinear forward, right-hand at
// integers.
enum class DisplacementGradient { kGaussian, kExact };

struct DauConvShape {
  int64_t batch = 0, height = 0, width = 0, in_channels = 0;  // N, H, W, S
  int64_t filters = 0, units = 0;                             // F, K
  int64_t stride_h = 1, stride_w = 1;
  Padding padding = Padding::kSame;
  DataFormat format = DataFormat::kNHWC;
  double sigma = 0.5;            // px
  double max_sigma = 0;          // px; where σ is learned, its largest value, which fixes r and m in the place of σ
  double max_displacement = -1;  // px; negative: unlimited. Fixes the margin of `valid`, clips nothing.
  bool ignore_batch = false;     // plans are made as for one image, so that no value depends on the batch
};

// r = ceil(3σ). The 1e-6 px keeps σ = 1/3 in float32 and in float64 on the same integer.
int64_t SupportRadius(double sigma);
inline int64_t SupportRadius(const DauConvShape& shape) {
  return SupportRadius(std::max(shape.sigma, shape.max_sigma));
}

// A σ of a unit below this counts as this: such a unit is a pixel, or the mean of two. It keeps 1/σ³ finite in float.
constexpr double kLeastSigma = 1e-9;

// m of the formula above: what `valid` drops on each side, ceil(max_displacement) + r; 0 for `same`.
int64_t Margin(const DauConvShape& shape);

// H' or W' for one axis: ceil((size − 2·margin) / stride).
int64_t OutputExtent(int64_t size, int64_t margin, int64_t stride);
inline int64_t OutputHeight(const DauConvShape& shape) {
  return OutputExtent(shape.height, Margin(shape), shape.stride_h);
}
inline int64_t OutputWidth(const DauConvShape& shape) {
  return OutputExtent(shape.width, Margin(shape), shape.stride_w);
}

// A stride beyond the image makes the one output that a stride of the image's extent does; engines lay something out
// for each pixel of a stride.
DauConvShape WithNearStrides(DauConvShape shape);

// Numbers of elements: of x, of y, and of the units, K·S·F. For a valid shape.
inline int64_t InputCount(const DauConvShape& shape) {
  return shape.batch * shape.height * shape.width * shape.in_channels;
}
inline int64_t OutputCount(const DauConvShape& shape) {
  return shape.batch * OutputHeight(shape) * OutputWidth(shape) * shape.filters;
}
inline int64_t UnitCount(const DauConvShape& shape) { return shape.units * shape.in_channels * shape.filters; }

// The one validation: every field, and that no array's size overflows.
Status Validate(const DauConvShape& shape);

// Filters of 2r+1 taps at −r…r: the 2-D kernels are products of two of them.
struct GaussianTaps {
  explicit GaussianTaps(double sigma) : GaussianTaps(sigma, SupportRadius(sigma)) {}
  explicit GaussianTaps(const DauConvShape& shape) : GaussianTaps(shape.sigma, SupportRadius(shape)) {}
  GaussianTaps(double sigma, int64_t radius);

  int64_t radius;
  std::vector<double> smooth;      // g, sum 1
  std::vector<double> derivative;  // (i/σ²)·g(i), applied as a cross-correlation: Σ_i d(i)·x(p + i)
  std::vector<double> perimeter;   // ∂g(i)/∂σ, the radius held fixed
};

// Where the gradients of the parameters go: weight [K, S, F], displacement [2, K, S, F], and sigma, one number or, of
// the general form, [K, S, F], or null when nobody asks for it.
template <typename T>
struct ParamGradients {
  T* weight;
  Real<T>* displacement;
  Real<T>* sigma = nullptr;
};

// Where a displacement along one axis looks: the pixel floor(μ) and its upper neighbour, with weights 1 − fraction and
// fraction. In double, so that μ = −1e-9f keeps its fraction below 1.
struct Interpolation {
  int64_t cell;
  double fraction;  // in [0, 1)
};
DAU_HOST_DEVICE inline Interpolation Interpolate(double displacement) {
  // Cells are cut here: far outside any image, and small enough to add to any coordinate.
  constexpr double kFarAway = 1e15;
  displacement = displacement < -kFarAway ? -kFarAway : displacement > kFarAway ? kFarAway : displacement;
  // Not std::floor: without SSE4 that is a call, and every pass asks for millions.
  int64_t cell = static_cast<int64_t>(displacement);
  if (static_cast<double>(cell) > displacement) --cell;
  double fraction = displacement - static_cast<double>(cell);
  if (fraction >= 1) {  // −1e-40 rounds up to its neighbour
    ++cell;
    fraction = 0;
  }
  return {cell, fraction};
}

// The least and the greatest cell of each axis: what the engines size their padding by. Units too far away to see any
// pixel of the image do not count: they contribute zeros, cost nothing, and have gradients of 0, so that a ragged
// layer, with fewer units in some pairs than in others, keeps the places left over far away.
struct DisplacementRange {
  int64_t min_v = 0, max_v = 0, min_h = 0, max_h = 0;
  double seen_share = 1;  // of all units: those that count
};

// Refuses NaN and infinity. displacement: [2, K, S, F].
template <typename T>
Status FindDisplacementRange(const DauConvShape& shape, const T* displacement, DisplacementRange* range);

}  // namespace dau

#endif  // DAU_CC_KERNELS_DAU_CONV_SHAPE_H_
