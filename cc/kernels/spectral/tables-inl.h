// One axis of the units' spectra at one frequency. For each instruction set.
#if defined(DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_
#endif

#include <cmath>

#include "cc/kernels/spectral/product-inl.h"
#include "cc/kernels/spectral/fft-inl.h"
#include "cc/kernels/spectral/units.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

constexpr double kTwoPi = 6.283185307179586476925286766559;

// What a table holds of each unit, times its weight or not.
enum class Factor { kCell, kInterpolated, kWeighted };

// table: [units][Re, Im][FilterBlock] from `packed` of as many units, at frequency `freq` of the axis whose cell is
// field `cell` (its fraction follows). lanes_used: a multiple of the vector.
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void FillTable(D d, Factor factor, const T* HWY_RESTRICT packed, int64_t units, int cell, const Axis& axis,
                            int64_t freq, int64_t lanes_used, T* HWY_RESTRICT table) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const double angle = kTwoPi * static_cast<double>(freq) / static_cast<double>(axis.length);
  const V step_re = hn::Set(d, static_cast<T>(std::cos(angle) - 1));
  const V step_im = hn::Set(d, static_cast<T>(static_cast<double>(axis.sign) * std::sin(angle)));
  const V frequency = hn::Set(d, static_cast<T>(freq)), one = hn::Set(d, T{1});
  const T length = static_cast<T>(axis.length);
  for (int64_t i = 0; i < units; ++i, packed += kUnitFields * kLanes, table += 2 * kLanes) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      V re, im;
      UnitRoot(d, hn::Mul(hn::Load(d, packed + cell * kLanes + lane), frequency), length, re, im);
      if (factor != Factor::kCell) {
        const V fraction = hn::Load(d, packed + (cell + 1) * kLanes + lane);
        V f_re = hn::MulAdd(fraction, step_re, one), f_im = hn::Mul(fraction, step_im);
        if (factor == Factor::kWeighted) {
          const V weight = hn::Load(d, packed + kWeight * kLanes + lane);
          f_re = hn::Mul(f_re, weight);
          f_im = hn::Mul(f_im, weight);
        }
        const V e_re = re;
        re = hn::NegMulAdd(im, f_im, hn::Mul(e_re, f_re));
        im = hn::MulAdd(im, f_re, hn::Mul(e_re, f_im));
      }
      hn::Store(re, d, table + lane);
      hn::Store(im, d, table + kLanes + lane);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_
