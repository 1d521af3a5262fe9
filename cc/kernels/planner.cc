// Two cost models of counted work, each count times a rate: the direct engine's own (direct/cost.h), and the spectral
// engine's below, fitted once on an AVX-512 server, one thread, float, to 90 random shapes (N·H·W up to 10⁵, channels
// up to 512, K up to 8, |μ| up to 32 px, some with stride 2). They give nanoseconds there, and elsewhere a ratio, which
// is all that is asked.
#include "cc/kernels/planner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/direct/cost.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/tiling.h"

namespace dau {
namespace {

// Channels that a pass reads and writes.
struct Roles {
  double in, out;
};

struct SpectralRates {
  double unit, kernel, product, transform, table, call;
};
constexpr SpectralRates kSpectralRates[] = {
    {0.0252, 0.0481, 0.0416, 0.0425, 0.86, 500},
    {0.0289, 0.0204, 0.0348, 0.0479, 1.055, 500},
    {0.0077, 0.166, 0.0392, 0.0547, 1.73, 500},
    {0.0119, 0.167, 0.0385, 0.0539, 1.66, 500},
};

int RateIndex(Pass pass, DisplacementGradient kind) {
  if (pass == Pass::kForward) return 0;
  if (pass == Pass::kBackwardInput) return 1;
  return kind == DisplacementGradient::kGaussian ? 2 : 3;
}

double Images(const DauConvShape& shape) { return shape.ignore_batch ? 1 : static_cast<double>(shape.batch); }

direct::Pass DirectPass(Pass pass, DisplacementGradient kind) {
  if (pass == Pass::kForward) return direct::Pass::kForward;
  if (pass == Pass::kBackwardInput) return direct::Pass::kBackwardInput;
  return kind == DisplacementGradient::kExact ? direct::Pass::kBackwardParamsExact
                                              : direct::Pass::kBackwardParamsGaussian;
}

double DirectCost(Pass pass, DauConvShape shape, const DisplacementRange& range, DisplacementGradient kind) {
  if (shape.ignore_batch) shape.batch = 1;
  return direct::EstimateCost<float>(DirectPass(pass, kind), shape, range);
}

double SpectralCost(const SpectralRates& rate, const DauConvShape& shape, const spectral::Tiling& tiling,
                    const Roles& roles) {
  const double images = Images(shape), tiles = images * static_cast<double>(tiling.tiles());
  const double slots = static_cast<double>(tiling.slots());
  const double in = static_cast<double>(RoundUp(static_cast<int64_t>(roles.in), 16));
  const double out = static_cast<double>(RoundUp(static_cast<int64_t>(roles.out), 32));
  const double pixels = static_cast<double>(tiling.v.length) * static_cast<double>(tiling.h.length);
  const double tile_bytes = slots * 4 * (3 * in + 2 * out);
  const double chunks = std::ceil(tiles / std::max(1.0, std::floor(spectral::kSpectraBytes / tile_bytes)));
  const double pairs = roles.in * out;
  return rate.unit * chunks * slots * pairs * shape.units + rate.kernel * chunks * slots * pairs +
         rate.product * slots * pairs * tiles + rate.transform * tiles * pixels * (in + out) * std::log2(pixels) +
         rate.table * chunks * static_cast<double>(tiling.v.length) * pairs * shape.units + rate.call;
}

}  // namespace

// Both costs grow with the element's size alike.
Engine ChooseEngine(Pass pass, const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind,
                    int64_t) {
  spectral::Tiling tiling;
  const auto direction = pass == Pass::kBackwardInput ? spectral::Direction::kBackward : spectral::Direction::kForward;
  if (!spectral::ChooseTiling(direction, shape, range, &tiling).ok()) return Engine::kDirect;
  Roles roles{static_cast<double>(shape.in_channels), static_cast<double>(shape.filters)};
  if (pass == Pass::kBackwardInput) std::swap(roles.in, roles.out);
  const int index = RateIndex(pass, kind);
  const double direct_cost = DirectCost(pass, shape, range, kind);
  return SpectralCost(kSpectralRates[index], shape, tiling, roles) < direct_cost ? Engine::kSpectral : Engine::kDirect;
}

}  // namespace dau
