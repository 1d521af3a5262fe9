// The units of general_units.h as vectors, and one axis of their spectra at one frequency. For each instruction set.
#if defined(DAU_CC_KERNELS_SPECTRAL_GENERAL_UNITS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_GENERAL_UNITS_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_GENERAL_UNITS_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_GENERAL_UNITS_INL_H_
#endif

#include <algorithm>
#include <limits>
#include <type_traits>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/spectral/general_units.h"
#include "cc/kernels/spectral/multiply-inl.h"
#include "cc/kernels/spectral/tables-inl.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// Taps i = ±1, ±2, … around the pixel nearest to μ, whose own is 1: no σ makes their sum 0. f = μ − that pixel.
//   tap(i) = e^(−i·(i − 2f)/(2σ²)), each the one before times a ratio that shrinks by e^(−1/σ²)
template <class V>
struct Bell {
  V up, down, up_ratio, down_ratio, shrink;

  template <class D>
  HWY_INLINE Bell(D d, V f, V inverse_square) {
    const V one = hn::Set(d, hn::TFromD<D>{1}), twice = hn::Add(f, f);
    const V half = hn::Mul(inverse_square, hn::Set(d, hn::TFromD<D>(-0.5)));
    up = down = one;
    up_ratio = hn::Exp(d, hn::Mul(hn::Sub(one, twice), half));
    down_ratio = hn::Exp(d, hn::Mul(hn::Add(one, twice), half));
    shrink = hn::Exp(d, hn::Neg(inverse_square));
  }
  // From tap(±(i − 1)) to tap(±i).
  HWY_INLINE void Next() {
    up = hn::Mul(up, up_ratio);
    down = hn::Mul(down, down_ratio);
    up_ratio = hn::Mul(up_ratio, shrink);
    down_ratio = hn::Mul(down_ratio, shrink);
  }
};

// One axis of a vector of units: its tables at `taps` (see GeneralFields), fields FilterBlock apart.
template <class D, class V = hn::Vec<D>, typename T = hn::TFromD<D>>
HWY_NOINLINE void PackTaps(D d, const GeneralFields& fields, V displacement, V sigma, T* HWY_RESTRICT taps) {
  constexpr int64_t kLanes = FilterBlock<T>();
  const V one = hn::Set(d, T{1}), nothing = hn::Set(d, static_cast<T>(-0x1p-54));
  sigma = hn::Max(sigma, hn::Set(d, static_cast<T>(kLeastSigma)));
  const V inverse = hn::Div(one, sigma), inverse_square = hn::Mul(inverse, inverse);
  displacement =  // as PlaceUnits
      hn::IfThenZeroElse(hn::And(hn::Ge(displacement, nothing), hn::Lt(displacement, hn::Zero(d))), displacement);
  const V f = hn::Sub(displacement, hn::Round(displacement)), twice = hn::Add(f, f);
  // The cell is the nearest pixel, or the one before it. On the side that f points away from, the last tap is out of
  // reach.
  const auto before = hn::Lt(f, hn::Zero(d)), after = hn::Gt(f, hn::Zero(d));
  const int64_t last = fields.radius + 1;

  Bell<V> bell(d, f, inverse_square);
  V sum = one, mean = hn::Zero(d), mean_square = hn::Zero(d);  // of the taps, of i, of (i − f)² − f² = i·(i − 2f)
  for (int64_t i = 1; i <= last; ++i) {
    bell.Next();
    const V up = i == last ? hn::IfThenElseZero(after, bell.up) : bell.up;
    const V down = i == last ? hn::IfThenElseZero(before, bell.down) : bell.down;
    const V at = hn::Set(d, static_cast<T>(i));
    sum = hn::Add(sum, hn::Add(up, down));
    mean = hn::MulAdd(at, hn::Sub(up, down), mean);
    mean_square = hn::MulAdd(hn::Mul(at, hn::Sub(at, twice)), up, mean_square);
    mean_square = hn::MulAdd(hn::Mul(at, hn::Add(at, twice)), down, mean_square);
  }
  const V scale = hn::Div(one, sum);
  mean = hn::Mul(mean, scale);
  mean_square = hn::Mul(mean_square, scale);

  // A tap and its derivatives, 0 where products with them would be slow denormals.
  constexpr T kLeast = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  struct Tables {
    V of[kGeneralTables];
    HWY_INLINE Tables() {}  // see Complex in fft-inl.h
  };
  const auto tables_of = [&](V tap, V i) HWY_ATTR {
    const V value = hn::Mul(tap, scale), slope = hn::Mul(value, inverse_square);
    Tables t;
    t.of[kValueTable] = value;
    t.of[kSlopeTable] = hn::Mul(hn::Sub(i, mean), slope);
    t.of[kWidthTable] = hn::Mul(hn::Mul(hn::Sub(hn::Mul(i, hn::Sub(i, twice)), mean_square), slope), inverse);
    HWY_UNROLL(3)
    for (V& v : t.of) v = hn::IfThenElseZero(hn::Gt(hn::Abs(v), hn::Set(d, kLeast)), v);
    return t;
  };
  const V shift = hn::IfThenElseZero(before, one);  // of the cell, towards lower i
  bell = Bell<V>(d, f, inverse_square);
  V up_before = one;  // tap(j − 1), bell.up is tap(j); bell.down is tap(−j)
  for (int64_t j = 1; j <= last; ++j) {
    up_before = bell.up;
    bell.Next();
    const V at = hn::Set(d, static_cast<T>(j));
    const V reached = j == last ? hn::IfThenElseZero(after, bell.up) : bell.up;
    const Tables up = tables_of(hn::IfThenElse(before, up_before, reached), hn::Sub(at, shift));
    T* HWY_RESTRICT to = taps + 2 * (j - 1) * kLanes;
    if (j == last) {
      for (int64_t t = 0; t < fields.tables; ++t) hn::Store(up.of[t], d, to + t * fields.taps() * kLanes);
      return;
    }
    const V next = hn::Mul(bell.down, bell.down_ratio);  // tap(−j − 1)
    const Tables down = tables_of(hn::IfThenElse(before, next, bell.down), hn::Neg(hn::Add(at, shift)));
    for (int64_t t = 0; t < fields.tables; ++t, to += fields.taps() * kLanes) {
      hn::Store(hn::Add(up.of[t], down.of[t]), d, to);
      hn::Store(hn::Sub(up.of[t], down.of[t]), d, to + kLanes);
    }
  }
}

