// The parameters' gradients by taps: the correlations of x and dy at all places where taps can stand, blurred, from
// which the units gather theirs.
#include <algorithm>
#include <type_traits>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/spectral/correlate.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/waves.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/spectral/taps_correlate.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/spectral/correlate-inl.h"
#include "cc/kernels/spectral/taps_correlate-inl.h"
#include "hwy/highway.h"

#ifndef DAU_SPECTRAL_TAPS_CORRELATE_ONCE_
#define DAU_SPECTRAL_TAPS_CORRELATE_ONCE_
namespace dau::spectral {

// Pairs of rows that share the taps' loads; pairs of horizontal frequencies whose correlations stay in the L1 cache:
// 4·2·4·4·128 bytes, 16 KB.
constexpr int64_t kCorrelatedRows = 2, kCorrelatedColumns = 4;

template <typename T>
struct TapsCorrelateScratch {
  T *packed, *taps, *rows, *sums, *pair, *waves_v, *waves_h;
  GainPair<T>*smooth_v, *smooth_h, *derivative_v, *derivative_h, *perimeter_v, *perimeter_h;
  int64_t field_size, tap_size, row_size;  // of a field; of an input channel's fields

  TapsCorrelateScratch(const CorrelateJob<T>& job, Arena& arena) {
    constexpr int64_t kLanes = FilterBlock<T>();
    const Axis &v = job.tiling.v, &h = job.tiling.h;
    field_size = TapCount(job.tiling) * kLanes;
    tap_size = field_size * job.tap_fields();
    row_size = job.row_fields() * RowSize(job);
    packed = arena.Take<T>(job.arrays.units * kUnitFields * kLanes);
    taps = arena.Take<T>(job.in_group * tap_size);
    rows = arena.Take<T>(kCorrelatedRows * 2 * job.in_group * row_size);
    sums = arena.Take<T>(kCorrelatedColumns * 2 * kInputs * 4 * kLanes);
    pair = arena.Take<T>(kInputs * 2 * kLanes);
    waves_v = arena.Take<T>(WavesSize(v.length, v.reach()));
    waves_h = arena.Take<T>(WavesSize(h.length, h.reach()));
    for (GainPair<T>** gains : {&smooth_v, &derivative_v, &perimeter_v}) {
      *gains = arena.Take<GainPair<T>>(v.length / 4 + 1);
    }
    for (GainPair<T>** gains : {&smooth_h, &derivative_h, &perimeter_h}) {
      *gains = arena.Take<GainPair<T>>(h.length / 4 + 1);
    }
  }
  static int64_t RowSize(const CorrelateJob<T>& job) { return (2 * job.tiling.h.reach() + 1) * 2 * FilterBlock<T>(); }
};

}  // namespace dau::spectral
#endif  // DAU_SPECTRAL_TAPS_CORRELATE_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// All q of a row; see AddWaves.
template <bool kTurned, class D, typename T = hn::TFromD<D>>
HWY_INLINE void AddAllWaves(D d, const T* sums, const GainPair<T>* gains, const T* waves, int64_t reach, int64_t pairs,
                            int64_t lanes_used, bool first, T* row) {
  int64_t q = 1;
  for (; q + 3 <= reach; q += 4)
    AddWaves<4, kTurned>(d, sums, gains, waves, 2 * reach, pairs, q, lanes_used, first, row);
  if (q + 1 <= reach) {
    AddWaves<2, kTurned>(d, sums, gains, waves, 2 * reach, pairs, q, lanes_used, first, row);
    q += 2;
  }
  if (q <= reach) AddWaves<1, kTurned>(d, sums, gains, waves, 2 * reach, pairs, q, lanes_used, first, row);
}

