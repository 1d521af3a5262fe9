#include "cc/kernels/base/convert.h"

#include <algorithm>
#include <cstring>

namespace dau {
namespace {

template <typename To, typename From>
inline To Bits(From from) {
  To to;
  static_assert(sizeof(to) == sizeof(from));
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

// Masks instead of branches, so that the compiler turns the loops into vectors for any instruction set: behind a `?` it
// may not compute a float sum that it does not need.
inline uint32_t Select(bool condition, uint32_t yes, uint32_t no) {
  const uint32_t mask = -static_cast<uint32_t>(condition);
  return (yes & mask) | (no & ~mask);
}

constexpr uint32_t kInfinity = 0x7f800000;
constexpr uint32_t Exponent(int power) { return static_cast<uint32_t>(127 + power) << 23; }

inline float Widen(BFloat16 half) { return Bits<float>(static_cast<uint32_t>(half.bits) << 16); }

inline void Narrow(float value, BFloat16* half) {
  const uint32_t bits = Bits<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x40;  // quiet: the fraction must not become 0
  half->bits = static_cast<uint16_t>(Select((bits & 0x7fffffff) > kInfinity, nan, rounded));
}

inline float Widen(Float16 half) {
  const uint32_t sign = static_cast<uint32_t>(half.bits & 0x8000) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half.bits & 0x7fff) << 13;
  const uint32_t exponent = magnitude & (0x7c00u << 13);
  const uint32_t normal = magnitude + Exponent(-15);
  const uint32_t special = magnitude | kInfinity;
  // Denormals: the fraction put behind a 1 of the right size, which is taken off again.
  const float denormal = Bits<float>(magnitude + Exponent(-14)) - Bits<float>(Exponent(-14));
  const uint32_t finite = Select(exponent == 0, Bits<uint32_t>(denormal), normal);
  return Bits<float>(sign | Select(exponent == (0x7c00u << 13), special, finite));
}

inline void Narrow(float value, Float16* half) {
  const uint32_t bits = Bits<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  const uint32_t normal = (magnitude - Exponent(-15) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  // Below 2^-14: 0.5 has the float's last bit where the denormals' is, 2^-24, so that the addition rounds.
  const uint32_t denormal = Bits<uint32_t>(Bits<float>(magnitude) + 0.5f) - Bits<uint32_t>(0.5f);
  const uint32_t finite = Select(magnitude < Exponent(-14), denormal, normal);
  const uint32_t bounded = Select(magnitude >= Exponent(16), 0x7c00, finite);
  const uint32_t nan = 0x7e00 | ((magnitude >> 13) & 0x3ff);
  half->bits = static_cast<uint16_t>(sign | Select(magnitude > kInfinity, nan, bounded));
}

constexpr int64_t kBlock = 4096;  // elements: enough work for a thread to be worth waking

template <typename Body>
void InBlocks(int64_t count, const Parallel& parallel, const Body& body) {
  parallel.ForEach((count + kBlock - 1) / kBlock, kBlock,
                   [&](int64_t block) { body(block * kBlock, std::min(count, (block + 1) * kBlock)); });
}

}  // namespace

template <typename Half>
void ToFloat(const Half* from, int64_t count, float* to, const Parallel& parallel) {
  InBlocks(count, parallel, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = Widen(from[i]);
  });
}

template <typename Half>
void FromFloat(const float* from, int64_t count, Half* to, const Parallel& parallel) {
  InBlocks(count, parallel, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) Narrow(from[i], &to[i]);
  });
}

template void ToFloat(const BFloat16*, int64_t, float*, const Parallel&);
template void ToFloat(const Float16*, int64_t, float*, const Parallel&);
template void FromFloat(const float*, int64_t, BFloat16*, const Parallel&);
template void FromFloat(const float*, int64_t, Float16*, const Parallel&);

}  // namespace dau
