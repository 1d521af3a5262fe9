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

// The stored samples of an axis within ±radius of a coordinate at steps of 1.
struct SampleRange {
  int64_t first, last;

  __device__ SampleRange(const CircleAxis& axis, int radius, int64_t q)
      : first(q <= radius ? 0 : FloorDivBy(axis.in_step, axis.inverse_in_step, q - radius + axis.in_step - 1)),
        last(FloorDivBy(axis.in_step, axis.inverse_in_step, q + radius)) {
    const int64_t end = FloorDivBy(axis.in_step, axis.inverse_in_step, axis.in_extent - 1);
    if (last > end) last = end;
  }
};

// visit(i, j, pixel) of the taps, counted from the first, around (q, p) that meet a pixel. Inlined, and not unrolled: a
// call would make its callers spill.
template <typename R, typename Visit>
__device__ __forceinline__ void ForEachTap(const Circle& circle, const PlaneIndex& planes, const R* plane, int radius,
                                           int64_t q, int64_t p, const Visit& visit) {
  const SampleRange rows(circle.v, radius, q), cols(circle.h, radius, p);
  DAU_NO_UNROLL
  for (int64_t row = rows.first; row <= rows.last; ++row) {
    const int i = static_cast<int>(row * circle.v.in_step - q) + radius;
    DAU_NO_UNROLL
    for (int64_t col = cols.first; col <= cols.last; ++col) {
      const int j = static_cast<int>(col * circle.h.in_step - p) + radius;
      visit(i, j, plane[row * planes.pitch + col]);
    }
  }
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
__device__ __forceinline__ R FarUnits(const UnitOrder& order, const Circle& circle, const PlaneIndex& planes,
                                      const R* plane, const Taps<R>& taps, const CircleUnit<R>* units,
                                      const R* displacement, int64_t out, int64_t q, int64_t p) {
  R sum = 0;
  DAU_NO_UNROLL
  for (int64_t in = 0; in < order.in_channels; ++in, plane += planes.Size()) {
    DAU_NO_UNROLL
    for (int64_t k = 0; k < order.units; ++k) {
      const CircleUnit<R>& unit = units[order.Unit(in, k, out)];
      if (!unit.Far()) continue;
      const FarPlace place(order, circle, displacement, order.Array(in, k, out));
      DAU_NO_UNROLL
      for (int corner = 0; corner < 4; ++corner) {
        R blurred = 0;
        ForEachTap(circle, planes, plane, taps.radius, q + place.v + corner / 2, p + place.h + corner % 2,
                   [&](int i, int j, R pixel) { blurred += taps.smooth[i] * taps.smooth[j] * pixel; });
        sum += (corner < 2 ? unit.upper : unit.lower) * (corner % 2 == 0 ? unit.left : unit.right) * blurred;
      }
    }
  }
  return sum;
}

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_FAR_INL_H_
