#include "cc/kernels/direct/geometry.h"

#include <algorithm>
#include <cstdlib>

#include "cc/kernels/base/int_math.h"

namespace dau::direct {

Axis::Axis(Direction direction, bool blur_first, int64_t size, int64_t margin, int64_t stride, int64_t radius,
           int64_t min_cell, int64_t max_cell)
    : direction_(direction), stride_(stride), margin_(margin) {
  // The blurred image is not 0 from pixel −radius to size − 1 + radius.
  const int64_t blurred_begin = FloorDiv(-radius, stride), blurred_end = FloorDiv(size - 1 + radius, stride) + 1;
  const int64_t outputs = OutputExtent(size, margin, stride);
  if (direction == Direction::kForward) {
    content_begin_ = blurred_begin;
    content_end_ = blurred_end;
    out_first_ = 0;
    out_extent_ = outputs;
  } else {
    content_begin_ = blur_first ? -radius : 0;
    content_end_ = blur_first ? outputs + radius : outputs;
    out_first_ = blur_first ? 0 : blurred_begin;
    out_extent_ = blur_first ? size : blurred_end - blurred_begin;
  }
  const int64_t a = Offset(margin + min_cell), b = Offset(margin + max_cell + 1);
  min_offset_ = std::clamp(std::min(a, b), content_begin_ - out_extent_, content_end_);
  max_offset_ = std::clamp(std::max(a, b), content_begin_ - out_extent_, content_end_);
}

Axes::Axes(Direction direction, const DauConvShape& shape, const DisplacementRange& range)
    : blur_first(direction == Direction::kForward || (shape.stride_h == 1 && shape.stride_w == 1)),
      v(direction, blur_first, shape.height, Margin(shape), shape.stride_h, SupportRadius(shape), range.min_v,
        range.max_v),
      h(direction, blur_first, shape.width, Margin(shape), shape.stride_w, SupportRadius(shape), range.min_h,
        range.max_h),
      range_(range) {}

}  // namespace dau::direct
