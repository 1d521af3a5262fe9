#include "cc/kernels/planner.h"

#include "cc/kernels/direct/cost.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/tiling.h"

namespace dau {
namespace {

double DirectCost(Pass pass, DauConvShape shape, const DisplacementRange& range, DisplacementGradient kind) {
  if (shape.ignore_batch) shape.batch = 1;
  return direct::EstimateCost<float>(pass, kind, shape, range);
}

}  // namespace

// Both engines estimate nanoseconds on the machine of their fits: elsewhere a ratio, which is all that is asked. Both
// costs grow with the element's size alike.
Engine ChooseEngine(Pass pass, const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind,
                    int64_t) {
  spectral::Tiling tiling;
  const auto direction = pass == Pass::kBackwardInput ? spectral::Direction::kBackward : spectral::Direction::kForward;
  if (!spectral::ChooseTiling(direction, shape, range, &tiling).ok()) return Engine::kDirect;
  const double spectral = spectral::EstimateCost(pass, kind, shape, tiling);
  double direct = DirectCost(pass, shape, range, kind);
  if (range.seen_share < 1) {
    // The fit knows layers with all their units, and promises more than missing ones save: of 8 images of 64x64, 16 ->
    // 16 channels, two units of four left, 0.9 ms, where displaced sums took 1.7 and transforms 1.35. They must promise
    // that much more.
    DisplacementRange all = range;
    all.seen_share = 1;
    if (DirectCost(pass, shape, all, kind) >= spectral) direct /= 0.6;
  }
  return spectral < direct ? Engine::kSpectral : Engine::kDirect;
}

}  // namespace dau
