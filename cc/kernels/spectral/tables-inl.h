// Units as vectors, and one axis of their spectra at one frequency. For each instruction set.
#if defined(DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_
#endif

#include <algorithm>
#include <type_traits>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/fft-inl.h"
#include "cc/kernels/spectral/units.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// Interpolate() of dau_conv_shape.h on vectors: the offset of a displacement's cell from the taps' centre, and its
// fraction. Returns the lanes whose unit reaches something; the others stand at the axis' first cell.
template <class D, class V = hn::Vec<D>, typename T = hn::TFromD<D>>
HWY_INLINE hn::Mask<D> PlaceUnits(D d, const Axis& axis, V displacement, V& offset, V& fraction) {
  const V lowest = hn::Set(d, static_cast<T>(axis.min_cell)), highest = hn::Set(d, static_cast<T>(axis.max_cell));
  const V sign = hn::Set(d, static_cast<T>(axis.sign)), margin = hn::Set(d, static_cast<T>(axis.margin));
  // Interpolate() computes in double, where −1 plus less than this is −1 with a fraction of 1: the cell 0.
  const V nothing = hn::Set(d, static_cast<T>(-0x1p-54));
  displacement =
      hn::IfThenZeroElse(hn::And(hn::Ge(displacement, nothing), hn::Lt(displacement, hn::Zero(d))), displacement);
  const V cell = hn::Floor(displacement);
  fraction = hn::Sub(displacement, cell);
  offset = hn::Mul(sign, hn::Add(cell, margin));
  const auto inside = hn::And(hn::Ge(offset, lowest), hn::Le(offset, highest));
  offset = hn::Sub(hn::IfThenElse(inside, offset, lowest), hn::Set(d, static_cast<T>(axis.centre)));
  fraction = hn::IfThenElseZero(inside, fraction);
  return inside;
}

// packed: [in_count][units][kUnitFields][FilterBlock].
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void PackUnits(D d, const UnitArrays<T>& arrays, const Tiling& tiling, int64_t in_begin, int64_t in_count,
                            int64_t out_begin, T* HWY_RESTRICT packed) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t out_count = std::min(kLanes, arrays.out_channels - out_begin);
  HWY_ALIGN T weight[kLanes] = {}, vertical[kLanes] = {}, horizontal[kLanes] = {};
  for (int64_t in = 0; in < in_count; ++in) {
    for (int64_t k = 0; k < arrays.units; ++k, packed += kUnitFields * kLanes) {
      int64_t i = arrays.Index(k, in_begin + in, out_begin);
      if (arrays.out_stride == 1) {
        // Rows of the arrays, too short and too far apart for the hardware to guess.
        const int64_t next = i + 4 * arrays.in_stride;
        for (int64_t line = next; line < next + kLanes; line += 64 / static_cast<int64_t>(sizeof(T))) {
          hwy::Prefetch(arrays.weight + line);
          hwy::Prefetch(arrays.displacement + line);
          hwy::Prefetch(arrays.displacement + arrays.count() + line);
        }
      }
      for (int64_t lane = 0; lane < out_count; ++lane, i += arrays.out_stride) {
        weight[lane] = arrays.weight[i];
        vertical[lane] = arrays.displacement[i];
        horizontal[lane] = arrays.displacement[arrays.count() + i];
      }
      for (int64_t lane = 0; lane < kLanes; lane += hn::Lanes(d)) {
        V offset_v, fraction_v, offset_h, fraction_h;
        const auto inside = hn::And(PlaceUnits(d, tiling.v, hn::Load(d, vertical + lane), offset_v, fraction_v),
                                    PlaceUnits(d, tiling.h, hn::Load(d, horizontal + lane), offset_h, fraction_h));
        T* const field = packed + lane;
        hn::Store(hn::IfThenElseZero(inside, hn::Load(d, weight + lane)), d, field + kWeight * kLanes);
        hn::Store(offset_v, d, field + kCellV * kLanes);
        hn::Store(fraction_v, d, field + kFractionV * kLanes);
        hn::Store(offset_h, d, field + kCellH * kLanes);
        hn::Store(fraction_h, d, field + kFractionH * kLanes);
      }
    }
  }
}

// sin(2π·x), |x| ≤ 1/4: a Taylor polynomial, the first term left out is below 1e-9 (float), 2e-18 (double).
template <class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE V SinTurns(D d, V x) {
  constexpr double kTaylor[] = {6.283185307179586,     -41.341702240399755,   81.60524927607504,
                                -76.70585975306136,    42.058693944897634,    -15.094642576822984,
                                3.8199525848482803,    -0.7181223017785001,   0.10422916220813978,
                                -0.012031585942120619, 0.0011309237482517954, -8.823533599242996e-05};
  constexpr int kTerms = sizeof(T) == 4 ? 7 : 12;
  const V square = hn::Mul(x, x);
  V sum = hn::Set(d, static_cast<T>(kTaylor[kTerms - 1]));
  HWY_UNROLL(11)
  for (int i = kTerms - 2; i >= 0; --i) sum = hn::MulAdd(sum, square, hn::Set(d, static_cast<T>(kTaylor[i])));
  return hn::Mul(sum, x);
}

// e^(2πi·n/P) for whole numbers n, |n| < 2^22. The angle is reduced in whole numbers, without error.
template <class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE void UnitRoot(D d, V n, T length, V& re, V& im) {
  const V inverse = hn::Set(d, T(1) / length), half = hn::Set(d, length / 2), quarter = hn::Set(d, length / 4);
  const V r = hn::NegMulAdd(hn::Round(hn::Mul(n, inverse)), hn::Set(d, length), n);  // |r| ≤ P/2
  const V size = hn::Abs(r);
  re = SinTurns(d, hn::Mul(hn::Sub(quarter, size), inverse));
  const V folded = hn::Min(size, hn::Sub(half, size));
  im = SinTurns(d, hn::Mul(hn::CopySignToAbs(folded, r), inverse));
}

