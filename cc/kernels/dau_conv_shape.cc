#include "cc/kernels/dau_conv_shape.h"

#include <algorithm>
#include <cmath>

#include "cc/kernels/base/int_math.h"

namespace dau {
namespace {

// A perimeter beyond this is a mistake, and its 2r+1 taps would no longer be a short list.
constexpr double kMaxSigma = 1e5;
// Far outside any image.
constexpr double kFarAway = 1e15;
// Coordinates along an axis stay below this, so that sums of a few of them cannot overflow.
constexpr int64_t kMaxExtent = int64_t{1} << 40;

Status CheckAtLeast(const char* name, int64_t value, int64_t least) {
  if (value >= least && value <= kMaxExtent) return Status();
  return InvalidArgument("`", name, "` must be an integer ≥ ", least, " and ≤ 2^40. Received: ", name, "=", value);
}

Status CheckOutputExtent(const char* name, int64_t size, int64_t margin, double max_displacement) {
  if (size > 2 * margin) return Status();
  return InvalidArgument("padding `valid` drops a margin of ceil(max_displacement) + ceil(3·sigma) = ", margin,
                         " pixels on each side (max_displacement=", max_displacement, "); the input's ", name,
                         " must be greater than ", 2 * margin, ". Received: ", name, "=", size);
}

}  // namespace

// Both are asked for by shape functions before anything is validated: what is out of range must not overflow here.
int64_t SupportRadius(double sigma) {
  if (!(sigma < kMaxSigma)) sigma = kMaxSigma;  // NaN too
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(3 * std::max(sigma, 0.0) - 1e-6)));
}

int64_t Margin(const DauConvShape& shape) {
  if (shape.padding == Padding::kSame) return 0;
  return static_cast<int64_t>(std::ceil(std::min(shape.max_displacement, kFarAway))) + SupportRadius(shape);
}

int64_t OutputExtent(int64_t size, int64_t margin, int64_t stride) { return CeilDiv(size - 2 * margin, stride); }

DauConvShape WithNearStrides(DauConvShape shape) {
  shape.stride_h = std::min(shape.stride_h, shape.height - 2 * Margin(shape));
  shape.stride_w = std::min(shape.stride_w, shape.width - 2 * Margin(shape));
  return shape;
}

Status Validate(const DauConvShape& shape) {
  const struct {
    const char* name;
    int64_t value, least;
  } fields[] = {{"batch", shape.batch, 0},       {"height", shape.height, 1},
                {"width", shape.width, 1},       {"in_channels", shape.in_channels, 1},
                {"filters", shape.filters, 1},   {"units", shape.units, 1},
                {"stride_h", shape.stride_h, 1}, {"stride_w", shape.stride_w, 1}};
  for (const auto& field : fields) {
    if (Status s = CheckAtLeast(field.name, field.value, field.least); !s.ok()) return s;
  }
  if (!(shape.sigma > 0 && shape.sigma <= kMaxSigma)) {
    return InvalidArgument("`sigma` must be a number > 0 and ≤ ", kMaxSigma, " pixels. Received: sigma=", shape.sigma);
  }
  if (!(shape.max_sigma >= 0 && shape.max_sigma <= kMaxSigma)) {
    return InvalidArgument("`max_sigma` must be a number ≥ 0 and ≤ ", kMaxSigma,
                           " pixels. Received: max_sigma=", shape.max_sigma);
  }
  if (std::isnan(shape.max_displacement)) {
    return InvalidArgument("`max_displacement` must be a number of pixels. Received: max_displacement=nan");
  }
  if (shape.padding == Padding::kValid) {
    if (!(shape.max_displacement >= 0 && shape.max_displacement <= kFarAway)) {
      return InvalidArgument("padding `valid` needs a finite `max_displacement` ≥ 0. Received: max_displacement=",
                             shape.max_displacement);
    }
    const int64_t margin = Margin(shape);
    if (Status s = CheckOutputExtent("height", shape.height, margin, shape.max_displacement); !s.ok()) return s;
    if (Status s = CheckOutputExtent("width", shape.width, margin, shape.max_displacement); !s.ok()) return s;
  }
  int64_t size;
  // 16 bytes an element leaves room for every dtype and for the padding that an engine adds.
  if (!CheckedProduct({16, shape.batch, shape.height, shape.width, shape.in_channels}, &size) ||
      !CheckedProduct({16, shape.batch, shape.height, shape.width, shape.filters}, &size) ||
      !CheckedProduct({64, shape.units, shape.in_channels, shape.filters}, &size)) {
    return InvalidArgument("the sizes are too large, their product overflows. Received: batch=", shape.batch,
                           ", height=", shape.height, ", width=", shape.width, ", in_channels=", shape.in_channels,
                           ", filters=", shape.filters, ", units=", shape.units);
  }
  return Status();
}

