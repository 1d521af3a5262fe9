#include "cc/kernels/spectral/correlate.h"

#include <algorithm>
#include <cmath>

#include "cc/kernels/base/arena.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/spectral/correlate.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/spectral/product-inl.h"
#include "cc/kernels/spectral/tables-inl.h"
#include "hwy/highway.h"

#ifndef DAU_SPECTRAL_CORRELATE_ONCE_
#define DAU_SPECTRAL_CORRELATE_ONCE_
namespace dau::spectral {

// Horizontal frequencies and input channels whose correlations stay in the L1 cache: 4·4·(2 factors)·4·128 bytes.
constexpr int64_t kFrequencies = 4, kInputs = 4;

// A complex factor of one frequency.
template <typename T>
struct FactorValue {
  T re, im;
};

template <typename T>
struct CorrelateScratch {
  T *packed, *a, *basis, *rows, *products, *pair;
  FactorValue<T>* factors;  // [half][kMaxFactors]

  CorrelateScratch(const CorrelateJob<T>& job, Arena& arena) {
    constexpr int64_t kLanes = FilterBlock<T>();
    const int64_t units = job.in_group * job.arrays.units;
    packed = arena.Take<T>(units * kUnitFields * kLanes);
    a = arena.Take<T>(units * 2 * kLanes);
    basis = arena.Take<T>(job.tiling.h.half() * units * 2 * kLanes);
    rows = arena.Take<T>(units * job.factors() * 2 * kLanes);
    products = arena.Take<T>(kFrequencies * kInputs * job.factors() * 4 * kLanes);
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
    const double angle = 6.283185307179586476925 * static_cast<double>(v) / static_cast<double>(job.tiling.h.length);
    const T re = static_cast<T>(std::cos(angle) - 1), im = static_cast<T>(std::sin(angle));
    factor[1] = {smooth * re, smooth * im};
    factor[2] = {perimeter, T{0}};
    factor[3] = {perimeter * re, perimeter * im};
  } else {
    factor[1] = {T{0}, job.blur_h.derivative[v]};
    factor[2] = {perimeter, T{0}};
  }
}

}  // namespace dau::spectral
#endif  // DAU_SPECTRAL_CORRELATE_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// C of kInputs input channels at one frequency: the sums over the tiles.
template <int kVectors, class D, typename T = hn::TFromD<D>>
HWY_INLINE void CorrelateTiles(D d, const T* dy, const T* x, int64_t tile_count, hn::Vec<D> (&re)[kInputs][kVectors],
                               hn::Vec<D> (&im)[kInputs][kVectors]) {
  Sums<kVectors, kInputs, hn::Vec<D>> sums;
  Clear(d, sums);
  MultiplyAdd<kVectors, kInputs, 3 * kBlock, 1, kBlock>(d, dy, FilterBlock<T>(), x, tile_count, sums);
  HWY_UNROLL(4)
  for (int c = 0; c < kInputs; ++c) {
    HWY_UNROLL(2)
    for (int j = 0; j < kVectors; ++j) {
      re[c][j] = hn::Sub(sums.part[c][0][j], sums.part[c][1][j]);
      im[c][j] = hn::Add(sums.part[c][0][j], sums.part[c][2][j]);
    }
  }
}

// products[input][factor][S_re, S_im, D_re, D_im][FilterBlock] for kVectors vectors of filters: of C at u and at −u the
// sum S and the difference D, times each factor. `minus` is null where −u is another frequency's conjugate.
template <int kVectors, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void MakeProducts(D d, const T* dy, const T* dy_minus, const T* x, const T* x_minus, int64_t tile_count,
                               const FactorValue<T>* factor, int factors, T* pair, T* products) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t lanes = hn::Lanes(d);
  V re[kInputs][kVectors], im[kInputs][kVectors];
  CorrelateTiles<kVectors>(d, dy, x, tile_count, re, im);
  if (x_minus != nullptr) {
    for (int c = 0; c < kInputs; ++c) {
      for (int j = 0; j < kVectors; ++j) {
        hn::Store(re[c][j], d, pair + 2 * c * kLanes + j * lanes);
        hn::Store(im[c][j], d, pair + (2 * c + 1) * kLanes + j * lanes);
      }
    }
    CorrelateTiles<kVectors>(d, dy_minus, x_minus, tile_count, re, im);
  }
  for (int c = 0; c < kInputs; ++c) {
    for (int j = 0; j < kVectors; ++j) {
      V s_re = re[c][j], s_im = im[c][j], d_re = s_re, d_im = s_im;
      if (x_minus != nullptr) {
        const V p_re = hn::Load(d, pair + 2 * c * kLanes + j * lanes);
        const V p_im = hn::Load(d, pair + (2 * c + 1) * kLanes + j * lanes);
        d_re = hn::Sub(p_re, s_re);
        d_im = hn::Sub(p_im, s_im);
        s_re = hn::Add(p_re, s_re);
        s_im = hn::Add(p_im, s_im);
      }
      for (int f = 0; f < factors; ++f) {
        T* to = products + (c * factors + f) * 4 * kLanes + j * lanes;
        const V f_re = hn::Set(d, factor[f].re), f_im = hn::Set(d, factor[f].im);
        hn::Store(hn::NegMulAdd(s_im, f_im, hn::Mul(s_re, f_re)), d, to);
        hn::Store(hn::MulAdd(s_re, f_im, hn::Mul(s_im, f_re)), d, to + kLanes);
        hn::Store(hn::NegMulAdd(d_im, f_im, hn::Mul(d_re, f_re)), d, to + 2 * kLanes);
        hn::Store(hn::MulAdd(d_re, f_im, hn::Mul(d_im, f_re)), d, to + 3 * kLanes);
      }
    }
  }
}