// e^(2πi·freq·offset/P) of vectors of offsets. The offsets of small displacements, up to two vectors of them, are
// looked up in registers: a third of a polynomial's time.
template <class D>
class RootsOfCells {
 public:
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;

  HWY_INLINE RootsOfCells(D d, const Axis& axis, const Circle& circle, int64_t freq)
      : frequency_(hn::Set(d, static_cast<T>(freq))),
        lowest_(hn::Set(d, static_cast<T>(axis.min_cell - axis.centre))),
        length_(static_cast<T>(axis.length)) {
    const int64_t lanes = hn::Lanes(d), cells = axis.max_cell - axis.min_cell + 1;
    vectors_ = lanes >= 4 ? CeilDiv(cells, lanes) : kMany;
    if (vectors_ > 2) return;
    HWY_ALIGN T re[2 * hn::MaxLanes(d)] = {}, im[2 * hn::MaxLanes(d)] = {};
    for (int64_t cell = 0; cell < cells; ++cell) {
      const int64_t place = FloorMod(freq * (axis.min_cell - axis.centre + cell), axis.length);
      re[cell] = static_cast<T>(circle.cosine[place]);
      im[cell] = static_cast<T>(circle.sine[place]);
    }
    re_[0] = hn::Load(d, re);
    re_[1] = hn::Load(d, re + lanes);
    im_[0] = hn::Load(d, im);
    im_[1] = hn::Load(d, im + lanes);
  }
  // Vectors that hold the roots of all cells: 1, 2, or more.
  static constexpr int64_t kMany = 3;
  HWY_INLINE int64_t vectors() const { return vectors_; }

  template <int kVectors>
  HWY_INLINE Complex<V> Of(D d, V offset) const {
    Complex<V> root;
    if constexpr (kVectors < kMany) {
      const hn::RebindToSigned<D> whole;
      const auto cell = hn::ConvertTo(whole, hn::Sub(offset, lowest_));
      const auto last = hn::Set(whole, static_cast<hn::TFromD<decltype(whole)>>(hn::Lanes(d) - 1));
      const auto lane = hn::IndicesFromVec(d, kVectors == 1 ? cell : hn::And(cell, last));
      root.re = hn::TableLookupLanes(re_[0], lane);
      root.im = hn::TableLookupLanes(im_[0], lane);
      if constexpr (kVectors == 2) {
        const auto second = hn::RebindMask(d, hn::Gt(cell, last));
        root.re = hn::IfThenElse(second, hn::TableLookupLanes(re_[1], lane), root.re);
        root.im = hn::IfThenElse(second, hn::TableLookupLanes(im_[1], lane), root.im);
      }
    } else {
      UnitRoot(d, hn::Mul(offset, frequency_), length_, root.re, root.im);
    }
    return root;
  }

 private:
  V frequency_, lowest_, re_[2], im_[2];
  T length_;
  int64_t vectors_;
};

// What a table holds of each unit, times its weight or not.
enum class Factor { kCell, kInterpolated, kWeighted };

template <int kVectors, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void FillTableOf(D d, Factor factor, const T* HWY_RESTRICT packed, int64_t units, int cell,
                              const RootsOfCells<D>& roots, T root_re, T root_im, int64_t lanes_used,
                              T* HWY_RESTRICT table) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const V step_re = hn::Set(d, root_re), step_im = hn::Set(d, root_im), one = hn::Set(d, T{1});
  for (int64_t i = 0; i < units; ++i, packed += kUnitFields * kLanes, table += 2 * kLanes) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      Complex<V> value = roots.template Of<kVectors>(d, hn::Load(d, packed + cell * kLanes + lane));
      if (factor != Factor::kCell) {
        const V fraction = hn::Load(d, packed + (cell + 1) * kLanes + lane);
        V f_re = hn::MulAdd(fraction, step_re, one), f_im = hn::Mul(fraction, step_im);
        if (factor == Factor::kWeighted) {
          const V weight = hn::Load(d, packed + kWeight * kLanes + lane);
          f_re = hn::Mul(f_re, weight);
          f_im = hn::Mul(f_im, weight);
        }
        value = {hn::NegMulAdd(value.im, f_im, hn::Mul(value.re, f_re)),
                 hn::MulAdd(value.im, f_re, hn::Mul(value.re, f_im))};
      }
      hn::Store(value.re, d, table + lane);
      hn::Store(value.im, d, table + kLanes + lane);
    }
  }
}

// table: [units][Re, Im][FilterBlock] from `packed` of as many units, at frequency `freq` of the axis whose cell is
// field `cell` (its fraction follows). lanes_used: a multiple of the vector.
template <class D, typename T = hn::TFromD<D>>
void FillTable(D d, Factor factor, const T* packed, int64_t units, int cell, const Axis& axis, const Circle& circle,
               int64_t freq, int64_t lanes_used, T* table) {
  const RootsOfCells<D> roots(d, axis, circle, freq);
  const T step_re = static_cast<T>(circle.cosine[freq] - 1);
  const T step_im = static_cast<T>(static_cast<double>(axis.sign) * circle.sine[freq]);
  const auto fill = [&](auto vectors) {
    FillTableOf<decltype(vectors)::value>(d, factor, packed, units, cell, roots, step_re, step_im, lanes_used, table);
  };
  if (roots.vectors() == 1) return fill(std::integral_constant<int, 1>());
  if (roots.vectors() == 2) return fill(std::integral_constant<int, 2>());
  fill(std::integral_constant<int, RootsOfCells<D>::kMany>());
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_TABLES_INL_H_
