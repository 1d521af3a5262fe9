// Images to planes: spread by the stride, filtered along rows and columns on the infinite plane, in any layout.
//
//   planes[n,c,q,p] = Σ_h Σ_w v(h·step_h − (q − r)) · u(w·step_w − (p − r)) · x[n,h,w,c],   u, v: taps at −r…r
//
// Two passes, since the taps may be any number. Memory-bound: 3 or 4 accesses an element, a few per cent of a gather.
#ifndef DAU_CC_KERNELS_CUDA_FILTER_H_
#define DAU_CC_KERNELS_CUDA_FILTER_H_

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda {

// Filters on the device, each of 2·radius + 1 taps.
template <typename R>
struct DeviceTaps {
  int64_t radius;
  R *smooth, *derivative, *perimeter;

  DeviceTaps(double sigma, Arena* arena);
  Status Fill(double sigma, cudaStream_t stream) const;
};

// A step for each axis and the planes that come out of it.
struct Spread {
  int64_t step_h, step_w, radius;
  ImageIndex image;

  PlaneIndex RowPlanes() const { return MakePlanes(image.height, SpreadExtent(image.width, step_w, radius), radius); }
  PlaneIndex Planes() const {
    return MakePlanes(SpreadExtent(image.height, step_h, radius), SpreadExtent(image.width, step_w, radius), radius);
  }
  // Elements in the workspace, of all images and channels.
  int64_t RowCount() const { return image.batch * image.channels * RowPlanes().Size(); }
  int64_t Count() const { return image.batch * image.channels * Planes().Size(); }
};

// Planes of an image as it is.
inline Spread PlainSpread(const ImageIndex& image) { return {1, 1, 0, image}; }

// taps null: radius 0, one tap of 1: a change of layout and type.
template <typename T>
Status FilterRows(const Spread& spread, const T* x, const Real<T>* taps, Real<T>* rows, cudaStream_t stream);
// add: to what the planes hold already.
template <typename R>
Status FilterColumns(const Spread& spread, const R* rows, const R* taps, bool add, R* planes, cudaStream_t stream);

// The way back from PlainSpread's planes: a change of layout and type.
template <typename T>
Status StorePlanes(const ImageIndex& image, const Real<T>* planes, T* to, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_FILTER_H_
