// The kernels' spectra as sums of the units' rank-1 factors, made at a time for two neighbours of v, at u and −u.
#include "cc/kernels/spectral/product.h"

#include <algorithm>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/prefetch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/spectral/units_product.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/spectral/general_units-inl.h"
#include "cc/kernels/spectral/multiply-inl.h"
#include "cc/kernels/spectral/tables-inl.h"
#include "hwy/highway.h"

#ifndef DAU_SPECTRAL_UNITS_PRODUCT_ONCE_
#define DAU_SPECTRAL_UNITS_PRODUCT_ONCE_
namespace dau::spectral {

// Input channels whose kernel spectra are made at a time: 2 frequencies × 2 signs × 2 parts × 128 bytes each, 64 KB.
// They are read one after the other, which the L2 cache can serve; with fewer at a time, sums come and go more often.
constexpr int64_t kPiece = 64;
// Horizontal frequencies that share the loads of the vertical factors.
constexpr int64_t kTogether = 2;

template <typename T>
struct UnitsScratch {
  T *packed, *a, *b, *kernel, *sums, *waves;

  UnitsScratch(const ProductJob<T>& job, Arena& arena) {
    constexpr int64_t kLanes = FilterBlock<T>();
    const int64_t units = job.in_group * job.arrays.units;
    packed = arena.Take<T>(units * (job.general.radius > 0 ? job.general.count() : int64_t{kUnitFields}) * kLanes);
    a = arena.Take<T>(units * 2 * kLanes);
    b = arena.Take<T>(job.freq_group * units * 2 * kLanes);
    kernel = arena.Take<T>(kTogether * 2 * KernelSize());
    sums = arena.Take<T>(kTogether * 2 * SumsSize(job.tile_count));
    waves = arena.Take<T>(2 * job.general.waves());
  }
  // Of one frequency.
  static constexpr int64_t KernelSize() { return kPiece * 2 * FilterBlock<T>(); }
  static int64_t SumsSize(int64_t tile_count) { return RoundUp(tile_count, 4) * 3 * FilterBlock<T>(); }
};

}  // namespace dau::spectral
#endif  // DAU_SPECTRAL_UNITS_PRODUCT_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// Kernel spectra of `count` input channels: at (u, v); with kBoth at (−u, v) too; and with kVs = 2 at (u, v + 1) and
// (−u, v + 1), whose factors lie b_step behind v's. Each [in][Re, Im][FilterBlock], one behind the other.
// kUnits: the number of units, or 0 for any.
template <bool kBoth, int kVs, int kUnits, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void MakeKernels(D d, const T* HWY_RESTRICT a, const T* HWY_RESTRICT b, int64_t b_step, int64_t any_units,
                              int64_t count, int64_t lanes_used, T* HWY_RESTRICT kernel) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>(), kSize = UnitsScratch<T>::KernelSize();
  const int64_t units = kUnits > 0 ? kUnits : any_units;
  for (int64_t in = 0; in < count; ++in, a += units * 2 * kLanes, b += units * 2 * kLanes, kernel += 2 * kLanes) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      const T* HWY_RESTRICT pa = a + lane;
      const T* HWY_RESTRICT pb = b + lane;
      V rr[kVs], ii[kVs], ri[kVs], ir[kVs];
      HWY_UNROLL(2)
      for (int i = 0; i < kVs; ++i) rr[i] = ii[i] = ri[i] = ir[i] = hn::Zero(d);
      for (int64_t k = 0; k < units; ++k, pa += 2 * kLanes, pb += 2 * kLanes) {
        const V a_re = InRegister(hn::Load(d, pa)), a_im = InRegister(hn::Load(d, pa + kLanes));
        HWY_UNROLL(2)
        for (int i = 0; i < kVs; ++i) {
          const V b_re = InRegister(hn::Load(d, pb + i * b_step));
          const V b_im = InRegister(hn::Load(d, pb + i * b_step + kLanes));
          rr[i] = kUnits > 0 && k == 0 ? hn::Mul(a_re, b_re) : hn::MulAdd(a_re, b_re, rr[i]);
          ii[i] = kUnits > 0 && k == 0 ? hn::Mul(a_im, b_im) : hn::MulAdd(a_im, b_im, ii[i]);
          ri[i] = kUnits > 0 && k == 0 ? hn::Mul(a_re, b_im) : hn::MulAdd(a_re, b_im, ri[i]);
          ir[i] = kUnits > 0 && k == 0 ? hn::Mul(a_im, b_re) : hn::MulAdd(a_im, b_re, ir[i]);
        }
      }
      HWY_UNROLL(2)
      for (int i = 0; i < kVs; ++i) {
        T* const to = kernel + i * 2 * kSize + lane;
        hn::Store(hn::Sub(rr[i], ii[i]), d, to);
        hn::Store(hn::Add(ri[i], ir[i]), d, to + kLanes);
        if (!kBoth) continue;
        hn::Store(hn::Add(rr[i], ii[i]), d, to + kSize);
        hn::Store(hn::Sub(ri[i], ir[i]), d, to + kSize + kLanes);
      }
    }
  }
}

