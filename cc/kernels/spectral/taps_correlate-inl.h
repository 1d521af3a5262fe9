// Correlations at the taps' places, from the correlation spectrum, and the units' gradients from those: taps-inl.h
// turned around. For each instruction set. Lanes are output channels.
//
// With S and D the sum and the difference of C at (u, v) and (−u, v), the correlation at (p, q) is
//   R(p, q) = Σ_u cos(up)·[Σ_v cos(vq)·Re S − sin(vq)·Im S] − sin(up)·[Σ_v cos(vq)·Im D + sin(vq)·Re D].
// A row holds the inner sums of one u, (Re S, Im D) with the cosines, (Im S, Re D) with the sines, as a column of taps
// holds (Re, Im) of what is even and odd in q; all but the first with their minus sign.
#if defined(DAU_CC_KERNELS_SPECTRAL_TAPS_CORRELATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_TAPS_CORRELATE_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_TAPS_CORRELATE_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_TAPS_CORRELATE_INL_H_
#endif

#include <cstdint>

#include "cc/kernels/spectral/correlate.h"
#include "cc/kernels/spectral/taps-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// What a frequency and its partner hold together: what meets the waves of even, and of odd multiples.
template <class V>
struct Folded {
  V even, odd;

  HWY_INLINE Folded() {}  // see Complex in fft-inl.h
  HWY_INLINE Folded(V even, V odd) : even(even), odd(odd) {}
};
// value·gain and its partner's. The partner's cosines have the same sign at even multiples, the sines at odd ones.
template <bool kSine, class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE Folded<V> Fold(D d, V value, V gain, const T* HWY_RESTRICT partner, V partner_gain) {
  const V other = hn::Mul(hn::Load(d, partner), partner_gain);
  const V sum = hn::MulAdd(value, gain, other), difference = hn::MulSub(value, gain, other);
  if constexpr (kSine) return {difference, sum};
  return {sum, difference};
}

