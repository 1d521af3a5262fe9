// What the spectral engine costs: what its tiling is chosen by and the planner compares with the other engine.
#ifndef DAU_CC_KERNELS_SPECTRAL_COST_H_
#define DAU_CC_KERNELS_SPECTRAL_COST_H_

#include <array>

#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/engine.h"
#include "cc/kernels/spectral/tiling.h"

namespace dau::spectral {

// Tiles are held in chunks of about this much spectra. 24 MiB stay below what malloc would fetch from and return to the
// system with each call, and near the caches.
constexpr int64_t kSpectraBytes = 24 << 20;

// Places of taps, and whether the form by taps is the cheaper one: of the products, of the gradients.
int64_t TapCount(const Tiling& tiling);
bool ByTaps(const Tiling& tiling, int64_t units);
bool ByTaps(const Tiling& tiling, int64_t units, DisplacementGradient kind);

// What the tiles of a shape are chosen by: multiply-adds that a vector does at once. Not the nanoseconds below, which
// don't know how far apart the work of different tiles lies: they took 44 instead of 56 samples for 128×128 pixels of
// 64 channels, 6 % slower, and 36×44 instead of 44×44 for 64×64 of 256 with six units, 3 % slower.
double TilingCost(const DauConvShape& shape, const Tiling& tiling);

// What a call does, in counts. By units: parts of kernel values, entries of tables. By taps: parts of kernel values,
// taps that are cleared, set or gathered from. By both: kernel values, products of a tile, sums of a tile, butterflies
// of transforms, calls. `kind` matters to Pass::kBackwardParams only, here and below.
using Work = std::array<double, 9>;
Work CountWork(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const Tiling& tiling);

// Nanoseconds on one thread, without the gradient of σ: counts times rates that cc/bench/fit_cost.py fitted to random
// shapes, in float, on an AVX-512 server.
double EstimateCost(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const Tiling& tiling);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_COST_H_
