// What a pass costs: counts of its work, each times a rate measured once.
#ifndef DAU_CC_KERNELS_DIRECT_WORK_H_
#define DAU_CC_KERNELS_DIRECT_WORK_H_

#include <array>

namespace dau::direct {

// Counts of one kind of pass in one layout; what each means stands where they are counted. Vectors, so that they hold
// for every precision and instruction set.
using Work = std::array<double, 8>;

enum class WorkKind { kPlaneGather, kLaneGather, kPlaneCorners, kLaneCorners, kPlaneGaussian, kLaneGaussian };

// On one thread.
double Nanoseconds(WorkKind kind, const Work& work);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_WORK_H_
