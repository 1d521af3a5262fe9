#include "cc/kernels/spectral/cost.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cc/kernels/base/int_math.h"

namespace dau::spectral {
namespace {

struct Rates {
  double unit, kernel, product, transform, table, call;
};
constexpr Rates kForwardRates = {0.0252, 0.0481, 0.0416, 0.0425, 0.86, 500};
constexpr Rates kBackwardInputRates = {0.0289, 0.0204, 0.0348, 0.0479, 1.055, 500};
constexpr Rates kGaussianRates = {0.0077, 0.166, 0.0392, 0.0547, 1.73, 500};
constexpr Rates kExactRates = {0.0119, 0.167, 0.0385, 0.0539, 1.66, 500};

const Rates& RatesOf(Pass pass, DisplacementGradient kind) {
  if (pass == Pass::kForward) return kForwardRates;
  if (pass == Pass::kBackwardInput) return kBackwardInputRates;
  return kind == DisplacementGradient::kGaussian ? kGaussianRates : kExactRates;
}

double AllTiles(const DauConvShape& shape, const Tiling& tiling) {
  const double images = shape.ignore_batch ? 1 : static_cast<double>(shape.batch);
  return images * static_cast<double>(tiling.tiles());
}

// Each chunk of tiles makes the kernels' spectra again.
double Chunks(double tiles, double frequencies, double in_channels, double out_channels) {
  const double tile_bytes = frequencies * 4 * (3 * in_channels + 2 * out_channels);
  return std::ceil(tiles / std::max(1.0, std::floor(kSpectraBytes / tile_bytes)));
}

}  // namespace

double TilingCost(const DauConvShape& shape, const Tiling& tiling) {
  const double tiles = std::max(1.0, AllTiles(shape, tiling));
  const double pixels = static_cast<double>(tiling.v.length) * static_cast<double>(tiling.h.length);
  const double in = static_cast<double>(shape.in_channels), out = static_cast<double>(shape.filters);
  // A frequency of a pair takes 2K multiply-adds to make the kernel's value and 3 for each tile; storing that value
  // and its sums is taken as 2 more.
  const double products =
      pixels / 2 * in * out * ((2 * shape.units + 2) * Chunks(tiles, pixels / 2, in, out) + 3 * tiles);
  // A real transform is taken as 4·log2(P²) multiply-adds a pixel, loads and stores included.
  const double transforms = tiles * pixels * (in + out) * 4 * std::log2(pixels);
  return products + transforms;
}

double EstimateCost(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const Tiling& tiling) {
  int64_t read = shape.in_channels, written = shape.filters;
  if (pass == Pass::kBackwardInput) std::swap(read, written);
  const double in = static_cast<double>(RoundUp(read, 16)), out = static_cast<double>(RoundUp(written, 32));
  const double tiles = AllTiles(shape, tiling), slots = static_cast<double>(tiling.slots());
  const double pixels = static_cast<double>(tiling.v.length) * static_cast<double>(tiling.h.length);
  const double chunks = Chunks(tiles, slots, in, out), pairs = static_cast<double>(read) * out;
  const Rates& rate = RatesOf(pass, kind);
  return rate.unit * chunks * slots * pairs * shape.units + rate.kernel * chunks * slots * pairs +
         rate.product * slots * pairs * tiles + rate.transform * tiles * pixels * (in + out) * std::log2(pixels) +
         rate.table * chunks * static_cast<double>(tiling.v.length) * pairs * shape.units + rate.call;
}

}  // namespace dau::spectral
