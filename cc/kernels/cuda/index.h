// Where things are: images as the caller stores them, planes as the workspace does, pieces of work. All in 64 bits: an
// image of 2³¹ elements is legal, and products of two extents must not be taken in 32.
#ifndef DAU_CC_KERNELS_CUDA_INDEX_H_
#define DAU_CC_KERNELS_CUDA_INDEX_H_

#include <cstdint>

#include "cc/kernels/base/host_device.h"
#include "cc/kernels/base/int_math.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda {

// [N, H, W, C] or [N, C, H, W].
struct ImageIndex {
  int64_t batch, channels, height, width;
  bool channels_last;

  DAU_HOST_DEVICE int64_t operator()(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return channels_last ? ((n * height + h) * width + w) * channels + c
                         : ((n * channels + c) * height + h) * width + w;
  }
};

inline ImageIndex InputIndex(const DauConvShape& shape) {
  return {shape.batch, shape.in_channels, shape.height, shape.width, shape.format == DataFormat::kNHWC};
}
inline ImageIndex OutputIndex(const DauConvShape& shape) {
  return {shape.batch, shape.filters, OutputHeight(shape), OutputWidth(shape), shape.format == DataFormat::kNHWC};
}

// One plane a channel and image: rows of `pitch` elements, of which the first `cols` are the image, spread by `step`,
// with `origin` elements before coordinate 0 and after the last; the rest are 0. Pitches are multiples of 4: rows begin
// at 16 bytes.
struct PlaneIndex {
  int64_t rows, cols, pitch;
  int64_t origin;

  static constexpr int64_t kAlign = 4;

  DAU_HOST_DEVICE int64_t Size() const { return rows * pitch; }
  // Of a row of plane c of image n.
  DAU_HOST_DEVICE int64_t Row(int64_t n, int64_t channels, int64_t c, int64_t row) const {
    return (n * channels + c) * Size() + row * pitch;
  }
};

// What a pixel at i·step, i < size, reaches within ±radius.
inline int64_t SpreadExtent(int64_t size, int64_t step, int64_t radius) { return (size - 1) * step + 1 + 2 * radius; }

inline PlaneIndex MakePlanes(int64_t rows, int64_t cols, int64_t origin) {
  return {rows, cols, RoundUp(cols, PlaneIndex::kAlign), origin};
}

// Takes the last digit off a number written in mixed radix: which piece of work a block does.
DAU_HOST_DEVICE inline int64_t TakeDigit(int64_t* number, int64_t radix) {
  const int64_t rest = *number / radix, digit = *number - rest * radix;
  *number = rest;
  return digit;
}

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_INDEX_H_