// row[slot of q][Re S, Im D or Im S, Re D][FilterBlock] +=, or = where they are the first, what `pairs` pairs of
// frequencies hold, of one input channel and q in [first_q, first_q + kQs), first_q odd. sums: [pair][v, P/2 −
// v][kInputs][Re S, Im S, Re D, Im D] [FilterBlock]. kTurned: the spectrum times i·gain, of Eq. 16's derivative.
template <int kQs, bool kTurned, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void AddWaves(D d, const T* HWY_RESTRICT sums, const GainPair<T>* HWY_RESTRICT gains,
                           const T* HWY_RESTRICT waves, int64_t wave_step, int64_t pairs, int64_t first_q,
                           int64_t lanes_used, bool first, T* HWY_RESTRICT row) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>(), kFrequency = kInputs * 4 * kLanes;
  T* const columns = row + (2 * first_q - 1) * 2 * kLanes;
  for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
    V s_re[kQs], d_im[kQs], s_im[kQs], d_re[kQs];
    V zero_re = hn::Zero(d), zero_im = hn::Zero(d);
    HWY_UNROLL(4)
    for (int i = 0; i < kQs; ++i) {
      const T* from = columns + i * 4 * kLanes + lane;
      s_re[i] = first ? hn::Zero(d) : hn::Load(d, from);
      d_im[i] = first ? hn::Zero(d) : hn::Load(d, from + kLanes);
      s_im[i] = first ? hn::Zero(d) : hn::Load(d, from + 2 * kLanes);
      d_re[i] = first ? hn::Zero(d) : hn::Load(d, from + 3 * kLanes);
    }
    const T* HWY_RESTRICT at = sums + lane;
    const T* HWY_RESTRICT wave = waves + 2 * (first_q - 1);
    for (int64_t v = 0; v < pairs; ++v, at += 2 * kFrequency, wave += wave_step) {
      const V gain = hn::Set(d, gains[v].own), partner_gain = hn::Set(d, gains[v].partner);
      const T* HWY_RESTRICT partner = at + kFrequency;
      Folded<V> a, b, e, f;  // Re S, Im D, Im S, Re D
      if constexpr (kTurned) {
        const V minus = hn::Neg(gain), partner_minus = hn::Neg(partner_gain);
        a = Fold<false>(d, hn::Load(d, at + kLanes), minus, partner + kLanes, partner_minus);
        b = Fold<false>(d, hn::Load(d, at + 2 * kLanes), gain, partner + 2 * kLanes, partner_gain);
        e = Fold<true>(d, hn::Load(d, at), gain, partner, partner_gain);
        f = Fold<true>(d, hn::Load(d, at + 3 * kLanes), minus, partner + 3 * kLanes, partner_minus);
      } else {
        a = Fold<false>(d, hn::Load(d, at), gain, partner, partner_gain);
        b = Fold<false>(d, hn::Load(d, at + 3 * kLanes), gain, partner + 3 * kLanes, partner_gain);
        e = Fold<true>(d, hn::Load(d, at + kLanes), gain, partner + kLanes, partner_gain);
        f = Fold<true>(d, hn::Load(d, at + 2 * kLanes), gain, partner + 2 * kLanes, partner_gain);
      }
      zero_re = hn::Add(zero_re, a.even);
      zero_im = hn::Add(zero_im, b.even);
      HWY_UNROLL(4)
      for (int i = 0; i < kQs; ++i) {
        const V cosine = InRegister(hn::Set(d, wave[2 * i])), sine = InRegister(hn::Set(d, wave[2 * i + 1]));
        const bool odd = i % 2 == 0;
        s_re[i] = hn::MulAdd(odd ? a.odd : a.even, cosine, s_re[i]);
        d_im[i] = hn::NegMulAdd(odd ? b.odd : b.even, cosine, d_im[i]);
        s_im[i] = hn::NegMulAdd(odd ? e.odd : e.even, sine, s_im[i]);
        d_re[i] = hn::NegMulAdd(odd ? f.odd : f.even, sine, d_re[i]);
      }
    }
    HWY_UNROLL(4)
    for (int i = 0; i < kQs; ++i) {
      T* to = columns + i * 4 * kLanes + lane;
      hn::Store(s_re[i], d, to);
      hn::Store(d_im[i], d, to + kLanes);
      hn::Store(s_im[i], d, to + 2 * kLanes);
      hn::Store(d_re[i], d, to + 3 * kLanes);
    }
    if (first_q > 1) continue;
    T* const to = row + lane;
    hn::Store(first ? zero_re : hn::Add(hn::Load(d, to), zero_re), d, to);
    hn::Store(first ? hn::Neg(zero_im) : hn::Sub(hn::Load(d, to + kLanes), zero_im), d, to + kLanes);
  }
}

// taps[slot of q][slot of p][FilterBlock] += what the rows u and P/2 − u of kRows neighbouring frequencies hold.
// rows: [2·i, or 2·i + 1 for the partner][slot of q][2][FilterBlock], row_step apart. kTurned: times i·gain.
template <int kRows, bool kTurned, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void AddRows(D d, const T* HWY_RESTRICT rows, int64_t row_step, const GainPair<T>* HWY_RESTRICT gains,
                          int64_t slots_h, int64_t reach, const T* HWY_RESTRICT waves, int64_t wave_step,
                          int64_t lanes_used, T* HWY_RESTRICT taps) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  for (int64_t h = 0; h < slots_h; ++h, taps += (2 * reach + 1) * kLanes, rows += 2 * kLanes) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      Folded<V> cosines[kRows], sines[kRows];
      V middle = hn::Load(d, taps + lane);
      HWY_UNROLL(2)
      for (int i = 0; i < kRows; ++i) {
        const T* own = rows + 2 * i * row_step + lane;
        const T* partner = own + row_step;
        const V gain = hn::Set(d, gains[i].own), partner_gain = hn::Set(d, gains[i].partner);
        if constexpr (kTurned) {
          cosines[i] = Fold<false>(d, hn::Load(d, own + kLanes), gain, partner + kLanes, partner_gain);
          sines[i] = Fold<true>(d, hn::Load(d, own), hn::Neg(gain), partner, hn::Neg(partner_gain));
        } else {
          cosines[i] = Fold<false>(d, hn::Load(d, own), gain, partner, partner_gain);
          sines[i] = Fold<true>(d, hn::Load(d, own + kLanes), gain, partner + kLanes, partner_gain);
        }
        middle = hn::Add(middle, cosines[i].even);
      }
      hn::Store(middle, d, taps + lane);
      T* HWY_RESTRICT to = taps + kLanes + lane;
      for (int64_t p = 1; p <= reach; ++p, to += 2 * kLanes) {
        V cosine_sum = hn::Load(d, to), sine_sum = hn::Load(d, to + kLanes);
        HWY_UNROLL(2)
        for (int i = 0; i < kRows; ++i) {
          const T* HWY_RESTRICT w = waves + i * wave_step + 2 * (p - 1);
          const bool odd = p % 2 == 1;
          cosine_sum = hn::MulAdd(odd ? cosines[i].odd : cosines[i].even, hn::Set(d, w[0]), cosine_sum);
          sine_sum = hn::MulAdd(odd ? sines[i].odd : sines[i].even, hn::Set(d, w[1]), sine_sum);
        }
        hn::Store(cosine_sum, d, to);
        hn::Store(sine_sum, d, to + kLanes);
      }
    }
  }
}

