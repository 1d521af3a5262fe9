// The gradients of the general form, a σ per unit, from the correlation spectra C(u, v) of correlate.h:
//
//   ∂weight = Σ_u,v A·B·C   ∂μ_v: A_μ·B   ∂μ_h: A·B_μ   ∂σ: A_σ·B + A·B_σ
//
// with A, B a unit's spectra along each axis, and A_μ, A_σ those of its taps' derivatives (general_units.h). At fixed u
// q_j = Σ_v B_j(v)·C(u, v), j of three tables, serves all gradients.
#include "cc/kernels/spectral/correlate.h"

#include <algorithm>

#include "cc/kernels/base/arena.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/spectral/general_correlate.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/spectral/correlate-inl.h"
#include "cc/kernels/spectral/general_units-inl.h"
#include "hwy/highway.h"

#ifndef DAU_SPECTRAL_GENERAL_CORRELATE_ONCE_
#define DAU_SPECTRAL_GENERAL_CORRELATE_ONCE_
namespace dau::spectral {

template <typename T>
struct GeneralScratch {
  T *packed, *a, *basis, *rows, *sums, *pair, *waves;

  // Of a unit's tables at one frequency, or of its rows.
  static constexpr int64_t kUnit = kGeneralTables * 2 * FilterBlock<T>();

  GeneralScratch(const CorrelateJob<T>& job, Arena& arena) {
    constexpr int64_t kLanes = FilterBlock<T>();
    const int64_t units = job.in_group * job.arrays.units;
    packed = arena.Take<T>(units * job.general.count() * kLanes);
    a = arena.Take<T>(units * kUnit);
    basis = arena.Take<T>(job.tiling.h.half() * units * kUnit);
    rows = arena.Take<T>(units * kUnit);
    sums = arena.Take<T>(kFrequencies * kInputs * 4 * kLanes);
    pair = arena.Take<T>(kInputs * 2 * kLanes);
    waves = arena.Take<T>(job.general.waves());
  }
};

}  // namespace dau::spectral
#endif  // DAU_SPECTRAL_GENERAL_CORRELATE_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// rows[unit][table][Re, Im][FilterBlock] += Σ_v basis(v)·C, for `kUnits` units of one input channel: Re from S, Im from
// D (see MakeSums).
template <int kUnits, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void ContractTables(D d, const T* basis, int64_t basis_step, const T* sums, int64_t frequencies,
                                 int64_t lanes_used, T* rows) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  constexpr int kTables = kUnits * kGeneralTables;
  for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
    V re[kTables], im[kTables];
    HWY_UNROLL(6)
    for (int t = 0; t < kTables; ++t) {
      re[t] = hn::Load(d, rows + 2 * t * kLanes + lane);
      im[t] = hn::Load(d, rows + (2 * t + 1) * kLanes + lane);
    }
    for (int64_t v = 0; v < frequencies; ++v) {
      const T* HWY_RESTRICT from = sums + v * kInputs * 4 * kLanes + lane;
      const T* HWY_RESTRICT b = basis + v * basis_step + lane;
      const V s_re = InRegister(hn::Load(d, from)), s_im = InRegister(hn::Load(d, from + kLanes));
      const V d_re = InRegister(hn::Load(d, from + 2 * kLanes)), d_im = InRegister(hn::Load(d, from + 3 * kLanes));
      HWY_UNROLL(6)
      for (int t = 0; t < kTables; ++t) {
        const V b_re = InRegister(hn::Load(d, b + 2 * t * kLanes));
        const V b_im = InRegister(hn::Load(d, b + (2 * t + 1) * kLanes));
        re[t] = hn::NegMulAdd(b_im, s_im, hn::MulAdd(b_re, s_re, re[t]));
        im[t] = hn::MulAdd(b_im, d_re, hn::MulAdd(b_re, d_im, im[t]));
      }
    }
    HWY_UNROLL(6)
    for (int t = 0; t < kTables; ++t) {
      hn::Store(re[t], d, rows + 2 * t * kLanes + lane);
      hn::Store(im[t], d, rows + (2 * t + 1) * kLanes + lane);
    }
  }
}

// sums[unit][gradient] += what the row u of all units adds, from their vertical tables in scratch.a.
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void AddTables(D d, const GeneralScratch<T>& scratch, int64_t units, int64_t lanes_used, T* sums) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>(), kUnit = GeneralScratch<T>::kUnit;
  for (int64_t i = 0; i < units; ++i) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      // Re(A_table · q_table)
      const auto product = [&](GeneralTable vertical, GeneralTable horizontal) HWY_ATTR {
        const T* a = scratch.a + i * kUnit + vertical * 2 * kLanes + lane;
        const T* q = scratch.rows + i * kUnit + horizontal * 2 * kLanes + lane;
        return hn::NegMulAdd(hn::Load(d, a + kLanes), hn::Load(d, q + kLanes), hn::Mul(hn::Load(d, a), hn::Load(d, q)));
      };
      const auto add = [&](Gradient gradient, V value) HWY_ATTR {
        T* const to = sums + (i * kGradients + gradient) * kLanes + lane;
        hn::Store(hn::Add(hn::Load(d, to), value), d, to);
      };
      add(kOfWeight, product(kValueTable, kValueTable));
      add(kOfVertical, product(kSlopeTable, kValueTable));
      add(kOfHorizontal, product(kValueTable, kSlopeTable));
      add(kOfSigma, hn::Add(product(kWidthTable, kValueTable), product(kValueTable, kWidthTable)));
    }
  }
}

