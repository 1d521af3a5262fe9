// Between what arrays are stored in and what kernels compute in.
#ifndef DAU_CC_KERNELS_CUDA_STORAGE_H_
#define DAU_CC_KERNELS_CUDA_STORAGE_H_

#include "cc/kernels/base/half_convert.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

// Half: in integer arithmetic, 10 instructions beside a load from device memory; no header of 16-bit types is needed.
template <typename T>
__device__ inline Real<T> ToReal(T value) {
  if constexpr (sizeof(T) == 2) {
    return Widen(value);
  } else {
    return value;
  }
}

template <typename T>
__device__ inline void StoreReal(Real<T> value, T* to) {
  if constexpr (sizeof(T) == 2) {
    Narrow(value, to);
  } else {
    *to = value;
  }
}

// Four neighbours: 16 bytes in one access, or 32 in two.
template <typename R>
struct Four;
template <>
struct alignas(16) Four<float> {
  float v[4];
};
template <>
struct alignas(16) Four<double> {
  double v[4];
};

__device__ inline Four<float> LoadFour(const float* from) {
  const float4 f = *reinterpret_cast<const float4*>(from);
  return {{f.x, f.y, f.z, f.w}};
}
__device__ inline Four<double> LoadFour(const double* from) {
  const double2 low = *reinterpret_cast<const double2*>(from), high = *reinterpret_cast<const double2*>(from + 2);
  return {{low.x, low.y, high.x, high.y}};
}
__device__ inline void StoreFour(const Four<float>& four, float* to) {
  *reinterpret_cast<float4*>(to) = {four.v[0], four.v[1], four.v[2], four.v[3]};
}
__device__ inline void StoreFour(const Four<double>& four, double* to) {
  *reinterpret_cast<double2*>(to) = {four.v[0], four.v[1]};
  *reinterpret_cast<double2*>(to + 2) = {four.v[2], four.v[3]};
}

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_STORAGE_H_
