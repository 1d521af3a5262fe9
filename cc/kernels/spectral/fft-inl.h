// Complex transforms whose samples are vectors: each lane is a channel of its own. Included once for each instruction
// set, by the files that foreach_target.h repeats.
//
//   X(k) = Σ_n x(n)·e^(−2πi·kn/P)   by Stockham's passes; the inverse swaps Re and Im before and after.
#if defined(DAU_CC_KERNELS_SPECTRAL_FFT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_FFT_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_FFT_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_FFT_INL_H_
#endif

#include <cmath>

#include "cc/kernels/spectral/fft_plan.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Constructors of its own: an implicit one would be compiled without the instruction set, and NEON's vectors refuse
// that.
template <class V>
struct Complex {
  V re, im;

  HWY_INLINE Complex() {}
  HWY_INLINE Complex(V re, V im) : re(re), im(im) {}
};
template <class V>
HWY_INLINE Complex<V> Add(const Complex<V>& a, const Complex<V>& b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
template <class V>
HWY_INLINE Complex<V> Sub(const Complex<V>& a, const Complex<V>& b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}
// a + i·b and a − i·b.
template <class V>
HWY_INLINE Complex<V> AddI(const Complex<V>& a, const Complex<V>& b) {
  return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)};
}
template <class V>
HWY_INLINE Complex<V> SubI(const Complex<V>& a, const Complex<V>& b) {
  return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)};
}

// cos and sin of 2π·j/R, j < R.
template <int R>
struct Roots {
  double cosine[R], sine[R];
  Roots() {
    for (int j = 0; j < R; ++j) {
      cosine[j] = std::cos(6.283185307179586476925 * j / R);
      sine[j] = std::sin(6.283185307179586476925 * j / R);
    }
  }
};

// In place: x becomes its transform of R samples. R odd here; the others below.
template <int R>
struct Dft {
  template <class D, class V>
  static HWY_INLINE void Run(D d, Complex<V> (&x)[R]) {
    using T = hn::TFromD<D>;
    constexpr int kHalf = (R - 1) / 2;
    static const Roots<R> roots;
    Complex<V> sum[kHalf], difference[kHalf], y[R];
    y[0] = x[0];
    HWY_UNROLL(6)
    for (int j = 0; j < kHalf; ++j) {
      sum[j] = Add(x[j + 1], x[R - 1 - j]);
      difference[j] = Sub(x[j + 1], x[R - 1 - j]);
      y[0] = Add(y[0], sum[j]);
    }
    HWY_UNROLL(6)
    for (int k = 1; k <= kHalf; ++k) {
      Complex<V> even = x[0], odd{hn::Zero(d), hn::Zero(d)};
      HWY_UNROLL(6)
      for (int j = 0; j < kHalf; ++j) {
        const V c = hn::Set(d, static_cast<T>(roots.cosine[k * (j + 1) % R]));
        const V s = hn::Set(d, static_cast<T>(roots.sine[k * (j + 1) % R]));
        even.re = hn::MulAdd(c, sum[j].re, even.re);
        even.im = hn::MulAdd(c, sum[j].im, even.im);
        odd.re = j == 0 ? hn::Mul(s, difference[j].re) : hn::MulAdd(s, difference[j].re, odd.re);
        odd.im = j == 0 ? hn::Mul(s, difference[j].im) : hn::MulAdd(s, difference[j].im, odd.im);
      }
      y[k] = SubI(even, odd);
      y[R - k] = AddI(even, odd);
    }
    HWY_UNROLL(13)
    for (int k = 0; k < R; ++k) x[k] = y[k];
  }
};

template <>
struct Dft<2> {
  template <class D, class V>
  static HWY_INLINE void Run(D, Complex<V> (&x)[2]) {
    const Complex<V> a = x[0];
    x[0] = Add(a, x[1]);
    x[1] = Sub(a, x[1]);
  }
};

template <>
struct Dft<4> {
  template <class D, class V>
  static HWY_INLINE void Run(D, Complex<V> (&x)[4]) {
    const Complex<V> a = Add(x[0], x[2]), b = Sub(x[0], x[2]), c = Add(x[1], x[3]), e = Sub(x[1], x[3]);
    x[0] = Add(a, c);
    x[1] = SubI(b, e);
    x[2] = Sub(a, c);
    x[3] = AddI(b, e);
  }
};

// 6 = 2·3 without twiddles: sample n = (3·a + 2·b) mod 6, frequency k = (3·a + 4·b) mod 6.
template <>
struct Dft<6> {
  template <class D, class V>
  static HWY_INLINE void Run(D d, Complex<V> (&x)[6]) {
    Complex<V> even[3] = {x[0], x[2], x[4]}, odd[3] = {x[3], x[5], x[1]};
    Dft<3>::Run(d, even);
    Dft<3>::Run(d, odd);
    x[0] = Add(even[0], odd[0]);
    x[3] = Sub(even[0], odd[0]);
    x[4] = Add(even[1], odd[1]);
    x[1] = Sub(even[1], odd[1]);
    x[2] = Add(even[2], odd[2]);
    x[5] = Sub(even[2], odd[2]);
  }
};

