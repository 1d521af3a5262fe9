// Lengths that the transforms know, and their twiddle factors.
#ifndef DAU_CC_KERNELS_SPECTRAL_FFT_PLAN_H_
#define DAU_CC_KERNELS_SPECTRAL_FFT_PLAN_H_

#include <cstdint>
#include <vector>

namespace dau::spectral {

// All lengths ≤ 512 that are {4, 8, 16, 32, 64}·{2, 3, 4, 5, 6, 7, 8, 9, 11, 13}, ascending: multiples of 4.
const std::vector<int64_t>& TransformLengths();

// Operations a complex sample takes, nearly: each pass loads and stores it and turns it; what a radix adds grows with
// it.
double TransformCost(int64_t length);

// Stockham passes: radices from the first to the last, w = e^(−2πi/n) of the length that is left in each.
template <typename T>
struct FftPlan {
  explicit FftPlan(int64_t length);

  struct Pass {
    int64_t radix, n, stride;
    std::vector<T> twiddles;  // [n/radix][radix − 1][2]: Re and Im of w^(p·k), k = 1 … radix − 1
  };
  int64_t length;
  std::vector<Pass> passes;  // two or three; the first are 4 or 8
};

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_FFT_PLAN_H_
