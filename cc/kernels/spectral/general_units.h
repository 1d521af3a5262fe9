// The units of the general form, a σ per unit, packed for the product and the correlation.
//
// A unit's spectrum is weight · A(u) · B(v), A and B of one axis each; θ = 2π·u/P, and ± is the axis' sign:
//   e^(iθ·cell) · Σ_j tap(j)·e^(±iθj),   j in −r … r + 1 from the cell on
// The taps sum to 1, their derivatives to 0, and what is left out is the tap of the cell itself:
//   Σ_j tap(j)·e^(±iθj) = sum + Σ_j even(j)·(cos θj − 1) ± i·odd(j)·sin θj,   j in 1 … r + 1
//   even(j) = tap(j) + tap(−j), odd(j) = tap(j) − tap(−j), both tap(r + 1) for the last j.
#ifndef DAU_CC_KERNELS_SPECTRAL_GENERAL_UNITS_H_
#define DAU_CC_KERNELS_SPECTRAL_GENERAL_UNITS_H_

#include <cstdint>

namespace dau::spectral {

// What is made of each axis: the taps alone, or ∂tap/∂μ and ∂tap/∂σ too.
enum GeneralTable { kValueTable, kSlopeTable, kWidthTable, kGeneralTables };

// Numbers of a unit for each of FilterBlock lanes: weight, cells, and behind kGeneralTaps the taps of each table of the
// vertical axis, then of the horizontal one: even(1), odd(1), …, even(r), odd(r), tap(r + 1).
enum GeneralField { kGeneralWeight, kGeneralCellV, kGeneralCellH, kGeneralTaps };

struct GeneralFields {
  int64_t radius, tables;

  int64_t taps() const { return 2 * radius + 1; }
  int64_t vertical() const { return kGeneralTaps; }
  int64_t horizontal() const { return kGeneralTaps + tables * taps(); }
  int64_t count() const { return kGeneralTaps + 2 * tables * taps(); }
  int64_t waves() const { return 2 * (radius + 1); }  // cos θj − 1 and ±sin θj of a frequency
};

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_GENERAL_UNITS_H_