// rows[in][field][slot of q][2][FilterBlock] of the row u.
template <class D, typename T = hn::TFromD<D>>
void MakeRow(D d, const CorrelateJob<T>& job, const TapsCorrelateScratch<T>& scratch, const CorrelatePlace& at,
             int64_t u, T* rows) {
  constexpr int64_t kLanes = FilterBlock<T>(), kFrequency = kInputs * 4 * kLanes;
  const int64_t length = job.tiling.h.length, reach = job.tiling.h.reach(), last = length / 4;
  for (int64_t v = 0; v <= last; v += kCorrelatedColumns) {
    const int64_t pairs = std::min(kCorrelatedColumns, last + 1 - v);
    for (int64_t next = v + pairs; next < std::min(v + pairs + kCorrelatedColumns, last + 1); ++next) {
      PrefetchSpectra(job, at, u, next);
      PrefetchSpectra(job, at, u, length / 2 - next);
    }
    for (int64_t in = 0; in < at.in_count; in += kInputs) {
      for (int64_t i = 0; i < pairs; ++i) {
        T* const sums = scratch.sums + 2 * i * kFrequency;
        SumsOfFrequency(d, job, at, u, v + i, in, scratch.pair, sums);
        SumsOfFrequency(d, job, at, u, length / 2 - v - i, in, scratch.pair, sums + kFrequency);
      }
      for (int64_t c = 0; c < std::min(kInputs, at.in_count - in); ++c) {
        const T* sums = scratch.sums + c * 4 * kLanes;
        const T* waves = scratch.waves_h + v * 2 * reach;
        T* const row = rows + (in + c) * scratch.row_size;
        AddAllWaves<false>(d, sums, scratch.smooth_h + v, waves, reach, pairs, at.lanes_used, v == 0, row);
        if (job.kind == DisplacementGradient::kGaussian) {
          AddAllWaves<true>(d, sums, scratch.derivative_h + v, waves, reach, pairs, at.lanes_used, v == 0,
                            row + scratch.RowSize(job));
        }
        if (job.sigma) {
          AddAllWaves<false>(d, sums, scratch.perimeter_h + v, waves, reach, pairs, at.lanes_used, v == 0,
                             row + (job.row_fields() - 1) * scratch.RowSize(job));
        }
      }
    }
  }
}

// taps[in][field] += the rows of kRows pairs from `pair` on.
template <int kRows, class D, typename T = hn::TFromD<D>>
void AddRowsOfPairs(D d, const CorrelateJob<T>& job, const TapsCorrelateScratch<T>& scratch, const CorrelatePlace& at,
                    int64_t pair) {
  const int64_t reach = job.tiling.v.reach(), slots_h = 2 * job.tiling.h.reach() + 1;
  const int64_t row_step = job.in_group * scratch.row_size;
  const T* waves = scratch.waves_v + pair * 2 * reach;
  for (int64_t in = 0; in < at.in_count; ++in) {
    const auto add = [&](auto turned, int64_t row_field, const GainPair<T>* gains, int64_t tap_field) HWY_ATTR {
      AddRows<kRows, decltype(turned)::value>(d,
                                              scratch.rows + in * scratch.row_size + row_field * scratch.RowSize(job),
                                              row_step, gains + pair, slots_h, reach, waves, 2 * reach, at.lanes_used,
                                              scratch.taps + in * scratch.tap_size + tap_field * scratch.field_size);
    };
    const std::true_type turned;
    const std::false_type plain;
    add(plain, 0, scratch.smooth_v, 0);
    if (job.kind == DisplacementGradient::kGaussian) {
      add(turned, 0, scratch.derivative_v, 1);
      add(plain, 1, scratch.smooth_v, 2);
    }
    if (job.sigma) {
      add(plain, 0, scratch.perimeter_v, job.tap_fields() - 1);
      add(plain, job.row_fields() - 1, scratch.smooth_v, job.tap_fields() - 1);
    }
  }
}

