// The products of the forward pass and of the input gradient:
//
//   Y(u, v)[tile, out] = Σ_in Σ_k weight·A_k(u)·B_k(v) · X(u, v)[tile, in]
//
// The kernels' spectra are made for some input channels at a time, at u and −u and two neighbours of v at once, and
// used up at once; they are never stored as a whole. The order of the sum over the input channels is that of one tile,
// whatever else is computed.
#ifndef DAU_CC_KERNELS_SPECTRAL_PRODUCT_H_
#define DAU_CC_KERNELS_SPECTRAL_PRODUCT_H_

#include <cstdint>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/general_units.h"
#include "cc/kernels/spectral/transform.h"
#include "cc/kernels/spectral/units.h"

namespace dau::spectral {

template <typename T>
struct ProductJob {
  Tiling tiling;
  const Circle *circle_v, *circle_h;
  UnitArrays<T> arrays;
  GeneralFields general;  // of the general form; radius 0: one σ, which is in the gains of the transforms
  int64_t tile_count;
  const T* x;                // ToSpectra's data: [slot][in block][tile][3][kBlock]
  T* y;                      // FromSpectra's input: [tile][out block][v][u][Re, Im][kBlock]
  int64_t in_group;          // input channels whose units' tables stay in the L2 cache; a multiple of kBlock
  int64_t freq_group;        // horizontal frequencies whose tables stay there too
  int64_t item_frequencies;  // of one item

  int64_t in_blocks() const { return CeilDiv(arrays.in_channels, kBlock); }
  int64_t out_blocks() const { return CeilDiv(arrays.out_channels, kBlock); }
  int64_t slot_size() const { return in_blocks() * tile_count * 3 * kBlock; }
  int64_t y_tile_size() const { return out_blocks() * tiling.h.half() * tiling.v.length * 2 * kBlock; }
  int64_t filter_groups() const { return CeilDiv(arrays.out_channels, FilterBlock<T>()); }
  int64_t items() const { return filter_groups() * CeilDiv(tiling.h.half(), item_frequencies); }
  int64_t ScratchSize() const;
};

template <typename T>
void Product(const ProductJob<T>& job, int64_t item, T* scratch);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_PRODUCT_H_
