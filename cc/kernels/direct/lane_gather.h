// The gather of gather.h in the lane layout of lanes.h: stride 1, every load a whole aligned vector.
//
// With t = in[a] + ratio·in[a + 1] for each of 9 rows and 2 columns, out += q0·t(row) + q1·t(row + 1): 27 loads for 50
// multiply-adds a unit and window.
#ifndef DAU_CC_KERNELS_DIRECT_LANE_GATHER_H_
#define DAU_CC_KERNELS_DIRECT_LANE_GATHER_H_

#include <cstdint>

#include "cc/kernels/direct/gather.h"
#include "cc/kernels/direct/lanes.h"

namespace dau::direct {

template <typename T>
struct LaneGatherJob {
  const T* in;  // [groups][in_channels][in_rows][in_cols][lane]
  T* out;       // [groups][windows][stored outputs][window][lane]
  TileGrid grid;
  int64_t groups, in_channels, outputs, stored_outputs;
  const GatherUnit<T>* units;  // offsets in vectors
  const UnitList* lists;       // [blocks][outputs]
  int64_t blocks, block;       // of `block` input channels
  int64_t outputs_per_item;

  int64_t items() const { return groups * grid.windows_v() * grid.windows_h() * CeilDiv(outputs, outputs_per_item); }
};

// Lanes and window rows of the instruction set at hand; with 1 lane there is no lane layout.
struct LaneWindow {
  int64_t lanes, rows;
};
template <typename T>
LaneWindow GetLaneWindow();

// Item `item` of job.items(): a window of some outputs of a group. Items are independent.
template <typename T>
void LaneGather(const LaneGatherJob<T>& job, int64_t item);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_LANE_GATHER_H_
