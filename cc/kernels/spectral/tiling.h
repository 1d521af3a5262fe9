// How images are cut into tiles, and where a unit's taps lie on a tile's circle.
//
// One axis of a pass is  out[q] = Σ_o k(o)·in[q + o],  q in [0, out_extent),  in = 0 outside [0, in_extent),
// o in [low, high]. Overlap-save: tile t makes the outputs [t·T, t·T + T) from a circle of P samples on which input i
// stands at place (i − centre − t·T) mod P and output t·T + b at place b: taps count from the middle of all taps.
#ifndef DAU_CC_KERNELS_SPECTRAL_TILING_H_
#define DAU_CC_KERNELS_SPECTRAL_TILING_H_

#include <algorithm>
#include <cstdint>

#include "cc/kernels/dau_conv_shape.h"

namespace dau::spectral {

enum class Direction { kForward, kBackward };

struct Axis {
  int64_t in_extent = 0, out_extent = 0;
  int64_t in_step = 1;   // only every in_step-th input is not 0, and only those are stored: a strided output's gradient
  int64_t out_step = 1;  // only every out_step-th output is wanted
  int64_t margin = 0;    // a tap at cell c has offset sign·(c + margin)
  int64_t sign = 1;      // −1 for the adjoint
  int64_t min_cell = 0, max_cell = 0;          // of the units that reach anything, margin and sign applied
  int64_t low = 0, high = 0;                   // taps and blur
  int64_t centre = 0;                          // of the taps
  int64_t length = 0, outputs = 0, tiles = 0;  // P, T

  // A cell of the unit on the circle, and whether the unit reaches anything.
  struct Cell {
    int64_t offset;
    bool inside;
  };
  Cell Place(int64_t cell) const {
    const int64_t offset = sign * (cell + margin);
    return {offset, offset >= min_cell && offset <= max_cell};
  }
  // The farthest tap's distance from the centre.
  int64_t reach() const { return std::max(max_cell + (sign > 0) - centre, centre - min_cell + (sign < 0)); }
  // Frequencies 0 … P/2 of a real signal's half spectrum.
  int64_t half() const { return length / 2 + 1; }
  // Inputs that tile t reads, [first, end).
  int64_t InFirst(int64_t t) const { return std::max<int64_t>(0, t * outputs + low); }
  int64_t InEnd(int64_t t) const { return std::min(in_extent, t * outputs + outputs + high); }
  int64_t OutCount(int64_t t) const { return std::min(outputs, out_extent - t * outputs); }
};

struct Tiling {
  Axis v, h;

  int64_t tiles() const { return v.tiles * h.tiles; }
  // Independent frequencies of a real P_v × P_h tile: v in 0 … P_h/2; of u all, but for v = 0 and P_h/2 only 0 … P_v/2,
  // for there −u is the conjugate of u.
  int64_t slots() const { return v.length * h.length / 2 + 2; }
  int64_t first_slot(int64_t freq_h) const { return freq_h == 0 ? 0 : v.half() + (freq_h - 1) * v.length; }
  bool edge(int64_t freq_h) const { return freq_h == 0 || freq_h == h.length / 2; }
  // Slot of (u, v) within v's, for u in 0 … P_v − 1; −1 where it is another one's conjugate. u and −u are neighbours.
  int64_t slot_of(int64_t freq_v, bool edge) const {
    const int64_t half = v.length / 2;
    if (edge) return freq_v <= half ? freq_v : -1;
    if (freq_v == 0) return 0;
    if (freq_v == half) return v.length - 1;
    return freq_v < half ? 2 * freq_v - 1 : 2 * (v.length - freq_v);
  }
};

// Refuses displacements that no tile of at most kMaxTilePixels pixels can hold.
constexpr int64_t kMaxTilePixels = 1 << 16;
Status ChooseTiling(Direction direction, const DauConvShape& shape, const DisplacementRange& range, Tiling* tiling);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_TILING_H_
