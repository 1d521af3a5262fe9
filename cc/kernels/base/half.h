// 16-bit floating point as it is stored, and what is computed in. Bit for bit what TensorFlow calls bfloat16 and half.
#ifndef DAU_CC_KERNELS_BASE_HALF_H_
#define DAU_CC_KERNELS_BASE_HALF_H_

#include <cstdint>

namespace dau {

struct BFloat16 {
  uint16_t bits;  // 1 sign, 8 exponent, 7 fraction: the upper half of a float
};
struct Float16 {
  uint16_t bits;  // 1 sign, 5 exponent, 10 fraction
};

namespace internal {
template <typename T>
struct RealOf {
  using Type = T;
};
template <>
struct RealOf<BFloat16> {
  using Type = float;
};
template <>
struct RealOf<Float16> {
  using Type = float;
};
}  // namespace internal

// What the kernels compute in, and what displacements and σ are given in, for images and weights stored as T.
template <typename T>
using Real = typename internal::RealOf<T>::Type;

}  // namespace dau

#endif  // DAU_CC_KERNELS_BASE_HALF_H_
