// Spectra of kernels from their taps. For each instruction set. Lanes are output channels.
//
// A kernel's taps k(p, q), counted from the centre, are cut into parts that are even or odd in p and in q. With
//   a_q = Σ_p [k(p, q) + k(p, −q)]·e^(iup)    b_q = Σ_p [k(p, q) − k(p, −q)]·e^(iup)    (the columns at row u)
//   A = Σ_q a_q·cos(vq)                       B = Σ_q b_q·sin(vq)
// the spectrum at (u, v) is A + i·B, and at (−u, v) it is conj(A) + i·conj(B).
#if defined(DAU_CC_KERNELS_SPECTRAL_TAPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_TAPS_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_TAPS_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_TAPS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/product-inl.h"
#include "cc/kernels/spectral/tables-inl.h"
#include "cc/kernels/spectral/waves.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// Where a vector of units' four taps stand, as whole numbers: column by column.
template <class D, class V = hn::Vec<D>, typename T = hn::TFromD<D>>
HWY_INLINE void FindCorners(D d, const T* HWY_RESTRICT packed, const Tiling& tiling, int64_t lane, V (&place)[4]) {
  constexpr int64_t kLanes = FilterBlock<T>();
  // Slots of a direction: 0, +1, −1, +2, −2, …; sums and differences take the places of what they are made of.
  const V one = hn::Set(d, T{1}), two = hn::Set(d, T{2}), minus_two = hn::Set(d, T{-2});
  const auto slot = [=](V offset)
                        HWY_ATTR { return hn::Max(hn::MulSub(two, offset, one), hn::Mul(minus_two, offset)); };
  const V column = hn::Set(d, static_cast<T>(2 * tiling.v.reach() + 1)), block = hn::Set(d, static_cast<T>(kLanes));
  const V cell_v = hn::Load(d, packed + kCellV * kLanes + lane);
  const V cell_h = hn::Load(d, packed + kCellH * kLanes + lane);
  const V next_v = hn::Add(cell_v, hn::Set(d, static_cast<T>(tiling.v.sign)));
  const V next_h = hn::Add(cell_h, hn::Set(d, static_cast<T>(tiling.h.sign)));
  const V near = hn::Mul(slot(cell_h), column), far = hn::Mul(slot(next_h), column);
  const V up = slot(cell_v), down = slot(next_v), lanes = hn::Iota(d, static_cast<T>(lane));
  place[0] = hn::MulAdd(hn::Add(near, up), block, lanes);
  place[1] = hn::MulAdd(hn::Add(near, down), block, lanes);
  place[2] = hn::MulAdd(hn::Add(far, up), block, lanes);
  place[3] = hn::MulAdd(hn::Add(far, down), block, lanes);
}

// taps += the four taps of a block of units.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void AddUnits(D d, const T* HWY_RESTRICT packed, const Tiling& tiling, int64_t lanes_used,
                         T* HWY_RESTRICT taps) {
  using V = hn::Vec<D>;
  const hn::RebindToSigned<D> whole;
  constexpr int64_t kLanes = FilterBlock<T>();
  HWY_ALIGN hn::TFromD<decltype(whole)> places[4][kLanes];
  HWY_ALIGN T values[4][kLanes];
  for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
    V place[4];
    FindCorners(d, packed, tiling, lane, place);
    const V weight = hn::Load(d, packed + kWeight * kLanes + lane);
    const V fraction_v = hn::Load(d, packed + kFractionV * kLanes + lane);
    const V far = hn::Mul(weight, hn::Load(d, packed + kFractionH * kLanes + lane)), near = hn::Sub(weight, far);
    const V near_down = hn::Mul(near, fraction_v), far_down = hn::Mul(far, fraction_v);
    const V value[4] = {hn::Sub(near, near_down), near_down, hn::Sub(far, far_down), far_down};
    HWY_UNROLL(4)
    for (int i = 0; i < 4; ++i) {
      hn::Store(hn::ConvertTo(whole, place[i]), whole, places[i] + lane);
      hn::Store(value[i], d, values[i] + lane);
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int64_t lane = 0; lane < lanes_used; ++lane) taps[places[i][lane]] += values[i][lane];
  }
}

// first, second = first + second, first − second.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void SumAndDifference(D d, int64_t lanes_used, T* HWY_RESTRICT first, T* HWY_RESTRICT second) {
  for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
    const auto a = hn::Load(d, first + lane), b = hn::Load(d, second + lane);
    hn::Store(hn::Add(a, b), d, first + lane);
    hn::Store(hn::Sub(a, b), d, second + lane);
  }
}

