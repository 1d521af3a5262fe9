// The kernels' spectra from the units' taps, made at a time for two neighbours of v and their partners P/2 − v, at u
// and −u.
#include <algorithm>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/prefetch.h"
#include "cc/kernels/spectral/product.h"
#include "cc/kernels/spectral/waves.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/spectral/taps_product.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/spectral/multiply-inl.h"
#include "cc/kernels/spectral/taps-inl.h"
#include "hwy/highway.h"

#ifndef DAU_SPECTRAL_TAPS_PRODUCT_ONCE_
#define DAU_SPECTRAL_TAPS_PRODUCT_ONCE_
namespace dau::spectral {

// Pairs of rows whose columns share the loads of taps, pairs of horizontal frequencies that share those of columns.
constexpr int64_t kRowPairs = 2, kColumnPairs = 2;

template <typename T>
struct TapsScratch {
  T *packed, *taps, *columns, *kernel, *waves_v, *waves_h;
  int64_t tap_size, column_size;  // of an input channel

  TapsScratch(const ProductJob<T>& job, Arena& arena) {
    constexpr int64_t kLanes = FilterBlock<T>();
    const Axis &v = job.tiling.v, &h = job.tiling.h;
    column_size = (2 * h.reach() + 1) * 2 * kLanes;
    tap_size = column_size / 2 * (2 * v.reach() + 1);
    packed = arena.Take<T>(job.arrays.units * kUnitFields * kLanes);
    taps = arena.Take<T>(job.in_group * tap_size);
    columns = arena.Take<T>(kRowPairs * 2 * job.in_group * column_size);
    kernel = arena.Take<T>(kColumnPairs * 4 * KernelSize(job));
    waves_v = arena.Take<T>(WavesSize(v.length, v.reach()));
    waves_h = arena.Take<T>(WavesSize(h.length, h.reach()));
  }
  // Of one frequency.
  static int64_t KernelSize(const ProductJob<T>& job) { return job.in_group * 2 * FilterBlock<T>(); }
};

}  // namespace dau::spectral
#endif  // DAU_SPECTRAL_TAPS_PRODUCT_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// Where an item's products stand.
struct TapsPlace {
  int64_t in_begin, in_count, out, lanes_used;
};

template <typename T>
HWY_INLINE int Signs(const ProductJob<T>& job, int64_t u, int64_t v) {
  return u > 0 && u < job.tiling.v.length / 2 && !job.tiling.edge(v) ? 2 : 1;
}

template <typename T>
HWY_INLINE void PrefetchX(const ProductJob<T>& job, const TapsPlace& at, int64_t u, int64_t v) {
  for (int sign = 0; sign < Signs(job, u, v); ++sign) {
    PrefetchToL2(job.XAt(u, v, sign, at.in_begin), RoundUp(at.in_count, kBlock) * job.tile_count * 3);
  }
}

// y at (±u, v) and (±u, P/2 − v) for kVs neighbouring v: all tiles, one block of filters, one group of input channels.
template <int kVs, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void MultiplyRow(D d, const ProductJob<T>& job, const TapsScratch<T>& scratch, const TapsPlace& at,
                              const T* columns, int64_t u, int64_t v) {
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  const int64_t reach = ah.reach(), kernel_size = scratch.KernelSize(job);
  KernelsFromColumns<kVs>(d, columns, reach, scratch.waves_h + v * 2 * reach, at.in_count, at.lanes_used, kernel_size,
                          scratch.kernel);
  for (int64_t i = 0; i < kVs; ++i) {
    for (int partner = 0; partner < 2; ++partner) {
      const int64_t freq = partner == 0 ? v + i : ah.length / 2 - v - i;
      if (partner == 1 && freq == v + i) continue;
      const int signs = Signs(job, u, freq);
      const bool mirror = job.tiling.edge(freq) && u > 0 && u < av.length / 2;
      for (int sign = 0; sign < signs; ++sign) {
        const Step step{true, true, at.in_begin == 0, mirror, sign == 0 ? u : av.length - u, freq};
        MultiplyAllLanes(d, job, step, scratch.kernel + (4 * i + 2 * partner + sign) * kernel_size,
                         job.XAt(u, freq, sign, at.in_begin), at.in_count, at.lanes_used, at.out,
                         /*sums=*/scratch.kernel);  // of one piece: none wait in memory
      }
    }
  }
}

