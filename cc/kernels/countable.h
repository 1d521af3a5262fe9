// Whether what an engine lays out for a call can be counted at all.
#ifndef DAU_CC_KERNELS_COUNTABLE_H_
#define DAU_CC_KERNELS_COUNTABLE_H_

#include <algorithm>

#include "cc/kernels/dau_conv_shape.h"

namespace dau {

// Refuses calls for which one image with its border, in and out, or the units take more than 2^52 bytes, 4 PiB: engines
// plan in 64-bit integers, and sizes that have overflowed would be taken for small ones. In double, which can't.
inline Status CheckCountable(const DauConvShape& shape, const DisplacementRange& range) {
  constexpr double kMostBytes = 4503599627370496, kElement = 16, kUnit = 64;
  // Tiles are no larger than 512, and round up by no more than 64, of each phase of a stride.
  const auto extent = [&](int64_t size, int64_t min_cell, int64_t max_cell, int64_t stride) {
    constexpr double kTile = 512, kRounding = 64;
    const double span = static_cast<double>(max_cell) - static_cast<double>(min_cell);
    return std::max(kTile, static_cast<double>(size) + 2 * static_cast<double>(SupportRadius(shape)) + span +
                               kRounding * (1 + static_cast<double>(stride)));
  };
  const double rows = extent(shape.height, range.min_v, range.max_v, shape.stride_h);
  const double cols = extent(shape.width, range.min_h, range.max_h, shape.stride_w);
  const double channels = static_cast<double>(shape.in_channels) + static_cast<double>(shape.filters);
  const double units =
      static_cast<double>(shape.units) * static_cast<double>(shape.in_channels) * static_cast<double>(shape.filters);
  if (rows * cols * channels * kElement <= kMostBytes && units * kUnit <= kMostBytes) return Status();
  return InvalidArgument("the sizes are too large: an image with its border, or the units, would take more than 2^52 ",
                         "bytes. Received: height=", shape.height, ", width=", shape.width,
                         ", in_channels=", shape.in_channels, ", filters=", shape.filters, ", units=", shape.units,
                         ", strides=", shape.stride_h, ",", shape.stride_w, ", displacements from ", range.min_v, ",",
                         range.min_h, " to ", range.max_v, ",", range.max_h);
}

}  // namespace dau

#endif  // DAU_CC_KERNELS_COUNTABLE_H_