// rows[unit][factor][Re, Im][FilterBlock] += Σ_v basis(v)·products(v), for `kUnits` units of one input channel.
template <int kUnits, int kFactors, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void Contract(D d, const T* basis, int64_t basis_step, const T* products, int64_t product_step,
                           int64_t frequencies, int64_t lanes_used, T* rows) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
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
      const T* HWY_RESTRICT p = products + v * product_step + lane;
      const T* HWY_RESTRICT b = basis + v * basis_step + lane;
      V b_re[kUnits], b_im[kUnits];
      HWY_UNROLL(2)
      for (int k = 0; k < kUnits; ++k) {
        b_re[k] = InRegister(hn::Load(d, b + 2 * k * kLanes));
        b_im[k] = InRegister(hn::Load(d, b + (2 * k + 1) * kLanes));
      }
      HWY_UNROLL(4)
      for (int f = 0; f < kFactors; ++f) {
        V s_re = InRegister(hn::Load(d, p + 4 * f * kLanes)), s_im = InRegister(hn::Load(d, p + (4 * f + 1) * kLanes));
        V d_re = InRegister(hn::Load(d, p + (4 * f + 2) * kLanes)), d_im = InRegister(hn::Load(d, p + (4 * f + 3) * kLanes));
        HWY_UNROLL(2)
        for (int k = 0; k < kUnits; ++k) {
          q[k][f][0] = hn::NegMulAdd(b_im[k], s_im, hn::MulAdd(b_re[k], s_re, q[k][f][0]));
          q[k][f][1] = hn::MulAdd(b_im[k], d_re, hn::MulAdd(b_re[k], d_im, q[k][f][1]));
        }
      }
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
template <int kFactors, class D, typename T = hn::TFromD<D>>
HWY_INLINE void ContractUnits(D d, const T* basis, int64_t basis_step, const T* products, int64_t product_step,
                              int64_t frequencies, int64_t units, int64_t lanes_used, T* rows) {
  constexpr int64_t kLanes = FilterBlock<T>();
  int64_t k = 0;
  for (; k + 2 <= units; k += 2) {
    Contract<2, kFactors>(d, basis + k * 2 * kLanes, basis_step, products, product_step, frequencies, lanes_used,
                          rows + k * kFactors * 2 * kLanes);
  }
  if (k < units) {
    Contract<1, kFactors>(d, basis + k * 2 * kLanes, basis_step, products, product_step, frequencies, lanes_used,
                          rows + k * kFactors * 2 * kLanes);
  }
}

