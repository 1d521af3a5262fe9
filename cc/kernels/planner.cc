// Two cost models of counted work, each count times a rate. The rates were fitted once, on an AVX-512 server, one
// thread, float, to 90 random shapes (N·H·W up to 10⁵, channels up to 512, K up to 8, |μ| up to 32 px, some with
// stride 2): they give nanoseconds there, and elsewhere a ratio, which is all that is asked.
#include "cc/kernels/planner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/tiling.h"

namespace dau {
namespace {

// The counts of a pass: it reads `in` channels of `in_pixels`, writes `out` of `out_pixels`.
struct Roles {
  double in, out;
};

struct DirectRates {
  double padded, pixel, in_plane, out_plane, unit, call;
};
constexpr DirectRates kDirectRates[] = {
    {0.0168, 0.0563, 1.46, 0.064, 34.5, 1330},  // forward
    {0.0428, 0.0153, 1.92, 0.378, 30.5, 1000},  // input gradient
    {0.187, 0.0074, 2.93, 0.1, 37.8, 2080},     // parameters, gaussian
    {0.0699, 0.0067, 0.975, 0.294, 33.9, 935},  // parameters, exact
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

// What a register tile of rows × cols pixels makes of an image, in pixels: the best of the tiles that there are.
double PaddedPixels(int64_t height, int64_t width, bool correlate) {
  double best = -1;
  for (const auto& [rows, cols] : {std::pair{8, 32}, {4, 64}, {2, 128}, {1, 256}}) {
    const double pixels = static_cast<double>(RoundUp(height, rows)) * static_cast<double>(RoundUp(width, cols));
    if (best < 0 || pixels < best) best = pixels;
  }
  return correlate ? static_cast<double>(height) * static_cast<double>(RoundUp(width, 16)) : best;
}

double DirectCost(const DirectRates& rate, Pass pass, const DauConvShape& shape, const DisplacementRange& range,
                  const Roles& roles) {
  const int64_t height = OutputHeight(shape), width = OutputWidth(shape);
  // Zeros around an image: what the displacements reach, but no more than the image and its outputs.
  const auto border = [](int64_t low, int64_t high, int64_t size, int64_t outputs) {
    return static_cast<double>(std::min(high - low + 1, size + outputs));
  };
  const double planes =
      (static_cast<double>(height * shape.stride_h) + border(range.min_v, range.max_v, shape.height, height)) *
      (static_cast<double>(width * shape.stride_w) + border(range.min_h, range.max_h, shape.width, width));
  const double images = Images(shape), units = shape.units * roles.in * roles.out;
  const double pixels = static_cast<double>(height) * static_cast<double>(width);
  const bool correlate = pass == Pass::kBackwardParams;
  const double padded = PaddedPixels(height, width, correlate);
  // Correlations fill whole vectors; sums of a gather fill whole register tiles.
  const double second = correlate ? PaddedPixels(height, width, false) : pixels;
  const double out_plane = correlate ? pixels : PaddedPixels(height, width, false);
  return rate.padded * units * images * padded + rate.pixel * units * images * second +
         rate.in_plane * images * roles.in * planes + rate.out_plane * images * roles.out * out_plane +
         rate.unit * units + rate.call;
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
  const double direct = DirectCost(kDirectRates[index], pass, shape, range, roles);
  return SpectralCost(kSpectralRates[index], shape, tiling, roles) < direct ? Engine::kSpectral : Engine::kDirect;
}

}  // namespace dau
