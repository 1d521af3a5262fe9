// Between planes and the spectra of their tiles. A spectrum is [slot] of Circle; spectra are [tile][channel][slot].
#ifndef DAU_CC_KERNELS_CUDA_SPECTRA_H_
#define DAU_CC_KERNELS_CUDA_SPECTRA_H_

#include <cstdint>

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/circle_tables.h"
#include "cc/kernels/cuda/complex.h"
#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

// Some of the tiles of all images, counted through.
struct TileRange {
  int64_t first, count;
};

// What is cut out of the planes: a tile's inputs, or its own outputs as inputs.
enum class Cut { kInputs, kOutputs };

// Times `scale`, and times the blur's spectrum if `blurred`.
template <typename R>
Status ToSpectra(const Circle& circle, const CircleTables<R>& tables, Cut cut, bool blurred, double scale,
                 const TileRange& tiles, const PlaneIndex& planes, int64_t channels, const R* from, Complex<R>* spectra,
                 cudaStream_t stream);

// The outputs of the tiles.
template <typename R>
Status FromSpectra(const Circle& circle, const CircleTables<R>& tables, const TileRange& tiles,
                   const Complex<R>* spectra, const PlaneIndex& planes, int64_t channels, R* to, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_SPECTRA_H_
