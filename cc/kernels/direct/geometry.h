// Where the taps of a displacement fall in the planes, along one axis, for the forward pass and for its adjoint.
#ifndef DAU_CC_KERNELS_DIRECT_GEOMETRY_H_
#define DAU_CC_KERNELS_DIRECT_GEOMETRY_H_

#include <array>
#include <cstdint>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::direct {

enum class Direction { kForward, kBackward };

// One of the two neighbours that a displacement interpolates between. Forward: output pixel q reads pixel q + offset of
// input phase `phase`. Backward: pixel q of phase `phase` of the input gradient reads output-gradient pixel q + offset.
struct Tap {
  int64_t phase, offset;
  double weight;
  bool inside;  // some output pixel reads something that is not 0
};

class Axis {
 public:
  // size: H or W; cells: the least and greatest floor(μ). blur_first: the planes read are blurred, not those written.
  Axis(Direction direction, bool blur_first, int64_t size, int64_t margin, int64_t stride, int64_t radius,
       int64_t min_cell, int64_t max_cell);

  // Inline, and without divisions where there is no stride: for small images the taps take longer than the sums.
  std::array<Tap, 2> Taps(double displacement) const {
    const Interpolation at = Interpolate(displacement);
    std::array<Tap, 2> taps;
    for (int i = 0; i < 2; ++i) {
      const int64_t position = margin_ + at.cell + i, offset = Offset(position);
      taps[i] = {stride_ == 1 ? 0 : FloorMod(position, stride_), offset, i == 0 ? 1 - at.fraction : at.fraction,
                 offset + out_extent_ > content_begin_ && offset < content_end_};
    }
    return taps;
  }

  int64_t stride() const { return stride_; }
  // Output pixels of each phase; the first is pixel out_first of its phase.
  int64_t out_extent() const { return out_extent_; }
  int64_t out_first() const { return out_first_; }
  // All offsets that matter lie here: at most one pixel beyond what reaches anything.
  int64_t min_offset() const { return min_offset_; }
  int64_t max_offset() const { return max_offset_; }

 private:
  int64_t Offset(int64_t position) const {
    const int64_t pixel = stride_ == 1 ? position : FloorDiv(position, stride_);
    return direction_ == Direction::kForward ? pixel : out_first_ - pixel;
  }

  Direction direction_;
  int64_t stride_, margin_;
  int64_t content_begin_, content_end_;  // what is not 0 in the planes read, [begin, end)
  int64_t out_extent_, out_first_;
  int64_t min_offset_, max_offset_;
};

// The axes of a pass, vertical first.
struct Axes {
  Axes(Direction direction, const DauConvShape& shape, const DisplacementRange& range);

  // Blur and displacement commute on the infinite plane. Without a stride the input gradient too is written on the
  // image's own pixels, from a blurred output gradient; with one, blurring first would fill the gaps between outputs.
  bool blur_first;
  Axis v, h;

  double seen_share() const { return range_.seen_share; }  // of all units: those that see anything
  // False: such a unit sees nothing. Quicker than its taps, for layers most of whose places hold no unit; a cell wider
  // than the range, as -1e-40 is of cell 0.
  bool MaySee(double mu_v, double mu_h) const {
    return mu_v >= static_cast<double>(range_.min_v - 1) && mu_v <= static_cast<double>(range_.max_v + 2) &&
           mu_h >= static_cast<double>(range_.min_h - 1) && mu_h <= static_cast<double>(range_.max_h + 2);
  }

 private:
  DisplacementRange range_;
};

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_GEOMETRY_H_
