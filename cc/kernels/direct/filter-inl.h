// Σ_j taps[j]·x[i + j·step], the one loop of the blur, compiled once for each instruction set.
#if defined(DAU_CC_KERNELS_DIRECT_FILTER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_DIRECT_FILTER_INL_H_
#undef DAU_CC_KERNELS_DIRECT_FILTER_INL_H_
#else
#define DAU_CC_KERNELS_DIRECT_FILTER_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// sum[i] = Σ_j taps[j]·x[i + j·step], 0 ≤ j < tap_count, 0 ≤ i < count. The sums stay in registers: a pass over memory
// for each tap would cost three times as much.
template <typename T>
HWY_INLINE void FilterLine(const T* HWY_RESTRICT x, const T* taps, int64_t tap_count, int64_t step, int64_t count,
                           T* HWY_RESTRICT sum) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int kVectors = 4;  // as many as the latency of a multiply-add
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + kVectors * lanes <= count; i += kVectors * lanes) {
    V s[kVectors] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    for (int64_t j = 0; j < tap_count; ++j) {
      const V tap = hn::Set(d, taps[j]);
      HWY_UNROLL(4)
      for (int k = 0; k < kVectors; ++k) s[k] = hn::MulAdd(hn::LoadU(d, x + i + k * lanes + j * step), tap, s[k]);
    }
    HWY_UNROLL(4)
    for (int k = 0; k < kVectors; ++k) hn::StoreU(s[k], d, sum + i + k * lanes);
  }
  for (; i + lanes <= count; i += lanes) {
    V s = hn::Zero(d);
    for (int64_t j = 0; j < tap_count; ++j) s = hn::MulAdd(hn::LoadU(d, x + i + j * step), hn::Set(d, taps[j]), s);
    hn::StoreU(s, d, sum + i);
  }
  const hn::CappedTag<T, 1> one;
  for (; i < count; ++i) {
    auto s = hn::Zero(one);
    for (int64_t j = 0; j < tap_count; ++j) {
      s = hn::MulAdd(hn::LoadU(one, x + i + j * step), hn::Set(one, taps[j]), s);
    }
    hn::StoreU(s, one, sum + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_DIRECT_FILTER_INL_H_
