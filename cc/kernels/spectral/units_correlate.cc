// The parameters' gradients by units. At fixed u, q_j = Σ_v basis(v)·factor_j(v)·C(u, v) serves all gradients of a
// unit; what depends on u follows once a row.
//   exact:     basis e^(iθv·cell); factors g, g·(e^(iθv) − 1), and for σ the same with ∂g/∂σ
//   gaussian:  basis B;            factors g, the spectrum of Eq. 16's derivative, and for σ ∂g/∂σ
#include "cc/kernels/spectral/correlate.h"

#include <algorithm>

#include "cc/kernels/base/arena.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/spectral/units_correlate.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/spectral/correlate-inl.h"
#include "cc/kernels/spectral/tables-inl.h"
#include "hwy/highway.h"

#ifndef DAU_SPECTRAL_UNITS_CORRELATE_ONCE_
#define DAU_SPECTRAL_UNITS_CORRELATE_ONCE_
namespace dau::spectral {

// A complex factor of one frequency.
template <typename T>
struct FactorValue {
  T re, im;
};

template <typename T>
struct UnitsCorrelateScratch {
  T *packed, *a, *basis, *rows, *sums, *pair;
  FactorValue<T>* factors;  // [half][kMaxFactors]

  UnitsCorrelateScratch(const CorrelateJob<T>& job, Arena& arena) {
    constexpr int64_t kLanes = FilterBlock<T>();
    const int64_t units = job.in_group * job.arrays.units;
    packed = arena.Take<T>(units * kUnitFields * kLanes);
    a = arena.Take<T>(units * 2 * kLanes);
    basis = arena.Take<T>(job.tiling.h.half() * units * 2 * kLanes);
    rows = arena.Take<T>(units * job.factors() * 2 * kLanes);
    sums = arena.Take<T>(kFrequencies * kInputs * 4 * kLanes);
    pair = arena.Take<T>(kInputs * 2 * kLanes);
    factors = arena.Take<FactorValue<T>>(job.tiling.h.half() * kMaxFactors);
  }
};

// factor_j(v), j < job.factors().
template <typename T>
void Factors(const CorrelateJob<T>& job, int64_t v, FactorValue<T>* factor) {
  const T smooth = job.blur_h.smooth[v], perimeter = job.sigma ? job.blur_h.perimeter[v] : T{0};
  factor[0] = {smooth, T{0}};
  if (job.kind == DisplacementGradient::kExact) {
    const T re = static_cast<T>(job.circle_h->cosine[v] - 1), im = static_cast<T>(job.circle_h->sine[v]);
    factor[1] = {smooth * re, smooth * im};
    factor[2] = {perimeter, T{0}};
    factor[3] = {perimeter * re, perimeter * im};
  } else {
    factor[1] = {T{0}, job.blur_h.derivative[v]};
    factor[2] = {perimeter, T{0}};
  }
}

}  // namespace dau::spectral
#endif  // DAU_SPECTRAL_UNITS_CORRELATE_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// What rows holds of a unit: kSigma adds what the perimeter's gradient needs.
template <bool kExact, bool kSigma>
constexpr int kFactorsOf = kSigma ? (kExact ? 4 : 3) : 2;

