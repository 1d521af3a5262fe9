// Between tensors and the spectra of their tiles.
//
// ToSpectra cuts the tiles out, transforms them and writes of each value z of the half spectrum, times a gain, what
// product-inl.h multiplies:
//   data:    Re + Im, Im, Re
//   kernel:  Re, −Im             a multiplier conj(z)
// FromSpectra takes Re and Im of the products back to pixels. Two rows of one tile share a complex transform; nothing
// of another tile, channel or image takes part.
#ifndef DAU_CC_KERNELS_SPECTRAL_TRANSFORM_H_
#define DAU_CC_KERNELS_SPECTRAL_TRANSFORM_H_

#include <cstdint>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/fft_plan.h"
#include "cc/kernels/spectral/tiling.h"

namespace dau::spectral {

// Channels of a spectrum stand in blocks of this many, zeros behind the last.
constexpr int64_t kBlock = 16;

// Elements from one slot to the next, which has this many: slots a multiple of 4 KiB apart would share one of the L1
// cache's sets.
template <typename T>
constexpr int64_t SlotSize(int64_t elements) {
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T)), kPage = 64 * kLine;
  return elements % kPage == 0 ? elements + kLine : elements;
}

// A tensor of images, its element (n, h, w, c) at n·image + (h·width + w)·pixel + c·channel.
template <typename T>
struct ImageLayout {
  T* data;
  int64_t height, width, channels;
  int64_t image, pixel, channel;
};

template <typename T>
struct SpectraJob {
  Tiling tiling;
  FftPlan<T> fft_v, fft_h;
  int64_t first_tile, tile_count;  // of the tiles of all images, counted through
};

template <typename T>
struct ToSpectraJob : SpectraJob<T> {
  ImageLayout<const T> source;
  bool own_outputs_only;     // the gradient of a tile's outputs, without its neighbours'
  const T *gain_v, *gain_h;  // [half]: real factors of each frequency
  bool conjugate_kernel;
  T* out;                                   // value (slot, tile, channel, part) at
  int64_t slot_size, tile_size, part_size;  // slot·slot_size + tile·tile_size + part·part_size + …
  int64_t wide;                             // … channel / wide · tile_count·tile_size + channel mod wide
};

template <typename T>
struct FromSpectraJob : SpectraJob<T> {
  const T* in;  // [tile][channel block][v][u][Re, Im][kBlock]
  ImageLayout<T> target;
};

// Lanes that one item has, elements of scratch memory it needs.
template <typename T>
int64_t TransformLanes();
template <typename T>
int64_t TransformScratchSize(const Tiling& tiling);

// Items: tile_count × vectors of channels, channels fastest.
template <typename T>
void ToSpectra(const ToSpectraJob<T>& job, int64_t item, T* scratch);
template <typename T>
void FromSpectra(const FromSpectraJob<T>& job, int64_t item, T* scratch);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_TRANSFORM_H_
