// The products of the forward pass and of the input gradient:
//
//   Y(u, v)[tile, out] = Σ_in H(u, v)[in, out] · X(u, v)[tile, in]
//
// The kernels' spectra H are made for some input channels and frequencies at a time and used up at once; they are never
// stored as a whole. Two forms make them, and the cheaper one is taken:
//   by units   Σ_k weight·A_k(u)·B_k(v) at each frequency: for any displacement, at a cost that grows with K
//   by taps    the units' bilinear taps are added up around the kernel's centre and transformed: at a cost that grows
//              with the displacements' spread and does not know K
// The order of the sum over the input channels is that of one tile, whatever else is computed.
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
  const T* x;    // ToSpectra's data: [slot][in block][tile][3][kBlock]
  T* y;          // FromSpectra's input: [tile][out block][v][u][Re, Im][kBlock]
  bool by_taps;  // which form
  // Input channels whose units' tables, or taps and columns, stay in the L2 cache; a multiple of kBlock.
  int64_t in_group;
  int64_t freq_group;        // by units: horizontal frequencies whose tables stay there too
  int64_t item_frequencies;  // of frequencies(), in one item

  // By taps v and P/2 − v are one.
  int64_t frequencies() const { return by_taps ? tiling.h.length / 4 + 1 : tiling.h.half(); }
  int64_t in_blocks() const { return CeilDiv(arrays.in_channels, kBlock); }
  int64_t out_blocks() const { return CeilDiv(arrays.out_channels, kBlock); }
  int64_t slot_size() const { return SlotSize<T>(in_blocks() * tile_count * 3 * kBlock); }
  int64_t y_tile_size() const { return out_blocks() * tiling.h.half() * tiling.v.length * 2 * kBlock; }
  int64_t filter_groups() const { return CeilDiv(arrays.out_channels, FilterBlock<T>()); }
  int64_t items() const { return filter_groups() * CeilDiv(frequencies(), item_frequencies); }
  // X at (±u, v) from input channel `in` on, u in 0 … P/2; sign: 0, or 1 for −u.
  const T* XAt(int64_t u, int64_t v, int sign, int64_t in) const {
    const int64_t slot = tiling.first_slot(v) + tiling.slot_of(u, tiling.edge(v)) + sign;
    return x + slot * slot_size() + in * tile_count * 3;
  }
};

template <typename T>
void UnitsProduct(const ProductJob<T>& job, int64_t item, T* scratch);
template <typename T>
int64_t UnitsScratchSize(const ProductJob<T>& job);
template <typename T>
void TapsProduct(const ProductJob<T>& job, int64_t item, T* scratch);
template <typename T>
int64_t TapsScratchSize(const ProductJob<T>& job);

template <typename T>
void Product(const ProductJob<T>& job, int64_t item, T* scratch) {
  job.by_taps ? TapsProduct(job, item, scratch) : UnitsProduct(job, item, scratch);
}
template <typename T>
int64_t ProductScratchSize(const ProductJob<T>& job) {
  return job.by_taps ? TapsScratchSize(job) : UnitsScratchSize(job);
}

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_PRODUCT_H_