// rows[unit][factor][Re, Im][FilterBlock] += Σ_v basis(v)·factor(v)·C, for `kUnits` units of one input channel: Re from
// S, Im from D. factor: [v][kMaxFactors].
template <int kUnits, bool kExact, bool kSigma, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void Contract(D d, const T* basis, int64_t basis_step, const T* sums, const FactorValue<T>* factor,
                           int64_t frequencies, int64_t lanes_used, T* rows) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  constexpr int kFactors = kFactorsOf<kExact, kSigma>;
  for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
    V q[kUnits][kFactors][2];
    HWY_UNROLL(2)
    for (int k = 0; k < kUnits; ++k) {
      HWY_UNROLL(4)
      for (int f = 0; f < kFactors; ++f) {
        q[k][f][0] = hn::Load(d, rows + ((k * kFactors + f) * 2) * kLanes + lane);
        q[k][f][1] = hn::Load(d, rows + ((k * kFactors + f) * 2 + 1) * kLanes + lane);
      }
    }
    for (int64_t v = 0; v < frequencies; ++v) {
      const T* HWY_RESTRICT from = sums + v * kInputs * 4 * kLanes + lane;
      const T* HWY_RESTRICT b = basis + v * basis_step + lane;
      V b_re[kUnits], b_im[kUnits];
      HWY_UNROLL(2)
      for (int k = 0; k < kUnits; ++k) {
        b_re[k] = InRegister(hn::Load(d, b + 2 * k * kLanes));
        b_im[k] = InRegister(hn::Load(d, b + (2 * k + 1) * kLanes));
      }
      const V s_re = InRegister(hn::Load(d, from)), s_im = InRegister(hn::Load(d, from + kLanes));
      const V d_re = InRegister(hn::Load(d, from + 2 * kLanes)), d_im = InRegister(hn::Load(d, from + 3 * kLanes));
      const auto add = [&](int f, V fs_re, V fs_im, V fd_re, V fd_im) HWY_ATTR {
        HWY_UNROLL(2)
        for (int k = 0; k < kUnits; ++k) {
          q[k][f][0] = hn::NegMulAdd(b_im[k], fs_im, hn::MulAdd(b_re[k], fs_re, q[k][f][0]));
          q[k][f][1] = hn::MulAdd(b_im[k], fd_re, hn::MulAdd(b_re[k], fd_im, q[k][f][1]));
        }
      };
      const FactorValue<T>* at = factor + v * kMaxFactors;
      const auto add_real = [&](int f) HWY_ATTR {
        const V g = hn::Set(d, at[f].re);
        add(f, hn::Mul(g, s_re), hn::Mul(g, s_im), hn::Mul(g, d_re), hn::Mul(g, d_im));
      };
      const auto add_complex = [&](int f) HWY_ATTR {
        const V re = hn::Set(d, at[f].re), im = hn::Set(d, at[f].im);
        add(f, hn::NegMulAdd(s_im, im, hn::Mul(s_re, re)), hn::MulAdd(s_re, im, hn::Mul(s_im, re)),
            hn::NegMulAdd(d_im, im, hn::Mul(d_re, re)), hn::MulAdd(d_re, im, hn::Mul(d_im, re)));
      };
      add_real(0);
      if constexpr (kExact) {
        add_complex(1);
      } else {
        const V im = hn::Set(d, at[1].im);
        add(1, hn::Neg(hn::Mul(s_im, im)), hn::Mul(s_re, im), hn::Neg(hn::Mul(d_im, im)), hn::Mul(d_re, im));
      }
      if constexpr (kSigma) add_real(2);
      if constexpr (kSigma && kExact) add_complex(3);
    }
    HWY_UNROLL(2)
    for (int k = 0; k < kUnits; ++k) {
      HWY_UNROLL(4)
      for (int f = 0; f < kFactors; ++f) {
        hn::Store(q[k][f][0], d, rows + ((k * kFactors + f) * 2) * kLanes + lane);
        hn::Store(q[k][f][1], d, rows + ((k * kFactors + f) * 2 + 1) * kLanes + lane);
      }
    }
  }
}

// All units of one input channel.
template <bool kExact, bool kSigma, class D, typename T = hn::TFromD<D>>
HWY_INLINE void ContractUnits(D d, const T* basis, int64_t basis_step, const T* sums, const FactorValue<T>* factor,
                              int64_t frequencies, int64_t units, int64_t lanes_used, T* rows) {
  constexpr int64_t kLanes = FilterBlock<T>();
  constexpr int64_t kRow = kFactorsOf<kExact, kSigma> * 2 * kLanes;
  int64_t k = 0;
  for (; k + 2 <= units; k += 2) {
    Contract<2, kExact, kSigma>(d, basis + k * 2 * kLanes, basis_step, sums, factor, frequencies, lanes_used,
                                rows + k * kRow);
  }
  if (k < units) {
    Contract<1, kExact, kSigma>(d, basis + k * 2 * kLanes, basis_step, sums, factor, frequencies, lanes_used,
                                rows + k * kRow);
  }
}