// sums[unit][gradient] += what the row u of all units adds, from the vertical cells' roots `a`.
template <class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void AddRow(D d, const CorrelateJob<T>& job, const CorrelateScratch<T>& scratch, int64_t units, int64_t u,
                         int64_t lanes_used, T* sums) {
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
void CorrelateItem(const CorrelateJob<T>& job, int64_t item, T* memory) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = FilterBlock<T>();
  Arena arena(memory);
  const CorrelateScratch<T> scratch(job, arena);
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  const int64_t lanes = hn::Lanes(d), units = job.arrays.units;
  const int factors = static_cast<int>(job.factors());
  const int64_t group = item % job.filter_groups(), out = group * kLanes;
  const int64_t lanes_used = std::min(kLanes, RoundUp(job.arrays.out_channels - out, lanes));
  const int64_t in_begin = item / job.filter_groups() * job.in_group;
  const int64_t in_count = std::min(job.in_group, job.arrays.in_channels - in_begin);
  const int64_t basis_step = in_count * units * 2 * kLanes, product_step = kInputs * factors * 4 * kLanes;
  T* const sums = job.sums + (group * job.arrays.in_channels + in_begin) * units * kGradients * kLanes;
  if (!job.add) std::fill_n(sums, in_count * units * kGradients * kLanes, T{0});

  PackUnits(d, job.arrays, job.tiling, in_begin, in_count, out, scratch.packed);
  for (int64_t v = 0; v < ah.half(); ++v) {
    FillTable(d, job.kind == DisplacementGradient::kExact ? Factor::kCell : Factor::kInterpolated, scratch.packed,
              in_count * units, kCellH, ah, *job.circle_h, v, lanes_used, scratch.basis + v * basis_step);
  }
  for (int64_t v = 0; v < ah.half(); ++v) Factors(job, v, scratch.factors + v * kMaxFactors);
  for (int64_t u = 0; u < av.half(); ++u) {
    const bool middle = u > 0 && u < av.length / 2;
    std::fill_n(scratch.rows, in_count * units * factors * 2 * kLanes, T{0});
    for (int64_t v_begin = 0; v_begin < ah.half(); v_begin += kFrequencies) {
      const int64_t frequencies = std::min(kFrequencies, ah.half() - v_begin);
      for (int64_t v = v_begin + kFrequencies; v < std::min(v_begin + 2 * kFrequencies, ah.half() - 1); ++v) {
        const int64_t slot = job.tiling.first_slot(v) + job.tiling.slot_of(u, false);
        for (int sign = 0; sign < (middle ? 2 : 1); ++sign) {
          PrefetchToL2(job.x + (slot + sign) * job.x_slot_size() + in_begin * job.tile_count * 3,
                       in_count * job.tile_count * 3);
          PrefetchToL2(job.dy + (slot + sign) * job.dy_slot_size() + group * job.tile_count * 2 * kLanes,
                       job.tile_count * 2 * kLanes);
        }
      }
      for (int64_t in = 0; in < in_count; in += kInputs) {
        const int64_t channel = in_begin + in;
        for (int64_t i = 0; i < frequencies; ++i) {
          const int64_t v = v_begin + i;
          const bool edge = job.tiling.edge(v), both = middle && !edge;
          const int64_t slot = job.tiling.first_slot(v) + job.tiling.slot_of(u, edge);
          FactorValue<T> factor[kMaxFactors];
          // The four frequencies that are their own conjugates count once, all others twice.
          const T share = edge && !middle ? T(0.5) : T{1};
          for (int f = 0; f < factors; ++f) {
            const FactorValue<T>& whole = scratch.factors[v * kMaxFactors + f];
            factor[f] = {share * whole.re, share * whole.im};
          }
          const T* x =
              job.x + slot * job.x_slot_size() + channel / kBlock * job.tile_count * 3 * kBlock + channel % kBlock;
          const T* x_minus = both ? x + job.x_slot_size() : nullptr;
          const T* dy = job.dy + slot * job.dy_slot_size() + group * job.tile_count * 2 * kLanes;
          T* const products = scratch.products + i * product_step;
          int64_t lane = 0;
          for (; lane + kWide * lanes <= lanes_used; lane += kWide * lanes) {
            MakeProducts<kWide>(d, dy + lane, dy + job.dy_slot_size() + lane, x, x_minus, job.tile_count, factor,
                                factors, scratch.pair + lane, products + lane);
          }
          if (lane < lanes_used) {
            MakeProducts<1>(d, dy + lane, dy + job.dy_slot_size() + lane, x, x_minus, job.tile_count, factor, factors,
                            scratch.pair + lane, products + lane);
          }
        }
        for (int64_t c = 0; c < std::min(kInputs, in_count - in); ++c) {
          const int64_t unit = (in + c) * units;
          const T* basis = scratch.basis + v_begin * basis_step + unit * 2 * kLanes;
          const T* products = scratch.products + c * factors * 4 * kLanes;
          T* rows = scratch.rows + unit * factors * 2 * kLanes;
          if (factors == 2) {
            ContractUnits<2>(d, basis, basis_step, products, product_step, frequencies, units, lanes_used, rows);
          } else if (factors == 3) {
            ContractUnits<3>(d, basis, basis_step, products, product_step, frequencies, units, lanes_used, rows);
          } else {
            ContractUnits<4>(d, basis, basis_step, products, product_step, frequencies, units, lanes_used, rows);
          }
        }
      }
    }
    FillTable(d, Factor::kCell, scratch.packed, in_count * units, kCellV, av, *job.circle_v, u, lanes_used, scratch.a);
    AddRow(d, job, scratch, in_count * units, u, lanes_used, sums);
  }
}

void CorrelateF32(const CorrelateJob<float>& job, int64_t item, float* scratch) { CorrelateItem(job, item, scratch); }
void CorrelateF64(const CorrelateJob<double>& job, int64_t item, double* scratch) { CorrelateItem(job, item, scratch); }

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::spectral {
HWY_EXPORT(CorrelateF32);
HWY_EXPORT(CorrelateF64);

template <>
void Correlate(const CorrelateJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(CorrelateF32)(job, item, scratch);
}
template <>
void Correlate(const CorrelateJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(CorrelateF64)(job, item, scratch);
}
template <typename T>
int64_t CorrelateJob<T>::ScratchSize() const {
  Arena arena;
  const CorrelateScratch<T> counted(*this, arena);
  (void)counted;
  return static_cast<int64_t>(arena.used() / sizeof(T));
}
template struct CorrelateJob<float>;
template struct CorrelateJob<double>;

}  // namespace dau::spectral
#endif  // HWY_ONCE
