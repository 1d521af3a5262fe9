// What a pass costs: counts of its work, each times a rate measured once.
#ifndef DAU_CC_KERNELS_DIRECT_WORK_H_
#define DAU_CC_KERNELS_DIRECT_WORK_H_

#include <array>

namespace dau::direct {

// Counts of one kind of pass in one layout; what each means stands where they are counted. Vectors, so that they hold
// for every precision and instruction set.
using Work = std::array<double, 11>;

enum class WorkKind { kPlaneGather, kLaneGather, kPlaneCorners, kLaneCorners, kPlaneGaussian, kLaneGaussian };

// The vectors that come from and go to memory: of the tensors, and twice those in between, unless the caches hold them.
template <typename T>
double UncachedVectors(double tensor_elements, double chunk_elements, double chunks, double lanes) {
  constexpr double kCacheElements = (16 << 20) / sizeof(T);
  return ((tensor_elements > kCacheElements ? tensor_elements : 0) +
          (chunk_elements > kCacheElements ? 2 * chunks * chunk_elements : 0)) /
         lanes;
}

struct KindOfWork {
  WorkKind kind;
  Work work;
};

// On one thread.
double Nanoseconds(WorkKind kind, const Work& work);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_WORK_H_
