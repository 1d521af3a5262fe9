// The complex products at one frequency. For each instruction set.
//
// A product costs three multiplications. With a multiplier r + i·m, stored as r and m, and a value x + i·y, stored as
// x + y, y and x:
//   p0 = r·(x + y)   p1 = (r + m)·y   p2 = (m − r)·x     Re = p0 − p1   Im = p0 + p2
// The sums r + m and m − r are made when they are used: units that add are idle there, and memory traffic is not.
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

// The same value, once loaded: GCC would otherwise fold a load into each instruction that uses it, and load again and
// again. By value: a reference would send it to the stack and back.
template <class V>
HWY_INLINE V InRegister(V v) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  auto raw = v.raw;
  asm("" : "+v"(raw));
  return V{raw};
#elif HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  auto raw = v.raw;
  asm("" : "+x"(raw));
  return V{raw};
#else
  return v;
#endif
}

template <int kVectors, int kValues, class V>
struct Sums {
  V part[kValues][3][kVectors];

  HWY_INLINE Sums() {}  // see Complex in fft-inl.h
};

// sums += Σ_i multiplier(i)·value(i, column): multiplier i at m + i·2·m_part, its parts m_part apart; value (i, column)
// at x + i·kStep + column·kColumn, its parts kPart apart.
template <int kVectors, int kValues, int64_t kStep, int64_t kColumn, int64_t kPart, class D, class V,
          typename T = hn::TFromD<D>>
HWY_INLINE void MultiplyAdd(D d, const T* HWY_RESTRICT m, int64_t m_part, const T* HWY_RESTRICT x, int64_t count,
                            Sums<kVectors, kValues, V>& sums) {
  for (int64_t i = 0; i < count; ++i, m += 2 * m_part, x += kStep) {
    V re[kVectors], im[kVectors], multiplier[kVectors];
    HWY_UNROLL(2)
    for (int j = 0; j < kVectors; ++j) {
      re[j] = InRegister(hn::Load(d, m + j * hn::Lanes(d)));
      im[j] = InRegister(hn::Load(d, m + m_part + j * hn::Lanes(d)));
    }
    HWY_UNROLL(3)
    for (int part = 0; part < 3; ++part) {
      HWY_UNROLL(2)
      for (int j = 0; j < kVectors; ++j) {
        multiplier[j] = part == 0 ? re[j] : part == 1 ? hn::Add(re[j], im[j]) : hn::Sub(im[j], re[j]);
      }
      HWY_UNROLL(8)
      for (int column = 0; column < kValues; ++column) {
        const V value = InRegister(hn::Set(d, x[column * kColumn + part * kPart]));
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

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_PRODUCT_INL_H_