template <typename T>
void TapsCorrelateItem(const CorrelateJob<T>& job, int64_t item, T* memory) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = FilterBlock<T>();
  Arena arena(memory);
  const TapsCorrelateScratch<T> scratch(job, arena);
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  const int64_t units = job.arrays.units;
  FillWaves(*job.circle_v, av.length, av.reach(), scratch.waves_v);
  FillWaves(*job.circle_h, ah.length, ah.reach(), scratch.waves_h);
  PairGains(job.blur_v.smooth, av.length, scratch.smooth_v);
  PairGains(job.blur_h.smooth, ah.length, scratch.smooth_h);
  PairGains(job.blur_v.derivative, av.length, scratch.derivative_v);
  PairGains(job.blur_h.derivative, ah.length, scratch.derivative_h);
  PairGains(job.blur_v.perimeter, av.length, scratch.perimeter_v);
  PairGains(job.blur_h.perimeter, ah.length, scratch.perimeter_h);
  CorrelatePlace at;
  at.group = item % job.filter_groups();
  const int64_t out = at.group * kLanes;
  at.lanes_used = std::min<int64_t>(kLanes, RoundUp(job.arrays.out_channels - out, hn::Lanes(d)));
  at.in_begin = item / job.filter_groups() * job.in_group;
  at.in_count = std::min(job.in_group, job.arrays.in_channels - at.in_begin);

  std::fill_n(scratch.taps, at.in_count * scratch.tap_size, T{0});
  const int64_t row_step = job.in_group * scratch.row_size, last_pair = av.length / 4;
  for (int64_t pair = 0; pair <= last_pair; pair += kCorrelatedRows) {
    const int64_t pairs = std::min(kCorrelatedRows, last_pair + 1 - pair);
    for (int64_t i = 0; i < 2 * pairs; ++i) {
      const int64_t f = pair + i / 2, u = i % 2 == 0 ? f : av.length / 2 - f;
      T* const rows = scratch.rows + i * row_step;
      if (i % 2 == 1 && u == f) {
        std::fill_n(rows, at.in_count * scratch.row_size, T{0});
      } else {
        MakeRow(d, job, scratch, at, u, rows);
      }
    }
    pairs == 2 ? AddRowsOfPairs<2>(d, job, scratch, at, pair) : AddRowsOfPairs<1>(d, job, scratch, at, pair);
  }

  T* sums = job.sums + (at.group * job.arrays.in_channels + at.in_begin) * units * kGradients * kLanes;
  if (!job.add) std::fill_n(sums, at.in_count * units * kGradients * kLanes, T{0});
  for (int64_t in = 0; in < at.in_count; ++in, sums += units * kGradients * kLanes) {
    T* const taps = scratch.taps + in * scratch.tap_size;
    for (int64_t field = 0; field < job.tap_fields(); ++field) {
      SplitParity(d, job.tiling, at.lanes_used, taps + field * scratch.field_size);
    }
    PackUnits(d, job.arrays, job.tiling, at.in_begin + in, 1, out, scratch.packed);
    if (job.kind == DisplacementGradient::kExact) {
      GatherUnits<true>(d, job, scratch.packed, scratch.field_size, at.lanes_used, taps, sums);
    } else {
      GatherUnits<false>(d, job, scratch.packed, scratch.field_size, at.lanes_used, taps, sums);
    }
  }
}

void TapsCorrelateF32(const CorrelateJob<float>& job, int64_t item, float* scratch) {
  TapsCorrelateItem(job, item, scratch);
}
void TapsCorrelateF64(const CorrelateJob<double>& job, int64_t item, double* scratch) {
  TapsCorrelateItem(job, item, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::spectral {
HWY_EXPORT(TapsCorrelateF32);
HWY_EXPORT(TapsCorrelateF64);

template <>
void TapsCorrelate(const CorrelateJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(TapsCorrelateF32)(job, item, scratch);
}
template <>
void TapsCorrelate(const CorrelateJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(TapsCorrelateF64)(job, item, scratch);
}
template <typename T>
int64_t TapsCorrelateScratchSize(const CorrelateJob<T>& job) {
  Arena arena;
  const TapsCorrelateScratch<T> counted(job, arena);
  (void)counted;
  return static_cast<int64_t>(arena.used() / sizeof(T));
}
template int64_t TapsCorrelateScratchSize(const CorrelateJob<float>&);
template int64_t TapsCorrelateScratchSize(const CorrelateJob<double>&);

}  // namespace dau::spectral
#endif  // HWY_ONCE
