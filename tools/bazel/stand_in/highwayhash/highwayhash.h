// TensorFlow's wheel leaves these three headers out, and XLA's builder includes them. It names a class and a constant,
// and what uses them is compiled inside the wheel; nothing of ours hashes.
#ifndef DAU_TOOLS_BAZEL_STAND_IN_HIGHWAYHASH_H_
#define DAU_TOOLS_BAZEL_STAND_IN_HIGHWAYHASH_H_

#define HH_TARGET_PREFERRED 0

namespace highwayhash {
template <int target>
class HighwayHashCatT {};
}  // namespace highwayhash

#endif  // DAU_TOOLS_BAZEL_STAND_IN_HIGHWAYHASH_H_