template <bool kBoth, int kVs, class D, typename T = hn::TFromD<D>>
HWY_INLINE void MakeKernels(D d, const T* a, const T* b, int64_t b_step, int64_t units, int64_t count,
                            int64_t lanes_used, T* kernel) {
  switch (units) {
    case 1:
      return MakeKernels<kBoth, kVs, 1>(d, a, b, b_step, units, count, lanes_used, kernel);
    case 2:
      return MakeKernels<kBoth, kVs, 2>(d, a, b, b_step, units, count, lanes_used, kernel);
    case 3:
      return MakeKernels<kBoth, kVs, 3>(d, a, b, b_step, units, count, lanes_used, kernel);
    case 4:
      return MakeKernels<kBoth, kVs, 4>(d, a, b, b_step, units, count, lanes_used, kernel);
    case 6:
      return MakeKernels<kBoth, kVs, 6>(d, a, b, b_step, units, count, lanes_used, kernel);
    default:
      return MakeKernels<kBoth, kVs, 0>(d, a, b, b_step, units, count, lanes_used, kernel);
  }
}

// y at (u, v) and (−u, v), and for vs = 2 at v + 1 as well: all tiles, one block of filters, one group of input
// channels. b: the horizontal factors of v, those of v + 1 b_step behind them.
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void OneFrequency(D d, const ProductJob<T>& job, const UnitsScratch<T>& scratch, int64_t u, int64_t v,
                               int64_t vs, int64_t in_begin, int64_t in_count, int64_t out, int64_t lanes_used,
                               const T* b, int64_t b_step) {
  constexpr int64_t kLanes = FilterBlock<T>();
  const Axis& av = job.tiling.v;
  const int64_t units = job.arrays.units;
  const bool edge = job.tiling.edge(v), middle = u > 0 && u < av.length / 2;
  const bool both = middle && !edge;
  for (int64_t piece = 0; piece < in_count; piece += kPiece) {
    const int64_t count = std::min(kPiece, in_count - piece), table = piece * units * 2 * kLanes;
    for (int64_t next = v + vs; next < std::min(v + 2 * vs, job.tiling.h.half()); ++next) {
      const int64_t size = RoundUp(count, kBlock) * job.tile_count * 3;
      PrefetchToL2(job.XAt(u, next, 0, in_begin + piece), size);
      if (middle && !job.tiling.edge(next)) PrefetchToL2(job.XAt(u, next, 1, in_begin + piece), size);
    }
    const T *from_a = scratch.a + table, *from_b = b + table;
    if (vs == 2) {
      MakeKernels<true, 2>(d, from_a, from_b, b_step, units, count, lanes_used, scratch.kernel);
    } else if (both) {
      MakeKernels<true, 1>(d, from_a, from_b, b_step, units, count, lanes_used, scratch.kernel);
    } else {
      MakeKernels<false, 1>(d, from_a, from_b, b_step, units, count, lanes_used, scratch.kernel);
    }
    for (int64_t i = 0; i < vs; ++i) {
      for (int sign = 0; sign < (both ? 2 : 1); ++sign) {
        const Step step{piece == 0,     piece + kPiece >= in_count,    in_begin == 0,
                        edge && middle, sign == 0 ? u : av.length - u, v + i};
        const T* kernel = scratch.kernel + (2 * i + sign) * scratch.KernelSize();
        const T* values = job.XAt(u, v + i, sign, in_begin + piece);
        T* sums = scratch.sums + (2 * i + sign) * scratch.SumsSize(job.tile_count);
        MultiplyAllLanes(d, job, step, kernel, values, count, lanes_used, out, sums);
      }
    }
  }
}

