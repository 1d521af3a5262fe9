// The arrays of one call. Without googletest, like scales.h: tools/gpu_check.sh uses both on machines that have none.
#ifndef DAU_TESTS_CC_KERNELS_INPUTS_H_
#define DAU_TESTS_CC_KERNELS_INPUTS_H_

#include <vector>

#include "tests/cc/kernels/cases.h"

namespace dau::testing {

inline std::vector<double> Double(const std::vector<float>& values) { return {values.begin(), values.end()}; }
inline const std::vector<double>& Double(const std::vector<double>& values) { return values; }

template <typename T>
struct Inputs {
  DauConvShape shape;
  std::vector<T> x, weight, displacement, dy;

  explicit Inputs(const Case& c, uint64_t seed = 7) : shape(c.shape) {
    std::mt19937_64 random(seed);
    x = Random<T>(random, InputCount(shape));
    weight = Random<T>(random, UnitCount(shape));
    displacement = RandomDisplacement<T>(random, c);
    dy = Random<T>(random, OutputCount(shape));
  }
};

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_INPUTS_H_
