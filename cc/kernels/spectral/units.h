// The units of a block of filters, packed for the product kernels: lanes are output channels.
//
// A unit's spectrum is weight · A(u) · B(v), A and B of one axis each:
//   e^(2πi·u·cell/P) · (1 − fraction + fraction·e^(±2πi·u/P))
#ifndef DAU_CC_KERNELS_SPECTRAL_UNITS_H_
#define DAU_CC_KERNELS_SPECTRAL_UNITS_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "cc/kernels/spectral/tiling.h"

namespace dau::spectral {

// Output channels that are worked on together: a cache line and more, several vectors of any instruction set.
template <typename T>
constexpr int64_t FilterBlock() {
  return 128 / static_cast<int64_t>(sizeof(T));
}

// The arrays of a call as a pass sees them: which axis of [K, S, F] its inputs are.
template <typename T>
struct UnitArrays {
  const T *weight, *displacement, *sigma;  // sigma: of the general form, else null
  int64_t units, in_channels, out_channels;
  int64_t in_stride, out_stride, unit_stride;  // of element (k, in, out)

  UnitArrays(Direction direction, const DauConvShape& shape, const T* weight, const T* displacement,
             const T* sigma = nullptr)
      : weight(weight),
        displacement(displacement),
        sigma(sigma),
        units(shape.units),
        in_channels(direction == Direction::kForward ? shape.in_channels : shape.filters),
        out_channels(direction == Direction::kForward ? shape.filters : shape.in_channels),
        in_stride(direction == Direction::kForward ? shape.filters : 1),
        out_stride(direction == Direction::kForward ? 1 : shape.filters),
        unit_stride(shape.in_channels * shape.filters) {}

  int64_t Index(int64_t k, int64_t in, int64_t out) const {
    return k * unit_stride + in * in_stride + out * out_stride;
  }
  int64_t count() const { return units * unit_stride; }
};

// Five numbers for each of FilterBlock lanes: weight, cell (its offset from the taps' centre) and fraction of each
// axis. A unit that reaches nothing, and a lane without a channel, has weight 0 and stands at a cell of the axis.
enum UnitField { kWeight, kCellV, kFractionV, kCellH, kFractionH, kUnitFields };

// e^(2πi·j/P) for j in [0, P).
struct Circle {
  std::vector<double> cosine, sine;

  explicit Circle(int64_t length) : cosine(length), sine(length) {
    for (int64_t j = 0; j < length; ++j) {
      const double angle = 6.283185307179586476925 * static_cast<double>(j) / static_cast<double>(length);
      cosine[j] = std::cos(angle);
      sine[j] = std::sin(angle);
    }
  }
};

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_UNITS_H_
