#include "cc/kernels/spectral/cost.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/fft_plan.h"

namespace dau::spectral {
namespace {

// Nanoseconds a count, of the passes in PassIndex's order.
constexpr Work kRates[] = {
    {0.0574, 0.0357, 0.0159, 0.128, 0.0566, 0.0325, 0.370, 0.0224, 1580},  // forward
    {0.0582, 0.0484, 0.0214, 0.136, 0.0500, 0.0307, 0.582, 0.0134, 1540},  // input gradient
    {0.0744, 0.2620, 0.0208, 0.110, 0.0724, 0.0372, 0.445, 0.0192, 2290},  // parameters, exact
    {0.0662, 0.2730, 0.0436, 0.382, 0.0645, 0.0377, 0.421, 0.0206, 2340},  // parameters, gaussian
};
size_t PassIndex(Pass pass, DisplacementGradient kind) {
  if (pass == Pass::kForward) return 0;
  if (pass == Pass::kBackwardInput) return 1;
  return kind == DisplacementGradient::kExact ? 2 : 3;
}

double AllTiles(const DauConvShape& shape, const Tiling& tiling) {
  const double images = shape.ignore_batch ? 1 : static_cast<double>(shape.batch);
  return images * static_cast<double>(tiling.tiles());
}

double TileBytes(double frequencies, double in_channels, double out_channels) {
  return frequencies * 4 * (3 * in_channels + 2 * out_channels);
}
// Each chunk of tiles makes the kernels' spectra again.
double Chunks(double tiles, double tile_bytes) {
  return std::ceil(tiles / std::max(1.0, std::floor(kSpectraBytes / tile_bytes)));
}

// What a frequency of a pair's kernel takes to make and to store, in the products' multiply-adds. By units, the factors
// come from the L2 cache. By taps, four frequencies are made together, also where two or three of them are not wanted.
// The numbers are such that the measured times of both forms meet where these costs do.
double UnitsKernelCost(int64_t units) { return 1.5 * (2 * static_cast<double>(units) + 2); }
double TapsKernelCost(const Tiling& tiling) {
  const double v = static_cast<double>(tiling.v.reach()), h = static_cast<double>(tiling.h.reach());
  const double made = static_cast<double>(4 * tiling.v.half() * (tiling.h.length / 4 + 1));
  return made / static_cast<double>(tiling.slots()) * (h + 4 + v * (2 * h + 1) / static_cast<double>(tiling.h.length));
}
// The same for the gradients, of what follows a frequency's correlations.
double UnitsGradientCost(int64_t units) { return 4 * static_cast<double>(units); }
double TapsGradientCost(const Tiling& tiling, DisplacementGradient kind) {
  return (kind == DisplacementGradient::kExact ? 1 : 1.8) * TapsKernelCost(tiling);
}

// More places than this are slower to clear and to gather from than units are to transform.
constexpr int64_t kMostTaps = 512;

}  // namespace

int64_t TapCount(const Tiling& tiling) { return (2 * tiling.v.reach() + 1) * (2 * tiling.h.reach() + 1); }

bool ByTaps(const Tiling& tiling, int64_t units) {
  return TapCount(tiling) <= kMostTaps && TapsKernelCost(tiling) < UnitsKernelCost(units);
}
bool ByTaps(const Tiling& tiling, int64_t units, DisplacementGradient kind) {
  return TapCount(tiling) <= kMostTaps && TapsGradientCost(tiling, kind) < UnitsGradientCost(units);
}

double TilingCost(const DauConvShape& shape, const Tiling& tiling) {
  const double tiles = std::max(1.0, AllTiles(shape, tiling));
  const double pixels = static_cast<double>(tiling.v.length) * static_cast<double>(tiling.h.length);
  const double in = static_cast<double>(shape.in_channels), out = static_cast<double>(shape.filters);
  // Making a frequency of a pair's kernel, and its products: 3 multiply-adds for each tile, and what four tiles at a
  // time, or fewer, lose to loading the kernel and to waiting for sums.
  const double kernel = ByTaps(tiling, shape.units) ? 1.2 * TapsKernelCost(tiling) : UnitsKernelCost(shape.units);
  const double tile_bytes = TileBytes(pixels / 2, in, out);
  const double chunks = Chunks(tiles, tile_bytes), whole = std::floor(tiles / 4);
  const double lost = 1.5 * whole + (tiles > 4 * whole ? 5 * chunks : 0);
  const double products = pixels / 2 * in * out * (kernel * chunks + 3 * tiles + lost);
  // Half a tile's samples of 16 channels, complex: beyond 12,000 they leave an L2 cache of 1 MiB.
  const double sample =
      (pixels > 12000 ? 1.6 : 1.2) * (TransformCost(tiling.v.length) + TransformCost(tiling.h.length));
  const double transforms = tiles * pixels * (in + out) * sample;
  // Tiles that take more memory than a chunk may are for displacements that no others hold.
  return (products + transforms) * std::max(1.0, tile_bytes / kSpectraBytes);
}

Work CountWork(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const Tiling& tiling) {
  int64_t read = shape.in_channels, written = shape.filters;
  if (pass == Pass::kBackwardInput) std::swap(read, written);
  const double in = static_cast<double>(RoundUp(read, 16)), out = static_cast<double>(RoundUp(written, 32));
  const double tiles = AllTiles(shape, tiling), slots = static_cast<double>(tiling.slots());
  const double pixels = static_cast<double>(tiling.v.length) * static_cast<double>(tiling.h.length);
  const double chunks = Chunks(tiles, TileBytes(slots, in, out)), pairs = static_cast<double>(read) * out;
  const double units = static_cast<double>(shape.units), values = chunks * slots * pairs;
  const bool by_taps = pass == Pass::kBackwardParams ? ByTaps(tiling, shape.units, kind) : ByTaps(tiling, shape.units);
  const double by_units = by_taps ? 0 : 1, taps = static_cast<double>(TapCount(tiling));
  return {by_units * values * units,
          by_units * chunks * static_cast<double>(tiling.v.length) * pairs * units,
          (1 - by_units) * values * TapsKernelCost(tiling),
          (1 - by_units) * chunks * pairs * (4 * units + taps),
          values,
          slots * pairs * tiles,
          slots * out * tiles,
          tiles * pixels * (in + out) * std::log2(pixels),
          1};
}

double EstimateCost(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const Tiling& tiling) {
  const Work work = CountWork(pass, kind, shape, tiling), &rates = kRates[PassIndex(pass, kind)];
  return std::inner_product(work.begin(), work.end(), rates.begin(), 0.0);
}

}  // namespace dau::spectral
