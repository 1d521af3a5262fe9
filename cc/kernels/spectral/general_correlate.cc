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

// Horizontal frequencies whose correlations stay in the L1 cache: with kInputs channels of two rows 2·4·4·4·128 bytes,
// 16 KB. With fewer, rows come and go more often.
constexpr int64_t kGeneralFrequencies = 4;
// Vertical frequencies that share the loads of the horizontal tables, which come from the L2 cache.
constexpr int64_t kGeneralRows = 2;

template <typename T>
struct GeneralScratch {
  T *packed, *a, *basis, *rows, *sums, *pair, *waves;

  // Of a unit's tables at one frequency, or of its rows.
  static constexpr int64_t kUnit = kGeneralTables * 2 * FilterBlock<T>();
  static constexpr int64_t kRowOfSums = kGeneralFrequencies * kInputs * 4 * FilterBlock<T>();

  GeneralScratch(const CorrelateJob<T>& job, Arena& arena) {
    constexpr int64_t kLanes = FilterBlock<T>();
    const int64_t units = job.in_group * job.arrays.units;
    packed = arena.Take<T>(units * job.general.count() * kLanes);
    a = arena.Take<T>(kGeneralRows * units * kUnit);
    basis = arena.Take<T>(job.tiling.h.half() * units * kUnit);
    rows = arena.Take<T>(kGeneralRows * units * kUnit);
    sums = arena.Take<T>(kGeneralRows * kRowOfSums);
    pair = arena.Take<T>(kInputs * 2 * kLanes);
    waves = arena.Take<T>(2 * job.general.waves());
  }
};

}  // namespace dau::spectral
#endif  // DAU_SPECTRAL_GENERAL_CORRELATE_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// rows[table][Re, Im][FilterBlock] += Σ_v basis(v)·C for a unit at kRows neighbouring u, whose sums and rows lie a step
// apart: Re from S, Im from D (see MakeSums).
template <int kRows, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void ContractTables(D d, const T* basis, int64_t basis_step, const T* sums, int64_t frequencies,
                                 int64_t lanes_used, T* rows, int64_t rows_step) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>(), kRowOfSums = GeneralScratch<T>::kRowOfSums;
  for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
    V re[kGeneralTables][kRows], im[kGeneralTables][kRows];
    HWY_UNROLL(3)
    for (int t = 0; t < kGeneralTables; ++t) {
      HWY_UNROLL(2)
      for (int r = 0; r < kRows; ++r) {
        re[t][r] = hn::Load(d, rows + r * rows_step + 2 * t * kLanes + lane);
        im[t][r] = hn::Load(d, rows + r * rows_step + (2 * t + 1) * kLanes + lane);
      }
    }
    for (int64_t v = 0; v < frequencies; ++v) {
      const T* HWY_RESTRICT from = sums + v * kInputs * 4 * kLanes + lane;
      const T* HWY_RESTRICT b = basis + v * basis_step + lane;
      V s_re[kRows], s_im[kRows], d_re[kRows], d_im[kRows];
      HWY_UNROLL(2)
      for (int r = 0; r < kRows; ++r) {
        s_re[r] = InRegister(hn::Load(d, from + r * kRowOfSums));
        s_im[r] = InRegister(hn::Load(d, from + r * kRowOfSums + kLanes));
        d_re[r] = InRegister(hn::Load(d, from + r * kRowOfSums + 2 * kLanes));
        d_im[r] = InRegister(hn::Load(d, from + r * kRowOfSums + 3 * kLanes));
      }
      HWY_UNROLL(3)
      for (int t = 0; t < kGeneralTables; ++t) {
        const V b_re = InRegister(hn::Load(d, b + 2 * t * kLanes));
        const V b_im = InRegister(hn::Load(d, b + (2 * t + 1) * kLanes));
        HWY_UNROLL(2)
        for (int r = 0; r < kRows; ++r) {
          re[t][r] = hn::NegMulAdd(b_im, s_im[r], hn::MulAdd(b_re, s_re[r], re[t][r]));
          im[t][r] = hn::MulAdd(b_im, d_re[r], hn::MulAdd(b_re, d_im[r], im[t][r]));
        }
      }
    }
    HWY_UNROLL(3)
    for (int t = 0; t < kGeneralTables; ++t) {
      HWY_UNROLL(2)
      for (int r = 0; r < kRows; ++r) {
        hn::Store(re[t][r], d, rows + r * rows_step + 2 * t * kLanes + lane);
        hn::Store(im[t][r], d, rows + r * rows_step + (2 * t + 1) * kLanes + lane);
      }
    }
  }
}

// sums[unit][gradient] += what a row of all units adds, from their vertical tables.
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void AddTables(D d, const T* tables, const T* rows, int64_t units, int64_t lanes_used, T* sums) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>(), kUnit = GeneralScratch<T>::kUnit;
  for (int64_t i = 0; i < units; ++i) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      // Re(A_table · q_table)
      const auto product = [&](GeneralTable vertical, GeneralTable horizontal) HWY_ATTR {
        const T* a = tables + i * kUnit + vertical * 2 * kLanes + lane;
        const T* q = rows + i * kUnit + horizontal * 2 * kLanes + lane;
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
  FillGeneralTables<false>(d, fields, scratch.packed, all, kGeneralCellH, fields.horizontal(), ah, *job.circle_h, 0,
                           ah.half(), lanes_used, scratch.waves, scratch.basis, all * kUnit);
  constexpr int64_t kTogether = kWide;  // as registers allow
  for (int64_t u_begin = 0; u_begin < av.half(); u_begin += kGeneralRows) {
    const int64_t rows = std::min(kGeneralRows, av.half() - u_begin);
    std::fill_n(scratch.rows, rows * all * kUnit, T{0});
    for (int64_t v = 0; v < ah.half(); v += kGeneralFrequencies) {
      const int64_t frequencies = std::min(kGeneralFrequencies, ah.half() - v);
      for (int64_t r = 0; r < rows; ++r) {
        PrefetchSpectra(job, at, u_begin + r, v + frequencies, kGeneralFrequencies);
      }
      for (int64_t in = 0; in < in_count; in += kInputs) {
        for (int64_t r = 0; r < rows; ++r) {
          SumsOfFrequencies(d, job, at, u_begin + r, v, frequencies, in, scratch.pair,
                            scratch.sums + r * GeneralScratch<T>::kRowOfSums);
        }
        for (int64_t unit = in * units; unit < std::min(in + kInputs, in_count) * units; ++unit) {
          const T* from = scratch.sums + (unit / units - in) * 4 * kLanes;
          const T* basis = scratch.basis + (v * all + unit) * kUnit;
          T* to = scratch.rows + unit * kUnit;
          if (rows == kTogether) {
            ContractTables<kTogether>(d, basis, all * kUnit, from, frequencies, lanes_used, to, all * kUnit);
            continue;
          }
          for (int64_t r = 0; r < rows; ++r) {
            ContractTables<1>(d, basis, all * kUnit, from + r * GeneralScratch<T>::kRowOfSums, frequencies, lanes_used,
                              to + r * all * kUnit, 0);
          }
        }
      }
    }
    FillGeneralTables<false>(d, fields, scratch.packed, all, kGeneralCellV, fields.vertical(), av, *job.circle_v,
                             u_begin, rows, lanes_used, scratch.waves, scratch.a, all * kUnit);
    for (int64_t r = 0; r < rows; ++r) {
      AddTables(d, scratch.a + r * all * kUnit, scratch.rows + r * all * kUnit, all, lanes_used, sums);
    }
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
