// The tensors of a call as the direct passes walk them.
#ifndef DAU_CC_KERNELS_DIRECT_IMAGES_H_
#define DAU_CC_KERNELS_DIRECT_IMAGES_H_

#include <limits>

#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/direct/planes.h"

namespace dau::direct {

enum class Tensor { kInput, kOutput };  // x or its gradient; y or its gradient

// Images [first, first + count) of a tensor that begins at `data`.
template <typename T>
ImageView<T> Images(const DauConvShape& shape, Tensor tensor, T* data, int64_t first, int64_t count) {
  const bool input = tensor == Tensor::kInput;
  const int64_t height = input ? shape.height : OutputHeight(shape);
  const int64_t width = input ? shape.width : OutputWidth(shape);
  const int64_t channels = input ? shape.in_channels : shape.filters;
  T* const begin = data + first * height * width * channels;
  if (shape.format == DataFormat::kNHWC) return {begin, count, height, width, channels};
  return {begin, count * channels, height, width, 1};
}

// Planes or tiles of so many images are held at once, at least of one: few enough for the L2 and L3 caches. With 64 MiB
// instead, passes of few filters take twice as long.
constexpr int64_t kChunkBytes = 8 << 20;

// Elements of both tensors.
inline double TensorElements(const DauConvShape& shape) {
  return static_cast<double>(shape.batch) *
         (shape.height * shape.width * shape.in_channels + OutputHeight(shape) * OutputWidth(shape) * shape.filters);
}

// Pixels whose last channels are moved one by one, not 16 bytes at a time.
template <typename T>
double RaggedPixels(const DauConvShape& shape, Tensor tensor) {
  const ImageView<const T> view = Images(shape, tensor, static_cast<const T*>(nullptr), 0, shape.batch);
  constexpr int64_t kQuad = 16 / static_cast<int64_t>(sizeof(T));
  return view.channels == 1 || view.channels % kQuad == 0 ? 0
                                                          : static_cast<double>(view.images) * view.height * view.width;
}

// The units address their block of planes by 32 bits.
constexpr int64_t kMaxOffset = std::numeric_limits<int32_t>::max();

inline Status CheckAddressable(const DauConvShape& shape, const PlaneGrid& grid) {
  if (grid.channel_size() <= kMaxOffset) return Status();
  return InvalidArgument(
      "the image is too large: with its border of 3·sigma one channel must stay below 2^31 elements. Received: height=",
      shape.height, ", width=", shape.width, ", sigma=", shape.sigma);
}

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_IMAGES_H_