template <class D, typename T = hn::TFromD<D>>
void TapsRow(D d, const ProductJob<T>& job, const TapsScratch<T>& scratch, const TapsPlace& at, const T* columns,
             int64_t u, int64_t v_begin, int64_t v_end) {
  for (int64_t v = v_begin; v < v_end; v += kColumnPairs) {
    for (int64_t next = v + kColumnPairs; next < std::min(v + 2 * kColumnPairs, v_end); ++next) {
      PrefetchX(job, at, u, next);
      PrefetchX(job, at, u, job.tiling.h.length / 2 - next);
    }
    if (v + 1 < v_end) {
      MultiplyRow<2>(d, job, scratch, at, columns, u, v);
    } else {
      MultiplyRow<1>(d, job, scratch, at, columns, u, v);
    }
  }
}

template <typename T>
void TapsProductItem(const ProductJob<T>& job, int64_t item, T* memory) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = FilterBlock<T>();
  Arena arena(memory);
  const TapsScratch<T> scratch(job, arena);
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  FillWaves(*job.circle_v, av.length, av.reach(), scratch.waves_v);
  FillWaves(*job.circle_h, ah.length, ah.reach(), scratch.waves_h);
  TapsPlace at;
  at.out = item % job.filter_groups() * kLanes;
  at.lanes_used = std::min<int64_t>(kLanes, RoundUp(job.arrays.out_channels - at.out, hn::Lanes(d)));
  const int64_t v_begin = item / job.filter_groups() * job.item_frequencies;
  const int64_t v_end = std::min(job.frequencies(), v_begin + job.item_frequencies);
  const int64_t row_step = job.in_group * scratch.column_size, last_pair = av.length / 4;

  for (at.in_begin = 0; at.in_begin < job.arrays.in_channels; at.in_begin += job.in_group) {
    at.in_count = std::min(job.in_group, job.arrays.in_channels - at.in_begin);
    for (int64_t in = 0; in < at.in_count; ++in) {
      PackUnits(d, job.arrays, job.tiling, at.in_begin + in, 1, at.out, scratch.packed);
      MakeTaps(d, job.tiling, scratch.packed, job.arrays.units, at.lanes_used, scratch.taps + in * scratch.tap_size);
    }
    for (int64_t pair = 0; pair <= last_pair; pair += kRowPairs) {
      const int64_t pairs = std::min(kRowPairs, last_pair + 1 - pair);
      const T* waves = scratch.waves_v + pair * 2 * av.reach();
      for (int64_t in = 0; in < at.in_count; ++in) {
        const T* taps = scratch.taps + in * scratch.tap_size;
        T* columns = scratch.columns + in * scratch.column_size;
        if (pairs == 2) {
          MakeColumns<2>(d, taps, 2 * ah.reach() + 1, av.reach(), waves, at.lanes_used, columns, row_step);
        } else {
          MakeColumns<1>(d, taps, 2 * ah.reach() + 1, av.reach(), waves, at.lanes_used, columns, row_step);
        }
      }
      for (int64_t i = 0; i < 2 * pairs; ++i) {
        const int64_t f = pair + i / 2, u = i % 2 == 0 ? f : av.length / 2 - f;
        if (i % 2 == 1 && u == f) continue;
        TapsRow(d, job, scratch, at, scratch.columns + i * row_step, u, v_begin, v_end);
      }
    }
  }
}

void TapsProductF32(const ProductJob<float>& job, int64_t item, float* scratch) { TapsProductItem(job, item, scratch); }
void TapsProductF64(const ProductJob<double>& job, int64_t item, double* scratch) {
  TapsProductItem(job, item, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::spectral {
HWY_EXPORT(TapsProductF32);
HWY_EXPORT(TapsProductF64);

template <>
void TapsProduct(const ProductJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(TapsProductF32)(job, item, scratch);
}
template <>
void TapsProduct(const ProductJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(TapsProductF64)(job, item, scratch);
}
template <typename T>
int64_t TapsScratchSize(const ProductJob<T>& job) {
  Arena arena;
  const TapsScratch<T> counted(job, arena);
  (void)counted;
  return static_cast<int64_t>(arena.used() / sizeof(T));
}
template int64_t TapsScratchSize(const ProductJob<float>&);
template int64_t TapsScratchSize(const ProductJob<double>&);

}  // namespace dau::spectral
#endif  // HWY_ONCE
