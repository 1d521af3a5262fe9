#include "cc/kernels/spectral/tiling.h"

#include <algorithm>
#include <vector>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/fft_plan.h"

namespace dau::spectral {
namespace {

Axis MakeAxis(Direction direction, int64_t size, int64_t margin, int64_t stride, int64_t radius, int64_t min_cell,
              int64_t max_cell) {
  Axis axis;
  const int64_t outputs = size - 2 * margin;  // at stride 1
  if (direction == Direction::kForward) {
    axis.in_extent = size;
    axis.out_extent = outputs;
    axis.out_step = stride;
    axis.min_cell = min_cell + margin;
    axis.max_cell = max_cell + margin;
  } else {
    axis.in_extent = outputs;
    axis.out_extent = size;
    axis.in_step = stride;
    axis.sign = -1;
    axis.min_cell = -(max_cell + margin);
    axis.max_cell = -(min_cell + margin);
  }
  axis.margin = margin;
  // A unit farther away than this meets no input from any output. The second tap is at the cell's offset + sign.
  const int64_t reach = radius + 1;
  axis.min_cell = std::max(axis.min_cell, -axis.out_extent - reach);
  axis.max_cell = std::min(axis.max_cell, axis.in_extent + reach);
  if (axis.min_cell > axis.max_cell) axis.min_cell = axis.max_cell = 0;  // nothing reaches anything
  axis.low = axis.min_cell - radius - (axis.sign < 0 ? 1 : 0);
  axis.high = axis.max_cell + radius + (axis.sign > 0 ? 1 : 0);
  axis.centre = FloorDiv(axis.low + axis.high, 2);
  return axis;
}

// The tile with transforms of this length, if there is one.
bool Fit(Axis* axis, int64_t length) {
  axis->length = length;
  // One tile: around the circle come zeros only.
  if (length >=
      std::max({axis->in_extent, axis->out_extent, axis->in_extent - axis->low, axis->out_extent + axis->high})) {
    axis->outputs = axis->out_extent;
    axis->tiles = 1;
    return true;
  }
  const int64_t most = length - (axis->high - axis->low);
  if (most < 1) return false;
  axis->tiles = CeilDiv(axis->out_extent, most);
  axis->outputs = CeilDiv(axis->out_extent, axis->tiles);
  return true;
}

std::vector<Axis> Candidates(const Axis& problem) {
  std::vector<Axis> list;
  for (int64_t length : TransformLengths()) {
    Axis axis = problem;
    if (!Fit(&axis, length)) continue;
    // The same number of tiles with longer transforms gains nothing.
    if (!list.empty() && list.back().tiles == axis.tiles) continue;
    list.push_back(axis);
    if (axis.tiles == 1) break;
  }
  return list;
}

}  // namespace

Status ChooseTiling(Direction direction, const DauConvShape& shape, const DisplacementRange& range, Tiling* tiling) {
  const int64_t margin = Margin(shape), radius = SupportRadius(shape);
  const Axis v = MakeAxis(direction, shape.height, margin, shape.stride_h, radius, range.min_v, range.max_v);
  const Axis h = MakeAxis(direction, shape.width, margin, shape.stride_w, radius, range.min_h, range.max_h);
  double best = -1;
  for (const Axis& candidate_v : Candidates(v)) {
    for (const Axis& candidate_h : Candidates(h)) {
      if (candidate_v.length * candidate_h.length > kMaxTilePixels) continue;
      const Tiling candidate{candidate_v, candidate_h};
      const double cost = TilingCost(shape, candidate);
      if (best >= 0 && cost >= best) continue;
      best = cost;
      *tiling = candidate;
    }
  }
  if (best >= 0) return Status();
  return InvalidArgument("the spectral engine's tiles hold displacements and blur of at most ",
                         TransformLengths().back() / 2, " pixels. Received: displacements from ", range.min_v, " to ",
                         range.max_v + 1, " vertically, from ", range.min_h, " to ", range.max_h + 1,
                         " horizontally, sigma=", shape.sigma);
}

}  // namespace dau::spectral