// From taps to what is even and odd in each direction, or back: of each distance sum and difference of the two.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void SplitParity(D d, const Tiling& tiling, int64_t lanes_used, T* taps) {
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t slots_v = 2 * tiling.v.reach() + 1, slots_h = 2 * tiling.h.reach() + 1, column = slots_v * kLanes;
  for (int64_t h = 1; h < slots_h; h += 2) {
    for (int64_t v = 0; v < slots_v; ++v) {
      T* const first = taps + h * column + v * kLanes;
      SumAndDifference(d, lanes_used, first, first + column);
    }
  }
  for (int64_t h = 0; h < slots_h; ++h) {
    for (int64_t v = 1; v < slots_v; v += 2) {
      T* const first = taps + h * column + v * kLanes;
      SumAndDifference(d, lanes_used, first, first + kLanes);
    }
  }
}

// taps[slot of q][slot of p][FilterBlock] of one input channel, from its packed units, split by parity.
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void MakeTaps(D d, const Tiling& tiling, const T* packed, int64_t units, int64_t lanes_used, T* taps) {
  constexpr int64_t kLanes = FilterBlock<T>();
  std::fill_n(taps, TapCount(tiling) * kLanes, T{0});
  for (int64_t k = 0; k < units; ++k) AddUnits(d, packed + k * kUnitFields * kLanes, tiling, lanes_used, taps);
  SplitParity(d, tiling, lanes_used, taps);
}

// Columns at the rows u and P/2 − u of kRows neighbouring frequencies, whose waves lie one behind the other:
// columns[2·i, or 2·i + 1 for the partner][slot of q][Re, Im][FilterBlock], from one of these rows to the next
// row_step.
template <int kRows, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void MakeColumns(D d, const T* HWY_RESTRICT taps, int64_t slots_h, int64_t reach,
                              const T* HWY_RESTRICT waves, int64_t lanes_used, T* HWY_RESTRICT columns,
                              int64_t row_step) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  for (int64_t h = 0; h < slots_h; ++h, taps += (2 * reach + 1) * kLanes, columns += 2 * kLanes) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      V even_re[kRows], even_im[kRows], odd_re[kRows], odd_im[kRows];
      HWY_UNROLL(2)
      for (int i = 0; i < kRows; ++i) {
        even_re[i] = hn::Load(d, taps + lane);
        even_im[i] = odd_re[i] = odd_im[i] = hn::Zero(d);
      }
      const T* HWY_RESTRICT from = taps + kLanes + lane;
      const T* HWY_RESTRICT wave = waves;
      int64_t j = 1;
      for (; j + 1 <= reach; j += 2, from += 4 * kLanes, wave += 4) {
        const V sum = InRegister(hn::Load(d, from)), difference = InRegister(hn::Load(d, from + kLanes));
        const V sum2 = InRegister(hn::Load(d, from + 2 * kLanes));
        const V difference2 = InRegister(hn::Load(d, from + 3 * kLanes));
        HWY_UNROLL(2)
        for (int i = 0; i < kRows; ++i) {
          const T* HWY_RESTRICT w = wave + i * 2 * reach;
          odd_re[i] = hn::MulAdd(sum, hn::Set(d, w[0]), odd_re[i]);
          odd_im[i] = hn::MulAdd(difference, hn::Set(d, w[1]), odd_im[i]);
          even_re[i] = hn::MulAdd(sum2, hn::Set(d, w[2]), even_re[i]);
          even_im[i] = hn::MulAdd(difference2, hn::Set(d, w[3]), even_im[i]);
        }
      }
      if (j <= reach) {
        const V sum = InRegister(hn::Load(d, from)), difference = InRegister(hn::Load(d, from + kLanes));
        HWY_UNROLL(2)
        for (int i = 0; i < kRows; ++i) {
          const T* HWY_RESTRICT w = wave + i * 2 * reach;
          odd_re[i] = hn::MulAdd(sum, hn::Set(d, w[0]), odd_re[i]);
          odd_im[i] = hn::MulAdd(difference, hn::Set(d, w[1]), odd_im[i]);
        }
      }
      HWY_UNROLL(2)
      for (int i = 0; i < kRows; ++i) {
        T* const to = columns + 2 * i * row_step + lane;
        hn::Store(hn::Add(even_re[i], odd_re[i]), d, to);
        hn::Store(hn::Add(odd_im[i], even_im[i]), d, to + kLanes);
        hn::Store(hn::Sub(even_re[i], odd_re[i]), d, to + row_step);
        hn::Store(hn::Sub(odd_im[i], even_im[i]), d, to + row_step + kLanes);
      }
    }
  }
}