template <typename T>
void GeneralCorrelateItem(const CorrelateJob<T>& job, int64_t item, T* memory) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = FilterBlock<T>(), kUnit = GeneralScratch<T>::kUnit;
  Arena arena(memory);
  const GeneralScratch<T> scratch(job, arena);
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  const GeneralFields& fields = job.general;
  const int64_t units = job.arrays.units, group = item % job.filter_groups(), out = group * kLanes;
  const int64_t lanes_used = std::min<int64_t>(kLanes, RoundUp(job.arrays.out_channels - out, hn::Lanes(d)));
  const int64_t in_begin = item / job.filter_groups() * job.in_group;
  const int64_t in_count = std::min(job.in_group, job.arrays.in_channels - in_begin), all = in_count * units;
  const CorrelatePlace at{group, in_begin, in_count, lanes_used};
  T* const sums = job.sums + (group * job.arrays.in_channels + in_begin) * units * kGradients * kLanes;
  if (!job.add) std::fill_n(sums, all * kGradients * kLanes, T{0});

  PackGeneralUnits(d, job.arrays, fields, job.tiling, in_begin, in_count, out, scratch.packed);
  for (int64_t v = 0; v < ah.half(); ++v) {
    FillGeneralTable<false>(d, fields, scratch.packed, all, kGeneralCellH, fields.horizontal(), ah, *job.circle_h, v,
                            lanes_used, scratch.waves, scratch.basis + v * all * kUnit);
  }
  for (int64_t u = 0; u < av.half(); ++u) {
    std::fill_n(scratch.rows, all * kUnit, T{0});
    for (int64_t v_begin = 0; v_begin < ah.half(); v_begin += kFrequencies) {
      const int64_t frequencies = std::min(kFrequencies, ah.half() - v_begin);
      PrefetchSpectra(job, at, u, v_begin + frequencies, kFrequencies);
      for (int64_t in = 0; in < in_count; in += kInputs) {
        SumsOfFrequencies(d, job, at, u, v_begin, frequencies, in, scratch.pair, scratch.sums);
        for (int64_t c = 0; c < std::min(kInputs, in_count - in); ++c) {
          const T* of_input = scratch.sums + c * 4 * kLanes;
          const T* basis = scratch.basis + (v_begin * all + (in + c) * units) * kUnit;
          T* rows = scratch.rows + (in + c) * units * kUnit;
          int64_t k = 0;
          for (; k + kWide <= units; k += kWide, basis += kWide * kUnit, rows += kWide * kUnit) {
            ContractTables<kWide>(d, basis, all * kUnit, of_input, frequencies, lanes_used, rows);
          }
          if (k < units) ContractTables<1>(d, basis, all * kUnit, of_input, frequencies, lanes_used, rows);
        }
      }
    }
    FillGeneralTable<false>(d, fields, scratch.packed, all, kGeneralCellV, fields.vertical(), av, *job.circle_v, u,
                            lanes_used, scratch.waves, scratch.a);
    AddTables(d, scratch, all, lanes_used, sums);
  }
}

void GeneralCorrelateF32(const CorrelateJob<float>& job, int64_t item, float* scratch) {
  GeneralCorrelateItem(job, item, scratch);
}
void GeneralCorrelateF64(const CorrelateJob<double>& job, int64_t item, double* scratch) {
  GeneralCorrelateItem(job, item, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::spectral {
HWY_EXPORT(GeneralCorrelateF32);
HWY_EXPORT(GeneralCorrelateF64);

template <>
void GeneralCorrelate(const CorrelateJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(GeneralCorrelateF32)(job, item, scratch);
}
template <>
void GeneralCorrelate(const CorrelateJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(GeneralCorrelateF64)(job, item, scratch);
}
template <typename T>
int64_t GeneralCorrelateScratchSize(const CorrelateJob<T>& job) {
  Arena arena;
  const GeneralScratch<T> counted(job, arena);
  (void)counted;
  return static_cast<int64_t>(arena.used() / sizeof(T));
}
template int64_t GeneralCorrelateScratchSize(const CorrelateJob<float>&);
template int64_t GeneralCorrelateScratchSize(const CorrelateJob<double>&);

}  // namespace dau::spectral
#endif  // HWY_ONCE
