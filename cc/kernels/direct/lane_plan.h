// How a pass cuts its images into tiles for the lane layout.
#ifndef DAU_CC_KERNELS_DIRECT_LANE_PLAN_H_
#define DAU_CC_KERNELS_DIRECT_LANE_PLAN_H_

#include <cstdint>
#include <functional>

#include "cc/kernels/direct/geometry.h"
#include "cc/kernels/direct/lane_gather.h"
#include "cc/kernels/direct/lanes.h"

namespace dau::direct {

// The tiles of least cost among those of up to 64×64 pixels. Sums do not depend on them.
TileGrid ChooseTiles(const Axes& axes, const LaneWindow& window, const std::function<double(const TileGrid&)>& cost);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_LANE_PLAN_H_
