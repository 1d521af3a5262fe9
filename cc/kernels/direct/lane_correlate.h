// The correlations of correlate.h in the lane layout of lanes.h: stride 1, every load a whole aligned vector.
//
// Corners: 9 loads for the 16 multiply-adds of 4 pixels. Interpolated: one set of planes at a time, 9 loads for 12;
// three at once would not fit into the L1 cache.
#ifndef DAU_CC_KERNELS_DIRECT_LANE_CORRELATE_H_
#define DAU_CC_KERNELS_DIRECT_LANE_CORRELATE_H_

#include <cstdint>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/direct/correlate.h"
#include "cc/kernels/direct/lanes.h"

namespace dau::direct {

template <typename T>
struct LaneCorrelateUnit {
  int32_t base;  // of the upper left neighbour, in vectors of its channel; negative: the unit sees nothing
  T fraction_v;  // weight of the lower row
  T column;      // corners: weight of the right column. Else the right weight over the left one.
};

// Which sums a call adds to.
enum class LaneSums { kCorners, kWeight, kDisplacementV, kDisplacementH };

template <typename T>
struct LaneCorrelateJob {
  LaneSums sums_kind;
  const T* x;   // [groups][in_channels][in_rows][in_cols][lane]
  const T* dy;  // [groups][stored filters][tile_rows][tile_cols][lane]
  TileGrid grid;
  int64_t groups, in_channels, channels, stored_filters, filters, units_per_pair;
  const LaneCorrelateUnit<T>* units;  // [channels][filters][units_per_pair]
  UnitSums* sums;                     // the same; added to
  int64_t band_rows;                  // even; what is summed at once, to stay in the L1 cache
  int64_t channel_block, filter_block;

  int64_t items() const { return CeilDiv(channels, channel_block) * CeilDiv(filters, filter_block); }
};

// Item `item` of job.items(): some channels with some filters. Items are independent.
template <typename T>
void LaneCorrelate(const LaneCorrelateJob<T>& job, int64_t item);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_LANE_CORRELATE_H_
