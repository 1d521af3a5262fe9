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
  return spectral::EstimateCost(pass, kind, shape, tiling) < DirectCost(pass, shape, range, kind) ? Engine::kSpectral
                                                                                                  : Engine::kDirect;
}

}  // namespace dau
