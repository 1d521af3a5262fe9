// Cosines and sines that the taps' form of the kernels' spectra is made with.
//
// A frequency f and its partner P/2 − f share them: cos and sin of j·(π − θ) are (−1)^j·cos(jθ) and −(−1)^j·sin(jθ).
// Sums over even and over odd j are therefore kept apart, and their sum and difference serve both. P is a multiple of
// 4; P/4 is its own partner.
#ifndef DAU_CC_KERNELS_SPECTRAL_WAVES_H_
#define DAU_CC_KERNELS_SPECTRAL_WAVES_H_

#include <cstdint>

#include "cc/kernels/spectral/units.h"

namespace dau::spectral {

// [f in 0 … P/4][j in 1 … reach][cos, sin].
inline int64_t WavesSize(int64_t length, int64_t reach) { return (length / 4 + 1) * reach * 2; }

template <typename T>
void FillWaves(const Circle& circle, int64_t length, int64_t reach, T* waves) {
  for (int64_t f = 0; f <= length / 4; ++f) {
    for (int64_t j = 1; j <= reach; ++j) {
      *waves++ = static_cast<T>(circle.cosine[f * j % length]);
      *waves++ = static_cast<T>(circle.sine[f * j % length]);
    }
  }
}

// A factor of a frequency and of its partner. A frequency that is its own partner counts once.
template <typename T>
struct GainPair {
  T own, partner;
};
template <typename T>
void PairGains(const T* gain, int64_t length, GainPair<T>* pairs) {
  for (int64_t f = 0; f <= length / 4; ++f) pairs[f] = {gain[f], 4 * f == length ? T{0} : gain[length / 2 - f]};
}

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_WAVES_H_