GaussianTaps::GaussianTaps(double sigma, int64_t radius) : radius(radius) {
  double sum = 0;
  for (int64_t i = -radius; i <= radius; ++i) {
    smooth.push_back(std::exp(-0.5 * (i / sigma) * (i / sigma)));
    sum += smooth.back();
  }
  for (int64_t i = -radius; i <= radius; ++i) {
    double& tap = smooth[i + radius];
    tap /= sum;
    derivative.push_back(tap == 0 ? 0 : i / sigma / sigma * tap);  // a tiny σ would make ∞·0
  }
  double mean_square = 0;  // Σ (i/σ)²·g(i): what the normalisation takes back
  for (int64_t i = -radius; i <= radius; ++i) mean_square += i * derivative[i + radius];
  for (int64_t i = -radius; i <= radius; ++i) {
    perimeter.push_back((i * derivative[i + radius] - mean_square * smooth[i + radius]) / sigma);
  }
}

namespace {

// Displacements along one axis from which some output may see a pixel. Generous by the stride and the two neighbours of
// a cell, so that no engine sees more.
template <typename T>
struct Visible {
  Visible(const DauConvShape& shape, int64_t size, int64_t stride) {
    const int64_t slack = SupportRadius(shape) + 2 * stride + 2;
    low = static_cast<T>(-(size + slack));
    high = static_cast<T>(size + slack);
  }
  T low, high;
};

}  // namespace

template <typename T>
Status FindDisplacementRange(const DauConvShape& shape, const T* displacement, DisplacementRange* range) {
  const int64_t count = shape.units * shape.in_channels * shape.filters;
  for (int axis = 0; axis < 2; ++axis) {
    const T* mu = displacement + axis * count;
    bool finite = true;
    for (int64_t i = 0; i < count; ++i) finite &= std::isfinite(mu[i]);
    if (finite) continue;
    for (int64_t i = 0; i < count; ++i) {
      if (std::isfinite(mu[i])) continue;
      const int64_t f = i % shape.filters, s = i / shape.filters % shape.in_channels;
      const int64_t k = i / (shape.filters * shape.in_channels);
      return InvalidArgument("`displacement` must be finite. Received: displacement[", axis, ", ", k, ", ", s, ", ", f,
                             "]=", mu[i]);
    }
  }
  const Visible<T> v(shape, shape.height, shape.stride_h), h(shape, shape.width, shape.stride_w);
  const T *mu_v = displacement, *mu_h = displacement + count;
  T low[2] = {v.high, h.high}, high[2] = {v.low, h.low};
  int64_t seen = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (mu_v[i] < v.low || mu_v[i] > v.high || mu_h[i] < h.low || mu_h[i] > h.high) continue;
    ++seen;
    low[0] = std::min(low[0], mu_v[i]);
    high[0] = std::max(high[0], mu_v[i]);
    low[1] = std::min(low[1], mu_h[i]);
    high[1] = std::max(high[1], mu_h[i]);
  }
  *range = {};
  range->seen_share = static_cast<double>(seen) / static_cast<double>(count);
  if (seen == 0) return Status();
  range->min_v = Interpolate(low[0]).cell;
  range->max_v = Interpolate(high[0]).cell;
  range->min_h = Interpolate(low[1]).cell;
  range->max_h = Interpolate(high[1]).cell;
  return Status();
}

template Status FindDisplacementRange(const DauConvShape&, const float*, DisplacementRange*);
template Status FindDisplacementRange(const DauConvShape&, const double*, DisplacementRange*);

}  // namespace dau