// What units with one input channel gather from its correlations: sums[unit][gradient][FilterBlock] +=. taps:
// [field][slot of q][slot of p][FilterBlock]: with the blur; for Eq. 16 with its derivative in the place of the
// vertical, of the horizontal blur; for σ with the blur's derivative by it.
template <bool kExact, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void GatherUnits(D d, const CorrelateJob<T>& job, const T* HWY_RESTRICT packed, int64_t field_size,
                              int64_t lanes_used, const T* HWY_RESTRICT taps, T* HWY_RESTRICT sums) {
  using V = hn::Vec<D>;
  const hn::RebindToSigned<D> whole;
  constexpr int64_t kLanes = FilterBlock<T>();
  for (int64_t k = 0; k < job.arrays.units; ++k, packed += kUnitFields * kLanes, sums += kGradients * kLanes) {
    for (int64_t lane = 0; lane < lanes_used; lane += hn::Lanes(d)) {
      V place[4];
      FindCorners(d, packed, job.tiling, lane, place);
      const auto near_up = hn::ConvertTo(whole, place[0]), near_down = hn::ConvertTo(whole, place[1]);
      const auto far_up = hn::ConvertTo(whole, place[2]), far_down = hn::ConvertTo(whole, place[3]);
      const V fraction_v = hn::Load(d, packed + kFractionV * kLanes + lane);
      const V fraction_h = hn::Load(d, packed + kFractionH * kLanes + lane);
      const auto add = [d, to = sums + lane](Gradient gradient, V v) HWY_ATTR {
        T* at = to + gradient * kLanes;
        hn::Store(hn::Add(hn::Load(d, at), v), d, at);
      };
      const auto between = [](V fraction, V first, V second)
                               HWY_ATTR { return hn::MulAdd(fraction, hn::Sub(second, first), first); };
      const V a = hn::GatherIndex(d, taps, near_up), b = hn::GatherIndex(d, taps, near_down);
      const V e = hn::GatherIndex(d, taps, far_up), f = hn::GatherIndex(d, taps, far_down);
      const V near = between(fraction_v, a, b), far = between(fraction_v, e, f);
      add(kOfWeight, between(fraction_h, near, far));
      const auto interpolated = [=](const T* field) HWY_ATTR {
        const V at_near = between(fraction_v, hn::GatherIndex(d, field, near_up), hn::GatherIndex(d, field, near_down));
        const V at_far = between(fraction_v, hn::GatherIndex(d, field, far_up), hn::GatherIndex(d, field, far_down));
        return between(fraction_h, at_near, at_far);
      };
      if constexpr (kExact) {
        add(kOfVertical, between(fraction_h, hn::Sub(b, a), hn::Sub(f, e)));
        add(kOfHorizontal, hn::Sub(far, near));
      } else {
        add(kOfVertical, interpolated(taps + field_size));
        add(kOfHorizontal, interpolated(taps + 2 * field_size));
      }
      if (job.sigma) add(kOfSigma, interpolated(taps + (job.tap_fields() - 1) * field_size));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_TAPS_CORRELATE_INL_H_
