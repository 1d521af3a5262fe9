// One value between 16-bit storage and float, in integer arithmetic that any processor has. To 16 bits rounds to the
// nearest, ties to even; beyond the range is infinity; NaN stays NaN; denormals of the 16-bit formats are exact both
// ways.
#ifndef DAU_CC_KERNELS_BASE_HALF_CONVERT_H_
#define DAU_CC_KERNELS_BASE_HALF_CONVERT_H_

#include <cstdint>
#include <cstring>

#include "cc/kernels/base/half.h"
#include "cc/kernels/base/host_device.h"

namespace dau {
namespace internal {

template <typename To, typename From>
DAU_HOST_DEVICE inline To Bits(From from) {
  To to;
  static_assert(sizeof(to) == sizeof(from));
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

// Masks instead of branches, so that the compiler turns the loops into vectors for any instruction set: behind a `?` it
// may not compute a float sum that it does not need.
DAU_HOST_DEVICE inline uint32_t Select(bool condition, uint32_t yes, uint32_t no) {
  const uint32_t mask = -static_cast<uint32_t>(condition);
  return (yes & mask) | (no & ~mask);
}

constexpr uint32_t kInfinity = 0x7f800000;
DAU_HOST_DEVICE constexpr uint32_t Exponent(int power) { return static_cast<uint32_t>(127 + power) << 23; }

}  // namespace internal

DAU_HOST_DEVICE inline float Widen(BFloat16 half) {
  return internal::Bits<float>(static_cast<uint32_t>(half.bits) << 16);
}

DAU_HOST_DEVICE inline void Narrow(float value, BFloat16* half) {
  const uint32_t bits = internal::Bits<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x40;  // quiet: the fraction must not become 0
  half->bits = static_cast<uint16_t>(internal::Select((bits & 0x7fffffff) > internal::kInfinity, nan, rounded));
}

DAU_HOST_DEVICE inline float Widen(Float16 half) {
  const uint32_t sign = static_cast<uint32_t>(half.bits & 0x8000) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half.bits & 0x7fff) << 13;
  const uint32_t exponent = magnitude & (0x7c00u << 13);
  const uint32_t normal = magnitude + internal::Exponent(-15);
  const uint32_t special = magnitude | internal::kInfinity;
  // Denormals: the fraction put behind a 1 of the right size, which is taken off again.
  const float denormal =
      internal::Bits<float>(magnitude + internal::Exponent(-14)) - internal::Bits<float>(internal::Exponent(-14));
  const uint32_t finite = internal::Select(exponent == 0, internal::Bits<uint32_t>(denormal), normal);
  return internal::Bits<float>(sign | internal::Select(exponent == (0x7c00u << 13), special, finite));
}

DAU_HOST_DEVICE inline void Narrow(float value, Float16* half) {
  const uint32_t bits = internal::Bits<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  const uint32_t normal = (magnitude - internal::Exponent(-15) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  // Below 2^-14: 0.5 has the float's last bit where the denormals' is, 2^-24, so that the addition rounds.
  const uint32_t denormal =
      internal::Bits<uint32_t>(internal::Bits<float>(magnitude) + 0.5f) - internal::Bits<uint32_t>(0.5f);
  const uint32_t finite = internal::Select(magnitude < internal::Exponent(-14), denormal, normal);
  const uint32_t bounded = internal::Select(magnitude >= internal::Exponent(16), 0x7c00, finite);
  const uint32_t nan = 0x7e00 | ((magnitude >> 13) & 0x3ff);
  half->bits = static_cast<uint16_t>(sign | internal::Select(magnitude > internal::kInfinity, nan, bounded));
}

}  // namespace dau

#endif  // DAU_CC_KERNELS_BASE_HALF_CONVERT_H_