// sums[unit][gradient] += what the row u of all units adds, from the vertical cells' roots `a`.
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void AddRow(D d, const CorrelateJob<T>& job, const UnitsCorrelateScratch<T>& scratch, int64_t units,
                         int64_t u, int64_t lanes_used, T* sums) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const bool exact = job.kind == DisplacementGradient::kExact;
  const int64_t factors = job.factors();
  const V step_re = hn::Set(d, static_cast<T>(job.circle_v->cosine[u] - 1)),
          step_im = hn::Set(d, static_cast<T>(job.circle_v->sine[u]));
  const V smooth = hn::Set(d, job.blur_v.smooth[u]);
  const V derivative = hn::Set(d, exact ? T{0} : job.blur_v.derivative[u]);
  const V perimeter = hn::Set(d, job.sigma ? job.blur_v.perimeter[u] : T{0});
  for (int64_t i = 0; i < units; ++i) {
    const T* packed = scratch.packed + i * kUnitFields * kLanes;
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      const T* q = scratch.rows + i * factors * 2 * kLanes + lane;
      const auto row = [&](int f) HWY_ATTR {
        return Complex<V>{hn::Load(d, q + 2 * f * kLanes), hn::Load(d, q + (2 * f + 1) * kLanes)};
      };
      const V fraction_h = hn::Load(d, packed + kFractionH * kLanes + lane);
      // With the exact kind's basis the second factor holds what the fraction interpolates towards.
      const auto interpolated = [&](int f) HWY_ATTR {
        const Complex<V> first = row(f);
        if (!exact) return first;
        const Complex<V> second = row(f + 1);
        return Complex<V>{hn::MulAdd(fraction_h, second.re, first.re), hn::MulAdd(fraction_h, second.im, first.im)};
      };
      const auto real_product = [](const Complex<V>& x, const Complex<V>& y)
                                    HWY_ATTR { return hn::NegMulAdd(x.im, y.im, hn::Mul(x.re, y.re)); };
      const V e_re = hn::Load(d, scratch.a + i * 2 * kLanes + lane);
      const V e_im = hn::Load(d, scratch.a + (i * 2 + 1) * kLanes + lane);
      const Complex<V> slope{hn::NegMulAdd(e_im, step_im, hn::Mul(e_re, step_re)),
                             hn::MulAdd(e_re, step_im, hn::Mul(e_im, step_re))};
      const V fraction_v = hn::Load(d, packed + kFractionV * kLanes + lane);
      const Complex<V> a{hn::MulAdd(fraction_v, slope.re, e_re), hn::MulAdd(fraction_v, slope.im, e_im)};

      const Complex<V> value = interpolated(0), horizontal = row(1);
      T* to = sums + i * kGradients * kLanes + lane;
      const auto add = [&](Gradient gradient, V v) HWY_ATTR {
        T* at = to + gradient * kLanes;
        hn::Store(hn::Add(hn::Load(d, at), v), d, at);
      };
      const V aligned = real_product(a, value);
      add(kOfWeight, hn::Mul(smooth, aligned));
      if (exact) {
        add(kOfVertical, hn::Mul(smooth, real_product(slope, value)));
      } else {
        // Re(a·i·value)
        const V turned = hn::Neg(hn::MulAdd(a.re, value.im, hn::Mul(a.im, value.re)));
        add(kOfVertical, hn::Mul(derivative, turned));
      }
      add(kOfHorizontal, hn::Mul(smooth, real_product(a, horizontal)));
      if (job.sigma) {
        const V of_h = real_product(a, interpolated(2));
        add(kOfSigma, hn::MulAdd(perimeter, aligned, hn::Mul(smooth, of_h)));
      }
    }
  }
}

