#include "cc/kernels/planner.h"

#include <algorithm>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/direct/cost.h"
#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/tiling.h"

namespace dau {
namespace {

double DirectCost(Pass pass, DauConvShape shape, const DisplacementRange& range, DisplacementGradient kind) {
  if (shape.ignore_batch) shape.batch = 1;
  return direct::EstimateCost<float>(pass, kind, shape, range);
}

// Scratch memory of displaced sums: the border that displacements ask for is many times an image of a few rows, 160
// times the 4 MB of a line of 10^6 pixels (one channel into nine). Of one image, by as many threads as anybody has:
// neither the batch nor the threads may decide.
bool NeedsMuchMemory(Pass pass, DauConvShape shape, const DisplacementRange& range, DisplacementGradient kind) {
  constexpr double kMuch = 256 << 20;
  shape.batch = 1;
  Parallel parallel;
  parallel.num_threads = 64;
  size_t bytes = 0;
  const Status status = pass == Pass::kForward ? direct::ForwardWorkspace<float>(shape, range, parallel, &bytes)
                        : pass == Pass::kBackwardInput
                            ? direct::BackwardInputWorkspace<float>(shape, range, parallel, &bytes)
                            : direct::BackwardParamsWorkspace<float>(shape, range, kind, false, parallel, &bytes);
  const double tensors = sizeof(float) * static_cast<double>(InputCount(shape) + OutputCount(shape));
  return !status.ok() || static_cast<double>(bytes) > std::max(kMuch, 4 * tensors);
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
  return spectral < direct || NeedsMuchMemory(pass, shape, range, kind) ? Engine::kSpectral : Engine::kDirect;
}

}  // namespace dau