// packed: [in_count][units][fields.count()][FilterBlock].
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void PackGeneralUnits(D d, const UnitArrays<T>& arrays, const GeneralFields& fields, const Tiling& tiling,
                                   int64_t in_begin, int64_t in_count, int64_t out_begin, T* HWY_RESTRICT packed) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t out_count = std::min(kLanes, arrays.out_channels - out_begin);
  HWY_ALIGN T weight[kLanes] = {}, vertical[kLanes] = {}, horizontal[kLanes] = {}, sigma[kLanes];
  std::fill_n(sigma, kLanes, T{1});
  for (int64_t in = 0; in < in_count; ++in) {
    for (int64_t k = 0; k < arrays.units; ++k, packed += fields.count() * kLanes) {
      int64_t i = arrays.Index(k, in_begin + in, out_begin);
      for (int64_t lane = 0; lane < out_count; ++lane, i += arrays.out_stride) {
        weight[lane] = arrays.weight[i];
        vertical[lane] = arrays.displacement[i];
        horizontal[lane] = arrays.displacement[arrays.count() + i];
        sigma[lane] = arrays.sigma[i];
      }
      for (int64_t lane = 0; lane < kLanes; lane += hn::Lanes(d)) {
        const V v = hn::Load(d, vertical + lane), h = hn::Load(d, horizontal + lane), s = hn::Load(d, sigma + lane);
        V offset_v, offset_h, fraction;
        const auto inside =
            hn::And(PlaceUnits(d, tiling.v, v, offset_v, fraction), PlaceUnits(d, tiling.h, h, offset_h, fraction));
        T* const field = packed + lane;
        hn::Store(hn::IfThenElseZero(inside, hn::Load(d, weight + lane)), d, field + kGeneralWeight * kLanes);
        hn::Store(offset_v, d, field + kGeneralCellV * kLanes);
        hn::Store(offset_h, d, field + kGeneralCellH * kLanes);
        PackTaps(d, fields, v, s, field + fields.vertical() * kLanes);
        PackTaps(d, fields, h, s, field + fields.horizontal() * kLanes);
      }
    }
  }
}

