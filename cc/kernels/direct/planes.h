// Between tensors and planes. The direct engine works on planes: one channel of one image, rows of neighbouring pixels,
// with all the zeros around it that a displacement can reach, so that its kernels need no border cases.
//
// A stride splits each channel into phases: pixel (p_v, p_h) lies in the plane of phase (p_v mod stride_h, p_h mod
// stride_w) at row ⌊p_v / stride_h⌋ and column ⌊p_h / stride_w⌋. The outputs of a strided layer then read neighbours.
#ifndef DAU_CC_KERNELS_DIRECT_PLANES_H_
#define DAU_CC_KERNELS_DIRECT_PLANES_H_

#include <cstdint>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/parallel.h"

namespace dau::direct {

// Images of [height, width, channels], one after the other. NCHW is N·C such images of one channel.
template <typename T>
struct ImageView {
  T* data;
  int64_t images, height, width, channels;

  int64_t image_size() const { return height * width * channels; }
};

// What is stored of a channel: the same rectangle of every phase.
struct PlaneGrid {
  int64_t phases_h = 1, phases_w = 1;
  int64_t first_row = 0, first_col = 0;  // of the stored rectangle, in pixels of a phase
  int64_t rows = 0, cols = 0;

  int64_t phase_size() const { return rows * cols; }
  int64_t channel_size() const { return phases_h * phases_w * phase_size(); }
};

// A separable filter of 2·radius+1 taps; radius 0 leaves the image as it is.
template <typename T>
struct SeparableFilter {
  int64_t radius = 0;
  const T* vertical = nullptr;
  const T* horizontal = nullptr;
};

// Scratch elements a slot of Parallel::ForEachInSlot needs, for either direction.
int64_t RowScratchSize(int64_t width, int64_t channels, int64_t phases_w, int64_t radius);

// planes[image·channels + c] = the filtered image on the grid's rectangle of the infinite plane, 0 where x is not
// reached. `scratch`: RowScratchSize elements a slot.
template <typename T>
void TensorToPlanes(const ImageView<const T>& x, const SeparableFilter<T>& filter, const PlaneGrid& grid, T* planes,
                    T* scratch, const Parallel& parallel);

// The image inside the planes, filtered; the grid covers it with a border of the filter's radius.
template <typename T>
void PlanesToTensor(const T* planes, const PlaneGrid& grid, const SeparableFilter<T>& filter, const ImageView<T>& y,
                    T* scratch, const Parallel& parallel);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_PLANES_H_
