// Integer arithmetic that image geometry needs: rounding that is right for negative numbers, products that may
// overflow.
#ifndef DAU_CC_KERNELS_BASE_INT_MATH_H_
#define DAU_CC_KERNELS_BASE_INT_MATH_H_

#include <cstdint>
#include <initializer_list>

#include "cc/kernels/base/host_device.h"

namespace dau {

// Rounds towards minus infinity; b > 0.
DAU_HOST_DEVICE inline int64_t FloorDiv(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
// In [0, b); b > 0.
DAU_HOST_DEVICE inline int64_t FloorMod(int64_t a, int64_t b) { return a - FloorDiv(a, b) * b; }
// a ≥ 0, b > 0.
DAU_HOST_DEVICE inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
DAU_HOST_DEVICE inline int64_t RoundUp(int64_t a, int64_t b) { return CeilDiv(a, b) * b; }

// False when the product of these non-negative numbers does not fit.
inline bool CheckedProduct(std::initializer_list<int64_t> factors, int64_t* product) {
  *product = 1;
  for (int64_t factor : factors) {
    if (__builtin_mul_overflow(*product, factor, product)) return false;
  }
  return true;
}

}  // namespace dau

#endif  // DAU_CC_KERNELS_BASE_INT_MATH_H_
