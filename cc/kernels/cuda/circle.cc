#include "cc/kernels/cuda/circle.h"

#include <algorithm>
#include <vector>

namespace dau::cuda {
namespace {

CircleAxis MakeAxis(bool adjoint, int64_t size, int64_t margin, int64_t stride, int64_t radius, int64_t reach) {
  CircleAxis axis = {};
  const int64_t outputs = size - 2 * margin;  // at stride 1
  axis.in_extent = adjoint ? outputs : size;
  axis.out_extent = adjoint ? size : outputs;
  axis.in_step = adjoint ? stride : 1;
  axis.out_step = adjoint ? 1 : stride;
  axis.base = adjoint ? -margin : margin;
  // No room for units that are nowhere.
  axis.min_offset = std::max(axis.base - reach, -axis.out_extent - radius);
  axis.max_offset = std::min(axis.base + reach, axis.in_extent - 1 + radius);
  if (axis.min_offset > axis.max_offset) axis.min_offset = axis.max_offset = 0;
  axis.low = axis.min_offset - radius;
  axis.high = axis.max_offset + 1 + radius;
  return axis;
}

bool FitTiles(CircleAxis* axis, int length) {
  axis->length = length;
  axis->inverse_length = 1.0f / static_cast<float>(length);
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

bool Fit(CircleAxis* axis, int length) {
  if (!FitTiles(axis, length)) return false;
  axis->inverse_outputs = 1.0f / static_cast<float>(axis->outputs);
  axis->inverse_in_step = 1.0 / static_cast<double>(axis->in_step);
  axis->inverse_out_step = 1.0 / static_cast<double>(axis->out_step);
  return true;
}

std::vector<CircleAxis> Candidates(CircleAxis axis) {
  std::vector<CircleAxis> fitting;
  for (int length : kLengths) {
    if (Fit(&axis, length)) fitting.push_back(axis);
    if (axis.tiles == 1) break;
  }
  return fitting;
}

}  // namespace

Status ChooseCircle(const DauConvShape& shape, bool adjoint, int64_t reach,
                    double (*cost)(const DauConvShape&, bool, const Circle&), Circle* circle) {
  const int64_t margin = Margin(shape), radius = SupportRadius(shape.sigma);
  double best = -1;
  for (const CircleAxis& v : Candidates(MakeAxis(adjoint, shape.height, margin, shape.stride_h, radius, reach))) {
    for (const CircleAxis& h : Candidates(MakeAxis(adjoint, shape.width, margin, shape.stride_w, radius, reach))) {
      const Circle candidate = {v, h};
      const double this_cost = cost(shape, adjoint, candidate);
      if (best >= 0 && this_cost >= best) continue;
      best = this_cost;
      *circle = candidate;
    }
  }
  if (best >= 0) return Status();
  constexpr int kLongest = kLengths[std::size(kLengths) - 1];
  return InvalidArgument("the spectral form's tiles of ", kLongest, " pixels have no room for 2·(max_displacement + ",
                         "ceil(3·sigma)) + 2 around the outputs. Received: max_displacement=", shape.max_displacement,
                         ", taken as ", reach, ", sigma=", shape.sigma);
}

}  // namespace dau::cuda
