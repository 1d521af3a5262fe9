#include "cc/kernels/cuda/circle_units.h"

#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/launch.h"
#include "cc/kernels/cuda/storage.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 256;

// A thread: one unit.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    MakeCircleUnitsKernel(UnitOrder order, Circle circle, const T* weight, const Real<T>* displacement,
                          CircleUnit<Real<T>>* units) {
  using R = Real<T>;
  const int64_t count = order.Count(), stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += stride) {
    int64_t rest = i;
    const int64_t out = TakeDigit(&rest, order.out_channels), k = TakeDigit(&rest, order.units), in = rest;
    const int64_t from = order.Array(in, k, out);
    const double sign = order.adjoint ? -1 : 1;
    const Interpolation v = InterpolateOrNan(sign * static_cast<double>(displacement[from]));
    const Interpolation h = InterpolateOrNan(sign * static_cast<double>(displacement[count + from]));
    const double w = weight == nullptr ? 1 : static_cast<double>(ToReal(weight[from]));
    CircleUnit<R>& unit = units[i];
    unit.upper = static_cast<R>(w * (1 - v.fraction));
    unit.lower = static_cast<R>(w * v.fraction);
    unit.left = static_cast<R>(1 - h.fraction);
    unit.right = static_cast<R>(h.fraction);
    const int place_v = circle.v.Place(v.cell), place_h = circle.h.Place(h.cell);
    const int worse = place_v < place_h ? place_v : place_h;
    unit.place_v = worse < 0 ? worse : place_v;
    unit.place_h = worse < 0 ? worse : place_h;
  }
}

// A block: the units of one output channel.
template <typename R>
__global__ void __launch_bounds__(kThreads) CountFarKernel(UnitOrder order, const CircleUnit<R>* units, int64_t* far) {
  DAU_SHARED_MEMORY(memory);
  int64_t* const sums = reinterpret_cast<int64_t*>(memory);
  const int self = threadIdx.x;
  for (int64_t out = blockIdx.x; out < order.out_channels; out += gridDim.x) {
    int64_t sum = 0;
    for (int64_t i = self; i < order.in_channels * order.units; i += kThreads) {
      sum += units[i * order.out_channels + out].Far();
    }
    sums[self] = sum;
    for (int half = kThreads / 2; half > 0; half /= 2) {
      __syncthreads();
      if (self < half) sums[self] += sums[self + half];
    }
    if (self == 0) far[out] = sums[0];
    __syncthreads();
  }
}

}  // namespace

template <typename T>
Status MakeCircleUnits(const UnitOrder& order, const Circle& circle, const T* weight, const Real<T>* displacement,
                       CircleUnit<Real<T>>* units, int64_t* far, cudaStream_t stream) {
  Status s = Launch("MakeCircleUnits", stream, {CeilDiv(order.Count(), kThreads), kThreads}, MakeCircleUnitsKernel<T>,
                    order, circle, weight, displacement, units);
  if (!s.ok()) return s;
  return Launch("CountFar", stream, {order.out_channels, kThreads, kThreads * sizeof(int64_t)}, CountFarKernel<Real<T>>,
                order, static_cast<const CircleUnit<Real<T>>*>(units), far);
}

#define DAU_INSTANTIATE(T)                                                                                         \
  template Status MakeCircleUnits(const UnitOrder&, const Circle&, const T*, const Real<T>*, CircleUnit<Real<T>>*, \
                                  int64_t*, cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
DAU_INSTANTIATE(BFloat16);
DAU_INSTANTIATE(Float16);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda
