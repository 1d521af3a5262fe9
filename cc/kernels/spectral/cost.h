// What the spectral engine costs: what its tiling is chosen by, and what the planner compares with the other engine.
#ifndef DAU_CC_KERNELS_SPECTRAL_COST_H_
#define DAU_CC_KERNELS_SPECTRAL_COST_H_

#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/engine.h"
#include "cc/kernels/spectral/tiling.h"

namespace dau::spectral {

// Tiles are held in chunks of about this much spectra. 24 MiB stay below what malloc would fetch from and return to the
// system with each call, and near the caches.
constexpr int64_t kSpectraBytes = 24 << 20;

// Of a call with this tiling, in multiply-adds that a vector does at once: kernel spectra, products and transforms.
double TilingCost(const DauConvShape& shape, const Tiling& tiling);

// Nanoseconds on one thread, without the gradient of σ. Counts of work times rates that were fitted once, on an AVX-512
// server, in float, to 90 random shapes (N·H·W up to 10⁵, channels up to 512, K up to 8, |μ| up to 32 px, some with
// stride 2). `kind` matters to Pass::kBackwardParams only.
double EstimateCost(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const Tiling& tiling);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_COST_H_
