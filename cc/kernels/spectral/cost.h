// What a tiling costs, in multiply-adds that a vector does at once: the planner's view of the spectral engine.
#ifndef DAU_CC_KERNELS_SPECTRAL_COST_H_
#define DAU_CC_KERNELS_SPECTRAL_COST_H_

#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/spectral/tiling.h"

namespace dau::spectral {

// Tiles are held in chunks of about this much spectra. 24 MiB stay below what malloc would fetch from and return to the
// system with each call, and near the caches.
constexpr int64_t kSpectraBytes = 24 << 20;

// Forward or input gradient: kernel spectra, products and transforms of one call.
double ProductCost(const DauConvShape& shape, const Tiling& tiling);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_COST_H_