// kFrequencies neighbours of an axis: their roots, their waves one behind the other, and tables a step apart. The taps,
// which come from the L2 cache, are loaded once. kWeighted: times the unit's weight.
template <int kVectors, int kFrequencies, bool kWeighted, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void FillGeneralTablesOf(D d, const GeneralFields& fields, const T* HWY_RESTRICT packed, int64_t units,
                                      int64_t cell, int64_t first_tap, const RootsOfCells<D>* roots,
                                      const T* HWY_RESTRICT waves, int64_t lanes_used, T* HWY_RESTRICT table,
                                      int64_t table_step) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t radius = fields.radius, wave_step = fields.waves();
  for (int64_t i = 0; i < units; ++i, packed += fields.count() * kLanes, table += fields.tables * 2 * kLanes) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      const V offset = hn::Load(d, packed + cell * kLanes + lane);
      Complex<V> root[kFrequencies];
      HWY_UNROLL(2)
      for (int f = 0; f < kFrequencies; ++f) root[f] = roots[f].template Of<kVectors>(d, offset);
      for (int64_t t = 0; t < fields.tables; ++t) {
        const T* HWY_RESTRICT tap = packed + (first_tap + t * fields.taps()) * kLanes + lane;
        const V last = hn::Load(d, tap + 2 * radius * kLanes), sum = hn::Set(d, t == kValueTable ? T{1} : T{0});
        V re[kFrequencies], im[kFrequencies];
        HWY_UNROLL(2)
        for (int f = 0; f < kFrequencies; ++f) {
          re[f] = hn::MulAdd(last, hn::Set(d, waves[f * wave_step + 2 * radius]), sum);
          im[f] = hn::Mul(last, hn::Set(d, waves[f * wave_step + 2 * radius + 1]));
        }
        for (int64_t j = 0; j < 2 * radius; j += 2, tap += 2 * kLanes) {
          const V even = InRegister(hn::Load(d, tap)), odd = InRegister(hn::Load(d, tap + kLanes));
          HWY_UNROLL(2)
          for (int f = 0; f < kFrequencies; ++f) {
            re[f] = hn::MulAdd(even, hn::Set(d, waves[f * wave_step + j]), re[f]);
            im[f] = hn::MulAdd(odd, hn::Set(d, waves[f * wave_step + j + 1]), im[f]);
          }
        }
        HWY_UNROLL(2)
        for (int f = 0; f < kFrequencies; ++f) {
          if (kWeighted) {
            const V weight = hn::Load(d, packed + kGeneralWeight * kLanes + lane);
            re[f] = hn::Mul(re[f], weight);
            im[f] = hn::Mul(im[f], weight);
          }
          T* HWY_RESTRICT to = table + f * table_step + t * 2 * kLanes + lane;
          hn::Store(hn::NegMulAdd(root[f].im, im[f], hn::Mul(root[f].re, re[f])), d, to);
          hn::Store(hn::MulAdd(root[f].im, re[f], hn::Mul(root[f].re, im[f])), d, to + kLanes);
        }
      }
    }
  }
}

// Tables [units][fields.tables][Re, Im][FilterBlock] from `packed` of as many units, at `count` frequencies of the axis
// from `begin` on, a step apart: of the axis whose cell is field `cell` and whose taps begin at field `first_tap`.
// waves: 2·fields.waves() numbers of scratch memory.
template <bool kWeighted, class D, typename T = hn::TFromD<D>>
void FillGeneralTables(D d, const GeneralFields& fields, const T* packed, int64_t units, int64_t cell,
                       int64_t first_tap, const Axis& axis, const Circle& circle, int64_t begin, int64_t count,
                       int64_t lanes_used, T* waves, T* table, int64_t table_step) {
  const auto set_waves = [&](int64_t freq, T* to) {
    for (int64_t j = 0; j <= fields.radius; ++j) {
      const int64_t place = freq * (j + 1) % axis.length;
      to[2 * j] = static_cast<T>(circle.cosine[place] - 1);
      to[2 * j + 1] = static_cast<T>(static_cast<double>(axis.sign) * circle.sine[place]);
    }
  };
  for (int64_t freq = begin; freq < begin + count;) {
    const bool pair = freq + 1 < begin + count;
    const RootsOfCells<D> roots[] = {{d, axis, circle, freq}, {d, axis, circle, pair ? freq + 1 : freq}};
    set_waves(freq, waves);
    set_waves(pair ? freq + 1 : freq, waves + fields.waves());
    T* const to = table + (freq - begin) * table_step;
    const auto fill = [&](auto vectors, auto frequencies) {
      FillGeneralTablesOf<decltype(vectors)::value, decltype(frequencies)::value, kWeighted>(
          d, fields, packed, units, cell, first_tap, roots, waves, lanes_used, to, table_step);
    };
    const auto fill_frequencies = [&](auto vectors) {
      if (pair) return fill(vectors, std::integral_constant<int, 2>());
      fill(vectors, std::integral_constant<int, 1>());
    };
    if (roots[0].vectors() == 1) {
      fill_frequencies(std::integral_constant<int, 1>());
    } else if (roots[0].vectors() == 2) {
      fill_frequencies(std::integral_constant<int, 2>());
    } else {
      fill_frequencies(std::integral_constant<int, RootsOfCells<D>::kMany>());
    }
    freq += pair ? 2 : 1;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_GENERAL_UNITS_INL_H_