// The units of some input channels, their vertical tables at u, and their horizontal ones from v_begin on, in either
// form.
template <class D, typename T = hn::TFromD<D>>
void PackItem(D d, const ProductJob<T>& job, int64_t in_begin, int64_t in_count, int64_t out, T* packed) {
  if (job.general.radius == 0) return PackUnits(d, job.arrays, job.tiling, in_begin, in_count, out, packed);
  PackGeneralUnits(d, job.arrays, job.general, job.tiling, in_begin, in_count, out, packed);
}
template <class D, typename T = hn::TFromD<D>>
void FillVertical(D d, const ProductJob<T>& job, const UnitsScratch<T>& scratch, int64_t units, int64_t u,
                  int64_t lanes_used) {
  const Axis& axis = job.tiling.v;
  if (job.general.radius == 0) {
    return FillTable(d, Factor::kWeighted, scratch.packed, units, kCellV, axis, *job.circle_v, u, lanes_used,
                     scratch.a);
  }
  FillGeneralTables<true>(d, job.general, scratch.packed, units, kGeneralCellV, job.general.vertical(), axis,
                          *job.circle_v, u, 1, lanes_used, scratch.waves, scratch.a, 0);
}
template <class D, typename T = hn::TFromD<D>>
void FillHorizontal(D d, const ProductJob<T>& job, const UnitsScratch<T>& scratch, int64_t units, int64_t v_begin,
                    int64_t v_end, int64_t lanes_used) {
  const Axis& axis = job.tiling.h;
  const int64_t table_size = units * 2 * FilterBlock<T>();
  if (job.general.radius > 0) {
    return FillGeneralTables<false>(d, job.general, scratch.packed, units, kGeneralCellH, job.general.horizontal(),
                                    axis, *job.circle_h, v_begin, v_end - v_begin, lanes_used, scratch.waves, scratch.b,
                                    table_size);
  }
  for (int64_t v = v_begin; v < v_end; ++v) {
    FillTable(d, Factor::kInterpolated, scratch.packed, units, kCellH, axis, *job.circle_h, v, lanes_used,
              scratch.b + (v - v_begin) * table_size);
  }
}

template <typename T>
void UnitsProductItem(const ProductJob<T>& job, int64_t item, T* memory) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = FilterBlock<T>();
  Arena arena(memory);
  const UnitsScratch<T> scratch(job, arena);
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  const int64_t lanes = hn::Lanes(d), units = job.arrays.units;
  const int64_t out = item % job.filter_groups() * kLanes;
  const int64_t lanes_used = std::min(kLanes, RoundUp(job.arrays.out_channels - out, lanes));
  const int64_t item_begin = item / job.filter_groups() * job.item_frequencies;
  const int64_t item_end = std::min(ah.half(), item_begin + job.item_frequencies);

  for (int64_t in_begin = 0; in_begin < job.arrays.in_channels; in_begin += job.in_group) {
    const int64_t in_count = std::min(job.in_group, job.arrays.in_channels - in_begin);
    const int64_t table_size = in_count * units * 2 * kLanes;
    PackItem(d, job, in_begin, in_count, out, scratch.packed);
    for (int64_t v_begin = item_begin; v_begin < item_end; v_begin += job.freq_group) {
      const int64_t v_end = std::min(item_end, v_begin + job.freq_group);
      FillHorizontal(d, job, scratch, in_count * units, v_begin, v_end, lanes_used);
      for (int64_t u = 0; u < av.half(); ++u) {
        FillVertical(d, job, scratch, in_count * units, u, lanes_used);
        const bool middle = u > 0 && u < av.length / 2;
        for (int64_t v = v_begin; v < v_end;) {
          const bool pair = middle && !job.tiling.edge(v) && v + 1 < v_end && !job.tiling.edge(v + 1);
          const int64_t vs = pair ? kTogether : 1;
          OneFrequency(d, job, scratch, u, v, vs, in_begin, in_count, out, lanes_used,
                       scratch.b + (v - v_begin) * table_size, table_size);
          v += vs;
        }
      }
    }
  }
}

void UnitsProductF32(const ProductJob<float>& job, int64_t item, float* scratch) {
  UnitsProductItem(job, item, scratch);
}
void UnitsProductF64(const ProductJob<double>& job, int64_t item, double* scratch) {
  UnitsProductItem(job, item, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::spectral {
HWY_EXPORT(UnitsProductF32);
HWY_EXPORT(UnitsProductF64);

template <>
void UnitsProduct(const ProductJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(UnitsProductF32)(job, item, scratch);
}
template <>
void UnitsProduct(const ProductJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(UnitsProductF64)(job, item, scratch);
}
template <typename T>
int64_t UnitsScratchSize(const ProductJob<T>& job) {
  Arena arena;
  const UnitsScratch<T> counted(job, arena);
  (void)counted;
  return static_cast<int64_t>(arena.used() / sizeof(T));
}
template int64_t UnitsScratchSize(const ProductJob<float>&);
template int64_t UnitsScratchSize(const ProductJob<double>&);

}  // namespace dau::spectral
#endif  // HWY_ONCE