template <>
struct Dft<8> {
  template <class D, class V>
  static HWY_INLINE void Run(D d, Complex<V> (&x)[8]) {
    Complex<V> e[4] = {x[0], x[2], x[4], x[6]}, o[4] = {x[1], x[3], x[5], x[7]};
    Dft<4>::Run(d, e);
    Dft<4>::Run(d, o);
    const V c = hn::Set(d, static_cast<hn::TFromD<D>>(0.70710678118654752440));
    // o[k]·e^(−2πi·k/8)
    const Complex<V> o1{hn::Mul(c, hn::Add(o[1].re, o[1].im)), hn::Mul(c, hn::Sub(o[1].im, o[1].re))};
    const Complex<V> o3{hn::Mul(c, hn::Sub(o[3].im, o[3].re)), hn::Mul(c, hn::Add(o[3].re, o[3].im))};  // im negated
    x[0] = Add(e[0], o[0]);
    x[4] = Sub(e[0], o[0]);
    x[1] = Add(e[1], o1);
    x[5] = Sub(e[1], o1);
    x[2] = SubI(e[2], o[2]);
    x[6] = AddI(e[2], o[2]);
    x[3] = {hn::Add(e[3].re, o3.re), hn::Sub(e[3].im, o3.im)};
    x[7] = {hn::Sub(e[3].re, o3.re), hn::Add(e[3].im, o3.im)};
  }
};

// One Stockham pass: load(i) gives sample i, store(i, z) takes it. A function of its own: with all of them in one, GCC
// took four minutes. Load and store come by value, with what they need: what a reference leads to would be read again
// after each vector that is stored.
template <int R, class D, class Load, class Store, typename T = hn::TFromD<D>>
HWY_NOINLINE void RadixPass(D d, const typename FftPlan<T>::Pass& pass, Load load, Store store) {
  using V = hn::Vec<D>;
  const int64_t m = pass.n / R, s = pass.stride;
  const T* HWY_RESTRICT twiddle = pass.twiddles.data();
  for (int64_t p = 0; p < m; ++p, twiddle += 2 * (R - 1)) {
    for (int64_t q = 0; q < s; ++q) {
      Complex<V> x[R];
      HWY_UNROLL(13)
      for (int k = 0; k < R; ++k) x[k] = load(q + s * (p + m * k));
      Dft<R>::Run(d, x);
      store(q + s * R * p, x[0]);
      if (m == 1) {
        HWY_UNROLL(13)
        for (int k = 1; k < R; ++k) store(q + s * k, x[k]);
      } else {
        HWY_UNROLL(13)
        for (int k = 1; k < R; ++k) {
          const V c = hn::Set(d, twiddle[2 * k - 2]), w = hn::Set(d, twiddle[2 * k - 1]);
          store(q + s * (R * p + k), Complex<V>{hn::NegMulAdd(x[k].im, w, hn::Mul(x[k].re, c)),
                                                hn::MulAdd(x[k].re, w, hn::Mul(x[k].im, c))});
        }
      }
    }
  }
}

template <class D, class Load, class Store, typename T = hn::TFromD<D>>
HWY_INLINE void FirstPass(D d, const typename FftPlan<T>::Pass& pass, const Load& load, const Store& store) {
  if (pass.radix == 8) return RadixPass<8>(d, pass, load, store);
  return RadixPass<4>(d, pass, load, store);
}

template <class D, class Load, class Store, typename T = hn::TFromD<D>>
HWY_INLINE void LastPass(D d, const typename FftPlan<T>::Pass& pass, const Load& load, const Store& store) {
  switch (pass.radix) {
    case 2:
      return RadixPass<2>(d, pass, load, store);
    case 3:
      return RadixPass<3>(d, pass, load, store);
    case 4:
      return RadixPass<4>(d, pass, load, store);
    case 5:
      return RadixPass<5>(d, pass, load, store);
    case 6:
      return RadixPass<6>(d, pass, load, store);
    case 7:
      return RadixPass<7>(d, pass, load, store);
    case 8:
      return RadixPass<8>(d, pass, load, store);
    case 9:
      return RadixPass<9>(d, pass, load, store);
    case 11:
      return RadixPass<11>(d, pass, load, store);
    default:
      return RadixPass<13>(d, pass, load, store);
  }
}

// Samples in memory: [sample][Re, Im][lane].
template <class D>
struct Samples {
  using T = hn::TFromD<D>;
  D d;
  T* HWY_RESTRICT data;

  HWY_INLINE Complex<hn::Vec<D>> operator()(int64_t i) const {
    const T* z = data + 2 * hn::Lanes(d) * i;
    return {hn::Load(d, z), hn::Load(d, z + hn::Lanes(d))};
  }
  HWY_INLINE void operator()(int64_t i, const Complex<hn::Vec<D>>& z) const {
    T* out = data + 2 * hn::Lanes(d) * i;
    hn::Store(z.re, d, out);
    hn::Store(z.im, d, out + hn::Lanes(d));
  }
};

// scratch: 2·2·length·lanes elements.
template <class D, class Load, class Store, typename T = hn::TFromD<D>>
HWY_INLINE void Transform(D d, const FftPlan<T>& plan, T* scratch, const Load& load, const Store& store) {
  const Samples<D> a{d, scratch}, b{d, scratch + 2 * plan.length * hn::Lanes(d)};
  FirstPass(d, plan.passes[0], load, a);
  if (plan.passes.size() == 2) return LastPass(d, plan.passes[1], a, store);
  FirstPass(d, plan.passes[1], a, b);
  LastPass(d, plan.passes[2], b, store);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_FFT_INL_H_
