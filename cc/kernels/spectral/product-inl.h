// The complex products at one frequency, and the kernels' spectra that they multiply by. For each instruction set.
//
// A product costs three multiplications. With a multiplier r + i·m and a value x + i·y, given as the parts
//   multiplier: r, r + m, m − r         value: x + y, y, x
// the products of the parts p0, p1, p2 give Re = p0 − p1 and Im = p0 + p2.
#if defined(DAU_CC_KERNELS_SPECTRAL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_PRODUCT_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_PRODUCT_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_PRODUCT_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sums in registers: kWide vectors of multipliers × kColumns values × 3 parts. 24 of 32 registers, or 12 of 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kWide = 2;
#else
constexpr int kWide = 1;
#endif
constexpr int kColumns = 4;

// GCC would otherwise fold a load into each instruction that uses it, and load again and again.
template <class V>
HWY_INLINE void KeepInRegister(V& v) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  asm("" : "+v"(v.raw));
#elif HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  asm("" : "+x"(v.raw));
#else
  (void)v;
#endif
}

// Spectra are read one frequency after the other, from far apart: without this each first use waits for the L3 cache.
template <typename T>
HWY_INLINE void PrefetchToL2(const T* values, int64_t count) {
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  for (int64_t i = 0; i < count; i += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(values + i, 0, 2);
#else
  (void)values, (void)count;
#endif
}

template <int kVectors, int kValues, class V>
struct Sums {
  V part[kValues][3][kVectors];

  HWY_INLINE Sums() {}  // see Complex in fft-inl.h
};

// sums += Σ_i multiplier(i)·value(i, column): multiplier i at m + i·3·m_part, its parts m_part apart; value (i, column)
// at x + i·x_step + column·x_column, its parts x_part apart.
template <int kVectors, int kValues, int64_t kStep, int64_t kColumn, int64_t kPart, class D, class V,
          typename T = hn::TFromD<D>>
HWY_INLINE void MultiplyAdd(D d, const T* HWY_RESTRICT m, int64_t m_part, const T* HWY_RESTRICT x, int64_t count,
                            Sums<kVectors, kValues, V>& sums) {
  for (int64_t i = 0; i < count; ++i, m += 3 * m_part, x += kStep) {
    HWY_UNROLL(3)
    for (int part = 0; part < 3; ++part) {
      V multiplier[kVectors];
      HWY_UNROLL(2)
      for (int j = 0; j < kVectors; ++j) {
        multiplier[j] = hn::Load(d, m + part * m_part + j * hn::Lanes(d));
        KeepInRegister(multiplier[j]);
      }
      HWY_UNROLL(8)
      for (int column = 0; column < kValues; ++column) {
        V value = hn::Set(d, x[column * kColumn + part * kPart]);
        KeepInRegister(value);
        HWY_UNROLL(2)
        for (int j = 0; j < kVectors; ++j) {
          sums.part[column][part][j] = hn::MulAdd(multiplier[j], value, sums.part[column][part][j]);
        }
      }
    }
  }
}

template <int kVectors, int kValues, class D, class V>
HWY_INLINE void Clear(D d, Sums<kVectors, kValues, V>& sums) {
  HWY_UNROLL(8)
  for (int column = 0; column < kValues; ++column) {
    HWY_UNROLL(3)
    for (int part = 0; part < 3; ++part) {
      HWY_UNROLL(2)
      for (int j = 0; j < kVectors; ++j) sums.part[column][part][j] = hn::Zero(d);
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

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_PRODUCT_INL_H_
