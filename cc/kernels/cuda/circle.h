// How images are cut into tiles that lie on circles, for the spectral form (overlap-save), and where units stand there.
//
// One axis of a pass is  out[q] = Σ_o k(o)·in[q + o],  q in [0, out_extent),  in = 0 outside [0, in_extent), o in
// [low, high]. Tile t makes the outputs [t·T, t·T + T) from a circle of P samples on which input i stands at place
// (i − t·T) mod P and output t·T + b at place b. Nobody has looked at the displacements: a circle has room for units
// within a reach, others are `far` and are added one by one.
#ifndef DAU_CC_KERNELS_CUDA_CIRCLE_H_
#define DAU_CC_KERNELS_CUDA_CIRCLE_H_

#include <cstdint>

#include "cc/kernels/base/host_device.h"
#include "cc/kernels/base/int_math.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda {

// n / step without a division, of which a GPU has none in 64 bits: rounded towards minus infinity. |n| below 2⁵³.
DAU_HOST_DEVICE inline int64_t FloorDivBy(int64_t step, double inverse, int64_t n) {
  int64_t quotient = static_cast<int64_t>(static_cast<double>(n) * inverse);
  if (quotient * step > n) --quotient;
  if ((quotient + 1) * step <= n) ++quotient;
  return quotient;
}
// n / length for 0 ≤ n ≤ 2¹² and length ≤ 2⁷: exact, for half of 1 / length is more than the rounding of the product.
DAU_HOST_DEVICE inline int SmallQuotient(int n, float inverse) {
  return static_cast<int>((static_cast<float>(n) + 0.5f) * inverse);
}

struct CircleAxis {
  int64_t in_extent, out_extent;   // at steps of 1
  int64_t in_step, out_step;       // only every in_step-th input is stored, only every out_step-th output is wanted
  int64_t base;                    // a unit of cell c looks c + base from its output
  int64_t min_offset, max_offset;  // of the units that the circle holds
  int64_t low, high;               // of their taps, blurred
  int length;                      // P, a multiple of 8
  int64_t outputs, tiles;          // T
  // 1 / P, 1 / T and of the steps: kernels don't divide.
  float inverse_length, inverse_outputs;
  double inverse_in_step, inverse_out_step;

  // A tile's samples: coordinate origin + p at place p, those from `end` on around the circle.
  struct Window {
    int64_t origin, begin, end, step;
    double inverse_step;
    int length;

    // Index of the stored sample at a place, −1 where there is none.
    DAU_HOST_DEVICE int64_t At(int place) const {
      int64_t i = origin + place;
      if (i >= end) i -= length;
      if (i < begin || i >= end) return -1;
      if (step == 1) return i;
      const int64_t stored = FloorDivBy(step, inverse_step, i);
      return stored * step == i ? stored : -1;
    }
  };
  DAU_HOST_DEVICE Window Inputs(int64_t tile) const {
    const int64_t origin = tile * outputs, begin = origin + low, end = origin + outputs + high;
    return {origin, begin < 0 ? 0 : begin, end < in_extent ? end : in_extent, in_step, inverse_in_step, length};
  }
  // The tile's own outputs as inputs: their gradient.
  DAU_HOST_DEVICE Window Outputs(int64_t tile) const {
    const int64_t origin = tile * outputs, end = origin + outputs;
    return {origin, origin, end < out_extent ? end : out_extent, out_step, inverse_out_step, length};
  }

  // Where a unit's first tap stands on the circle, or why it doesn't.
  static constexpr int kFar = -1, kNowhere = -2;  // beyond the circle; where no output meets an input
  DAU_HOST_DEVICE int Place(int64_t cell) const {
    const int64_t offset = cell + base;
    if (offset >= min_offset && offset <= max_offset) return static_cast<int>(FloorMod(offset, length));
    const int64_t blur = -low + min_offset;
    return offset + 1 + blur <= -out_extent || offset - blur >= in_extent ? kNowhere : kFar;
  }
};

// Lengths of transforms, ascending: products of two radices of fft-inl.h.
constexpr int kLengths[] = {16, 24, 32, 40, 48, 64};

struct Circle {
  CircleAxis v, h;

  DAU_HOST_DEVICE int64_t Tiles() const { return v.tiles * h.tiles; }
  // Spectra of real tiles, u in 0 … P_v − 1 and b in 0 … P_h/2, in groups of 8 × 2 frequencies that a block multiplies
  // at once: 128 bytes of complex floats. The last b of the last groups is padding.
  static constexpr int kGroup = 16;
  DAU_HOST_DEVICE int Groups() const { return v.length / 8 * (h.length / 4 + 1); }
  DAU_HOST_DEVICE int Slots() const { return Groups() * kGroup; }
  DAU_HOST_DEVICE int FrequencyV(int slot) const { return slot / kGroup % (v.length / 8) * 8 + slot % 8; }
  DAU_HOST_DEVICE int FrequencyH(int slot) const { return slot / kGroup / (v.length / 8) * 2 + slot % kGroup / 8; }
};

// adjoint: of the input's gradient, whose inputs are y's gradient, spread by the strides. reach: px, of the units that
// circles are to hold. Each length of kLengths is tried on each axis, and the one of least `cost` taken. Refuses a
// reach and blur that no circle holds.
Status ChooseCircle(const DauConvShape& shape, bool adjoint, int64_t reach,
                    double (*cost)(const DauConvShape& shape, bool adjoint, const Circle& circle), Circle* circle);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_CIRCLE_H_
