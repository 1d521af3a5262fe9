// The kernels of the parameter gradients: correlations of an output gradient with displaced input planes.
//
// Exact: four corners C_ij = Σ_images Σ_rows Σ_cols dy[f][row, col] · x[offset_ij + row·x_cols + col], i, j ∈ {0, 1},
// from which ∂/∂weight and both ∂/∂displacement follow as weighted sums. Eq. 16: of each of the three sets of planes,
// x̃, D_v ⋆ x and D_h ⋆ x, just the unit's own interpolation is needed: R_i = Σ dy·(x[offset_i0] + ratio·x[offset_i1]),
// nine multiply-adds a pixel instead of three times four. ∂/∂σ is the weight's sum of a single set, ∂x̃/∂σ.
#ifndef DAU_CC_KERNELS_DIRECT_CORRELATE_H_
#define DAU_CC_KERNELS_DIRECT_CORRELATE_H_

#include <cstdint>

namespace dau::direct {

template <typename T>
struct CorrelateUnit {
  int32_t offset[2][2];  // [row][column], elements from the channel's first plane; [0][0] < 0: the unit sees nothing
  T fraction_v;          // weight of the second row
  // Corners: weight of the second column. Else column 0 is the heavier one, this is the lighter weight over the
  // heavier.
  T column;
};

// Σ dy·B(x̃), and the sums that times the weight are the gradients of μ_v and μ_h.
struct UnitSums {
  double weight, displacement_v, displacement_h;
};

template <typename T>
struct CorrelateJob {
  // Corners: one set, for the exact gradient. Else sums of one set or three (x̃, D_v ⋆ x, D_h ⋆ x: Eq. 16).
  bool corners;
  const T* x;  // [sets][images][channels][x_channel_size]
  int64_t sets, x_channel_size, x_cols;
  bool share_rows;  // offset[1][j] is offset[0][j] + x_cols
  const T* dy;      // [images][filters][rows, dy_cols], 0 from the image's width up to dy_cols
  int64_t rows, dy_cols;
  int64_t images, channels, filters, units_per_pair;
  const CorrelateUnit<T>* units;  // [channels][filters][units_per_pair]
  UnitSums* sums;                 // the same; added to
  // Taken together, to stay in the L1 cache: some rows of an image, or all rows of some images.
  int64_t band_rows, band_images;
  int64_t channel_block, filter_block;

  int64_t items() const {
    return ((channels + channel_block - 1) / channel_block) * ((filters + filter_block - 1) / filter_block);
  }
};

// dy_cols must be a multiple of this.
template <typename T>
int64_t CorrelateLanes();

// Item `item` of job.items(): some channels with some filters. Items are independent.
template <typename T>
void Correlate(const CorrelateJob<T>& job, int64_t item);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_CORRELATE_H_