// Re A, Im B, Im A, Re B of the neighbouring frequencies that are made together, over even or over odd q.
template <int kVs, class V>
struct Waves {
  V a_re[kVs], b_im[kVs], a_im[kVs], b_re[kVs];

  HWY_INLINE Waves() {}  // see Complex in fft-inl.h
};

template <int kVs, class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE void AddWave(D d, const T* HWY_RESTRICT column, const T* HWY_RESTRICT wave, int64_t wave_step,
                        Waves<kVs, V>& sums) {
  constexpr int64_t kLanes = FilterBlock<T>();
  const V a_re = InRegister(hn::Load(d, column)), a_im = InRegister(hn::Load(d, column + kLanes));
  const V b_re = InRegister(hn::Load(d, column + 2 * kLanes)), b_im = InRegister(hn::Load(d, column + 3 * kLanes));
  HWY_UNROLL(2)
  for (int i = 0; i < kVs; ++i) {
    const V cosine = InRegister(hn::Set(d, wave[i * wave_step])),
            sine = InRegister(hn::Set(d, wave[i * wave_step + 1]));
    sums.a_re[i] = hn::MulAdd(a_re, cosine, sums.a_re[i]);
    sums.a_im[i] = hn::MulAdd(a_im, cosine, sums.a_im[i]);
    sums.b_re[i] = hn::MulAdd(b_re, sine, sums.b_re[i]);
    sums.b_im[i] = hn::MulAdd(b_im, sine, sums.b_im[i]);
  }
}

// H(u, v) = A + i·B to `to`, H(−u, v) kernel_step behind it.
template <class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE void StoreKernels(D d, V a_re, V b_im, V a_im, V b_re, int64_t kernel_step, T* to) {
  constexpr int64_t kLanes = FilterBlock<T>();
  hn::Store(hn::Sub(a_re, b_im), d, to);
  hn::Store(hn::Add(a_im, b_re), d, to + kLanes);
  hn::Store(hn::Add(a_re, b_im), d, to + kernel_step);
  hn::Store(hn::Sub(b_re, a_im), d, to + kernel_step + kLanes);
}

// Spectra of `count` input channels, [in][Re, Im][FilterBlock], from their columns at row u, at kVs neighbouring v,
// whose waves lie one behind the other. kernel_step apart: for each v, (u, v), (−u, v), (u, P/2 − v), (−u, P/2 − v).
template <int kVs, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void KernelsFromColumns(D d, const T* HWY_RESTRICT columns, int64_t reach, const T* HWY_RESTRICT waves,
                                     int64_t count, int64_t lanes_used, int64_t kernel_step, T* HWY_RESTRICT kernel) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t wave_step = 2 * reach;
  for (int64_t in = 0; in < count; ++in, columns += (2 * reach + 1) * 2 * kLanes, kernel += 2 * kLanes) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      Waves<kVs, V> even, odd;
      const T* HWY_RESTRICT column = columns + lane;
      HWY_UNROLL(2)
      for (int i = 0; i < kVs; ++i) {
        even.a_re[i] = hn::Load(d, column);
        even.a_im[i] = hn::Load(d, column + kLanes);
        even.b_re[i] = even.b_im[i] = hn::Zero(d);
        odd.a_re[i] = odd.a_im[i] = odd.b_re[i] = odd.b_im[i] = hn::Zero(d);
      }
      column += 2 * kLanes;
      const T* HWY_RESTRICT wave = waves;
      int64_t q = 1;
      for (; q + 1 <= reach; q += 2, column += 8 * kLanes, wave += 4) {
        AddWave<kVs>(d, column, wave, wave_step, odd);
        AddWave<kVs>(d, column + 4 * kLanes, wave + 2, wave_step, even);
      }
      if (q <= reach) AddWave<kVs>(d, column, wave, wave_step, odd);
      HWY_UNROLL(2)
      for (int i = 0; i < kVs; ++i) {
        T* const to = kernel + 4 * i * kernel_step + lane;
        StoreKernels(d, hn::Add(even.a_re[i], odd.a_re[i]), hn::Add(odd.b_im[i], even.b_im[i]),
                     hn::Add(even.a_im[i], odd.a_im[i]), hn::Add(odd.b_re[i], even.b_re[i]), kernel_step, to);
        StoreKernels(d, hn::Sub(even.a_re[i], odd.a_re[i]), hn::Sub(odd.b_im[i], even.b_im[i]),
                     hn::Sub(even.a_im[i], odd.a_im[i]), hn::Sub(odd.b_re[i], even.b_re[i]), kernel_step,
                     to + 2 * kernel_step);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_TAPS_INL_H_
