// Hands out aligned pieces of one block of scratch memory. With no block it only counts: the same code that lays the
// workspace out tells its size.
#ifndef DAU_CC_KERNELS_BASE_ARENA_H_
#define DAU_CC_KERNELS_BASE_ARENA_H_

#include <cstddef>
#include <cstdint>

namespace dau {

class Arena {
 public:
  static constexpr size_t kAlignment = 64;  // a cache line, and the widest vector

  Arena() = default;
  explicit Arena(void* block)
      : block_(
            reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(block) + kAlignment - 1) / kAlignment * kAlignment)) {}

  template <typename T>
  T* Take(int64_t count) {
    char* piece = block_ == nullptr ? nullptr : block_ + used_;
    used_ += (static_cast<size_t>(count) * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return reinterpret_cast<T*>(piece);
  }
  // What a block must hold wherever it begins.
  size_t used() const { return used_ + kAlignment; }

 private:
  char* block_ = nullptr;
  size_t used_ = 0;
};

}  // namespace dau

#endif  // DAU_CC_KERNELS_BASE_ARENA_H_
