// Hints to the caches for what lies too far apart for the hardware to guess. Nothing where the compiler has none.
#ifndef DAU_CC_KERNELS_BASE_PREFETCH_H_
#define DAU_CC_KERNELS_BASE_PREFETCH_H_

#include <cstdint>

namespace dau {

constexpr int64_t kLineBytes = 64;

// `count` elements that will be read, from the L2 cache then.
template <typename T>
inline void PrefetchToL2(const T* values, int64_t count) {
#if defined(__GNUC__)
  for (int64_t i = 0; i < count; i += kLineBytes / static_cast<int64_t>(sizeof(T))) {
    __builtin_prefetch(values + i, 0, 2);
  }
#else
  (void)values, (void)count;
#endif
}

// A line that will be written: owned by the time that it is.
template <typename T>
inline void PrefetchToWrite(const T* line) {
#if defined(__GNUC__)
  __builtin_prefetch(line, 1, 2);
#else
  (void)line;
#endif
}

}  // namespace dau

#endif  // DAU_CC_KERNELS_BASE_PREFETCH_H_
