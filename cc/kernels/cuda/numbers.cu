#include "cc/kernels/cuda/numbers.h"

#include <algorithm>
#include <cstddef>

#include "cc/kernels/cuda/launch.h"

namespace dau::cuda {
namespace {

// As many as fit beside the rest in the 4 KB of a kernel's parameters.
constexpr int kAtOnce = 256;
struct Numbers {
  double values[kAtOnce];
};

template <typename R>
__global__ void __launch_bounds__(kAtOnce) StoreNumbersKernel(Numbers numbers, int count, R* to) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < count) to[i] = static_cast<R>(numbers.values[i]);
}

}  // namespace

template <typename R>
Status StoreNumbers(const std::vector<double>& from, R* to, cudaStream_t stream) {
  for (size_t first = 0; first < from.size(); first += kAtOnce) {
    Numbers numbers;
    const int count = static_cast<int>(std::min<size_t>(kAtOnce, from.size() - first));
    std::copy_n(from.begin() + first, count, numbers.values);
    Status s = Launch("StoreNumbers", stream, {1, kAtOnce}, StoreNumbersKernel<R>, numbers, count, to + first);
    if (!s.ok()) return s;
  }
  return Status();
}

template Status StoreNumbers(const std::vector<double>&, float*, cudaStream_t);
template Status StoreNumbers(const std::vector<double>&, double*, cudaStream_t);

}  // namespace dau::cuda
