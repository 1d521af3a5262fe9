// Where a value of an image stands.
#ifndef DAU_CC_KERNELS_REFERENCE_IMAGE_INDEX_H_
#define DAU_CC_KERNELS_REFERENCE_IMAGE_INDEX_H_

#include <cstdint>

#include "cc/kernels/dau_conv_shape.h"

namespace dau::reference {

inline int64_t Index(DataFormat format, int64_t channels, int64_t height, int64_t width, int64_t n, int64_t c,
                     int64_t h, int64_t w) {
  return format == DataFormat::kNHWC ? ((n * height + h) * width + w) * channels + c
                                     : ((n * channels + c) * height + h) * width + w;
}

}  // namespace dau::reference

#endif  // DAU_CC_KERNELS_REFERENCE_IMAGE_INDEX_H_
