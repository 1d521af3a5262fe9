#ifndef DAU_TESTS_CC_KERNELS_REACH_H_
#define DAU_TESTS_CC_KERNELS_REACH_H_

namespace dau::testing {

// Which outputs a NaN may reach: those of units that see it or a pixel next to it, or any of the same image.
enum class Reach { kNextPixel, kImage };

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_REACH_H_
