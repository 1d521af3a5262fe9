// Which pixels a unit sees from which output: the geometry of the formula alone, for what a NaN may and must reach.
#ifndef DAU_TESTS_CC_KERNELS_VISIBILITY_H_
#define DAU_TESTS_CC_KERNELS_VISIBILITY_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cc/kernels/dau_conv_shape.h"
#include "tests/cc/kernels/problem.h"

namespace dau::testing {

// An element of x or y.
struct Place {
  int64_t n, c, row, col;

  Place(DataFormat format, int64_t channels, int64_t height, int64_t width, int64_t i) {
    const bool last = format == DataFormat::kNHWC;
    c = last ? i % channels : i / (height * width) % channels;
    const int64_t pixel = last ? i / channels % (height * width) : i % (height * width);
    n = i / (channels * height * width);
    row = pixel / width;
    col = pixel % width;
  }
  template <typename T>
  static Place OfInput(const Problem<T>& p, int64_t i) {
    return {p.shape.format, p.shape.in_channels, p.shape.height, p.shape.width, i};
  }
  template <typename T>
  static Place OfOutput(const Problem<T>& p, int64_t i) {
    return {p.shape.format, p.shape.filters, OutputHeight(p.shape), OutputWidth(p.shape), i};
  }
};

// A unit along one axis.
class AxisOfUnit {
 public:
  AxisOfUnit(const GaussianTaps& gaussian, double displacement, int64_t margin, int64_t stride, int64_t size,
             int64_t outputs)
      : gaussian_(&gaussian),
        at_(Interpolate(displacement)),
        margin_(margin),
        stride_(stride),
        size_(size),
        outputs_(outputs) {}

  // What `pixel` is multiplied by in output `out`.
  double Factor(int64_t out, int64_t pixel) const {
    const int64_t offset = Offset(out, pixel);
    return (1 - at_.fraction) * Tap(offset) + at_.fraction * Tap(offset - 1);
  }
  // Whether the output looks at the pixel or at a neighbour of it, with whatever factor.
  bool SeesNext(int64_t out, int64_t pixel) const {
    const int64_t offset = Offset(out, pixel), reach = gaussian_->radius + 1;
    return offset >= -reach && offset <= reach + 1;
  }
  // The largest factor that an output has for any pixel, a pixel in any output, and any in any.
  double OfOutput(int64_t out) const {
    double most = 0;
    for (int64_t pixel = 0; pixel < size_; ++pixel) most = std::max(most, Factor(out, pixel));
    return most;
  }
  double OfPixel(int64_t pixel) const {
    double most = 0;
    for (int64_t out = 0; out < outputs_; ++out) most = std::max(most, Factor(out, pixel));
    return most;
  }
  double OfAny() const {
    double most = 0;
    for (int64_t out = 0; out < outputs_; ++out) most = std::max(most, OfOutput(out));
    return most;
  }

 private:
  int64_t Offset(int64_t out, int64_t pixel) const { return pixel - out * stride_ - margin_ - at_.cell; }
  double Tap(int64_t i) const {
    return i < -gaussian_->radius || i > gaussian_->radius ? 0 : gaussian_->smooth[gaussian_->radius + i];
  }

  const GaussianTaps* gaussian_;
  Interpolation at_;
  int64_t margin_, stride_, size_, outputs_;
};

// Unit i of [K, S, F].
struct VisibleUnit {
  int64_t s, f;
  AxisOfUnit v, h;

  template <typename T>
  VisibleUnit(const Problem<T>& p, const GaussianTaps& gaussian, int64_t i)
      : s(i / p.shape.filters % p.shape.in_channels),
        f(i % p.shape.filters),
        v(gaussian, p.displacement[i], Margin(p.shape), p.shape.stride_h, p.shape.height, OutputHeight(p.shape)),
        h(gaussian, p.displacement[p.weight.size() + i], Margin(p.shape), p.shape.stride_w, p.shape.width,
          OutputWidth(p.shape)) {}

  double Factor(const Place& out, const Place& pixel) const {
    return v.Factor(out.row, pixel.row) * h.Factor(out.col, pixel.col);
  }
  bool SeesNext(const Place& out, const Place& pixel) const {
    return v.SeesNext(out.row, pixel.row) && h.SeesNext(out.col, pixel.col);
  }
};

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_VISIBILITY_H_
