// Units beyond their circle, one by one from the image, with the blur summed up anew for each of their four pixels: as
// right as the others, and slower by a hundred. Nobody's layer should have any; where one has, nobody knew.
#ifndef DAU_CC_KERNELS_CUDA_FAR_INL_H_
#define DAU_CC_KERNELS_CUDA_FAR_INL_H_

#include <cstdint>

#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/circle_tables.h"
#include "cc/kernels/cuda/circle_units.h"
#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

// Σ_i Σ_j v(i)·h(j)·image[q + i, p + j], of coordinates at steps of 1.
template <typename R>
__device__ inline R Filtered(const CircleAxis& axis_v, const CircleAxis& axis_h, const PlaneIndex& planes,
                             const R* plane, int radius, const R* taps_v, const R* taps_h, int64_t q, int64_t p) {
  R sum = 0;
  for (int i = -radius; i <= radius; ++i) {
    const int64_t row = q + i;
    if (row < 0 || row >= axis_v.in_extent || row % axis_v.in_step != 0) continue;
    for (int j = -radius; j <= radius; ++j) {
      const int64_t col = p + j;
      if (col < 0 || col >= axis_h.in_extent || col % axis_h.in_step != 0) continue;
      sum +=
          taps_v[i + radius] * taps_h[j + radius] * plane[row / axis_v.in_step * planes.pitch + col / axis_h.in_step];
    }
  }
  return sum;
}

// Offsets of a far unit from its outputs.
struct FarPlace {
  int64_t v, h;

  template <typename R>
  __device__ FarPlace(const UnitOrder& order, const Circle& circle, const R* displacement, int64_t array) {
    const double sign = order.adjoint ? -1 : 1;
    v = InterpolateOrNan(sign * static_cast<double>(displacement[array])).cell + circle.v.base;
    h = InterpolateOrNan(sign * static_cast<double>(displacement[order.Count() + array])).cell + circle.h.base;
  }
};

// What the far units of one output channel add to output (q, p), at steps of 1. plane: of the image's first channel.
template <typename R>
__device__ inline R FarUnits(const UnitOrder& order, const Circle& circle, const PlaneIndex& planes, const R* plane,
                             const Taps<R>& taps, const CircleUnit<R>* units, const R* displacement, int64_t out,
                             int64_t q, int64_t p) {
  R sum = 0;
  for (int64_t in = 0; in < order.in_channels; ++in, plane += planes.Size()) {
    for (int64_t k = 0; k < order.units; ++k) {
      const CircleUnit<R>& unit = units[order.Unit(in, k, out)];
      if (!unit.Far()) continue;
      const FarPlace place(order, circle, displacement, order.Array(in, k, out));
      for (int corner = 0; corner < 4; ++corner) {
        const R factor = (corner < 2 ? unit.upper : unit.lower) * (corner % 2 == 0 ? unit.left : unit.right);
        sum += factor * Filtered(circle.v, circle.h, planes, plane, taps.radius, taps.smooth, taps.smooth,
                                 q + place.v + corner / 2, p + place.h + corner % 2);
      }
    }
  }
  return sum;
}

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_FAR_INL_H_
