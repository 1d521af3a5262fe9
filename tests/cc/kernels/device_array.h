// Arrays on the GPU, for programs that check and time kernels. An error of CUDA's ends the program.
#ifndef DAU_TESTS_CC_KERNELS_DEVICE_ARRAY_H_
#define DAU_TESTS_CC_KERNELS_DEVICE_ARRAY_H_

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cc/kernels/cuda/platform.h"

namespace dau::testing {

inline void Check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::printf("%s: %s\n0 passed, 1 failed\n", what, cudaGetErrorString(error));
  std::exit(1);
}

template <typename T>
class DeviceArray {
 public:
  // All bits set: a NaN for each floating-point type.
  explicit DeviceArray(size_t count) : count_(count) {
    Check(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)), "cudaMalloc");
    const std::vector<unsigned char> ones(count * sizeof(T), 0xff);
    Check(cudaMemcpy(data_, ones.data(), ones.size(), cudaMemcpyHostToDevice), "cudaMemcpy to the GPU");
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    Check(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy to the GPU");
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  size_t bytes() const { return count_ * sizeof(T); }
  // After all that is in the stream.
  std::vector<T> Get(cudaStream_t stream) const {
    Check(cudaStreamSynchronize(stream), "a kernel");
    std::vector<T> values(count_);
    Check(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy from the GPU");
    return values;
  }

 private:
  T* data_;
  size_t count_;
};

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_DEVICE_ARRAY_H_
