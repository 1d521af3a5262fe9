// Arrays between 16-bit storage and float; how a value is rounded: half_convert.h.
#ifndef DAU_CC_KERNELS_BASE_CONVERT_H_
#define DAU_CC_KERNELS_BASE_CONVERT_H_

#include <cstdint>

#include "cc/kernels/base/half.h"
#include "cc/kernels/base/parallel.h"

namespace dau {

// Half: BFloat16 or Float16.
template <typename Half>
void ToFloat(const Half* from, int64_t count, float* to, const Parallel& parallel);
template <typename Half>
void FromFloat(const float* from, int64_t count, Half* to, const Parallel& parallel);

}  // namespace dau

#endif  // DAU_CC_KERNELS_BASE_CONVERT_H_