template <typename T>
void UnitsCorrelateItem(const CorrelateJob<T>& job, int64_t item, T* memory) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = FilterBlock<T>();
  Arena arena(memory);
  const UnitsCorrelateScratch<T> scratch(job, arena);
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  const int64_t units = job.arrays.units;
  const int factors = static_cast<int>(job.factors());
  const int64_t group = item % job.filter_groups(), out = group * kLanes;
  const int64_t lanes_used = std::min<int64_t>(kLanes, RoundUp(job.arrays.out_channels - out, hn::Lanes(d)));
  const int64_t in_begin = item / job.filter_groups() * job.in_group;
  const int64_t in_count = std::min(job.in_group, job.arrays.in_channels - in_begin);
  const CorrelatePlace at{group, in_begin, in_count, lanes_used};
  const int64_t basis_step = in_count * units * 2 * kLanes;
  T* const sums = job.sums + (group * job.arrays.in_channels + in_begin) * units * kGradients * kLanes;
  if (!job.add) std::fill_n(sums, in_count * units * kGradients * kLanes, T{0});

  PackUnits(d, job.arrays, job.tiling, in_begin, in_count, out, scratch.packed);
  for (int64_t v = 0; v < ah.half(); ++v) {
    FillTable(d, job.kind == DisplacementGradient::kExact ? Factor::kCell : Factor::kInterpolated, scratch.packed,
              in_count * units, kCellH, ah, *job.circle_h, v, lanes_used, scratch.basis + v * basis_step);
  }
  for (int64_t v = 0; v < ah.half(); ++v) Factors(job, v, scratch.factors + v * kMaxFactors);
  for (int64_t u = 0; u < av.half(); ++u) {
    std::fill_n(scratch.rows, in_count * units * factors * 2 * kLanes, T{0});
    for (int64_t v_begin = 0; v_begin < ah.half(); v_begin += kFrequencies) {
      const int64_t frequencies = std::min(kFrequencies, ah.half() - v_begin);
      PrefetchSpectra(job, at, u, v_begin + frequencies, kFrequencies);
      for (int64_t in = 0; in < in_count; in += kInputs) {
        SumsOfFrequencies(d, job, at, u, v_begin, frequencies, in, scratch.pair, scratch.sums);
        for (int64_t c = 0; c < std::min(kInputs, in_count - in); ++c) {
          const int64_t unit = (in + c) * units;
          const T* basis = scratch.basis + v_begin * basis_step + unit * 2 * kLanes;
          const auto contract = [&](auto exact, auto sigma) HWY_ATTR {
            ContractUnits<decltype(exact)::value, decltype(sigma)::value>(
                d, basis, basis_step, scratch.sums + c * 4 * kLanes, scratch.factors + v_begin * kMaxFactors,
                frequencies, units, lanes_used, scratch.rows + unit * factors * 2 * kLanes);
          };
          const std::true_type yes;
          const std::false_type no;
          const bool exact = job.kind == DisplacementGradient::kExact;
          if (exact && job.sigma) {
            contract(yes, yes);
          } else if (exact) {
            contract(yes, no);
          } else if (job.sigma) {
            contract(no, yes);
          } else {
            contract(no, no);
          }
        }
      }
    }
    FillTable(d, Factor::kCell, scratch.packed, in_count * units, kCellV, av, *job.circle_v, u, lanes_used, scratch.a);
    AddRow(d, job, scratch, in_count * units, u, lanes_used, sums);
  }
}

void UnitsCorrelateF32(const CorrelateJob<float>& job, int64_t item, float* scratch) {
  UnitsCorrelateItem(job, item, scratch);
}
void UnitsCorrelateF64(const CorrelateJob<double>& job, int64_t item, double* scratch) {
  UnitsCorrelateItem(job, item, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::spectral {
HWY_EXPORT(UnitsCorrelateF32);
HWY_EXPORT(UnitsCorrelateF64);

template <>
void UnitsCorrelate(const CorrelateJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(UnitsCorrelateF32)(job, item, scratch);
}
template <>
void UnitsCorrelate(const CorrelateJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(UnitsCorrelateF64)(job, item, scratch);
}
template <typename T>
int64_t UnitsCorrelateScratchSize(const CorrelateJob<T>& job) {
  Arena arena;
  const UnitsCorrelateScratch<T> counted(job, arena);
  (void)counted;
  return static_cast<int64_t>(arena.used() / sizeof(T));
}
template int64_t UnitsCorrelateScratchSize(const CorrelateJob<float>&);
template int64_t UnitsCorrelateScratchSize(const CorrelateJob<double>&);

}  // namespace dau::spectral
#endif  // HWY_ONCE
