#include "cc/kernels/cuda/far.h"

#include "cc/kernels/cuda/far-inl.h"
#include "cc/kernels/cuda/launch.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 256;

template <typename R>
struct AddFarCall {
  Circle circle;
  UnitOrder order;
  Taps<R> taps;
  PlaneIndex from_planes, to_planes;
  const R* from;
  const CircleUnit<R>* units;
  const R* displacement;
  const int64_t* far;
  R* to;
};

// A block: one channel of one image.
template <typename R>
__global__ void __launch_bounds__(kThreads, 1) AddFarKernel(AddFarCall<R> call, int64_t blocks) {
  const int64_t channels = call.order.out_channels;
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    int64_t n = block;
    const int64_t c = TakeDigit(&n, channels);
    if (call.far[c] == 0) continue;
    const R* const image = call.from + call.from_planes.Row(n, call.order.in_channels, 0, 0);
    for (int64_t h = threadIdx.x / kWarp; h < call.to_planes.rows; h += kThreads / kWarp) {
      R* const row = call.to + call.to_planes.Row(n, channels, c, h);
      for (int64_t w = threadIdx.x % kWarp; w < call.to_planes.cols; w += kWarp) {
        row[w] += FarUnits(call.order, call.circle, call.from_planes, image, call.taps, call.units, call.displacement,
                           c, h * call.circle.v.out_step, w * call.circle.h.out_step);
      }
    }
  }
}

}  // namespace

template <typename R>
Status AddFar(const Circle& circle, const CircleTables<R>& tables, const UnitOrder& order, int64_t batch,
              const PlaneIndex& from_planes, const R* from, const CircleUnit<R>* units, const R* displacement,
              const int64_t* far, const PlaneIndex& to_planes, R* to, cudaStream_t stream) {
  const AddFarCall<R> call = {circle, order, tables.taps, from_planes, to_planes, from, units, displacement, far, to};
  const int64_t blocks = batch * order.out_channels;
  return Launch("AddFar", stream, {blocks, kThreads}, AddFarKernel<R>, call, blocks);
}

#define DAU_INSTANTIATE(R)                                                                                    \
  template Status AddFar(const Circle&, const CircleTables<R>&, const UnitOrder&, int64_t, const PlaneIndex&, \
                         const R*, const CircleUnit<R>*, const R*, const int64_t*, const PlaneIndex&, R*,     \
                         cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda
