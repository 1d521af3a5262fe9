// The arrays of a pass that are stored in 16 bits, as the engines take them.
#ifndef DAU_CC_KERNELS_STORED_ARRAYS_H_
#define DAU_CC_KERNELS_STORED_ARRAYS_H_

#include <initializer_list>
#include <type_traits>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/convert.h"
#include "cc/kernels/base/half.h"
#include "cc/kernels/base/parallel.h"

namespace dau {

template <typename T>
constexpr bool kStoredAsIs = std::is_same_v<T, Real<T>>;

// The arrays of a pass as the engine takes them: themselves, or float copies in the workspace.
template <typename T>
class StoredArrays {
 public:
  StoredArrays(void* workspace, const Parallel& parallel) : arena_(workspace), parallel_(parallel) {}

  const Real<T>* Read(const T* array, int64_t count) {
    if constexpr (kStoredAsIs<T>) {
      return array;
    } else {
      float* copy = arena_.template Take<float>(count);
      ToFloat(array, count, copy, parallel_);
      return copy;
    }
  }
  Real<T>* Target(T* array, int64_t count) {
    if constexpr (kStoredAsIs<T>) {
      return array;
    } else {
      return arena_.template Take<float>(count);
    }
  }
  void Write(const Real<T>* target, int64_t count, T* array) const {
    if constexpr (!kStoredAsIs<T>) FromFloat(target, count, array, parallel_);
  }
  // What is left for the engine.
  void* rest() { return arena_.template Take<char>(0); }

  // Adds to the engine's bytes those of arrays of these sizes.
  static void AddBytes(std::initializer_list<int64_t> counts, size_t* bytes) {
    if constexpr (!kStoredAsIs<T>) {
      Arena arena;
      for (int64_t count : counts) arena.Take<float>(count);
      *bytes += arena.used();
    }
  }

 private:
  Arena arena_;
  const Parallel& parallel_;
};

}  // namespace dau

#endif  // DAU_CC_KERNELS_STORED_ARRAYS_H_
