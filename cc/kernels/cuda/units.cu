#include "cc/kernels/cuda/units.h"

#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/launch.h"
#include "cc/kernels/cuda/storage.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 256;

// A thread: one unit. Reads run along F, writes are scattered; 32 bytes a unit, once a call.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    MakeUnitsKernel(int64_t count, int64_t in_channels, int64_t filters, int64_t units_each, bool adjoint,
                    const T* weight, const Real<T>* displacement, Unit<Real<T>>* units) {
  using R = Real<T>;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += stride) {
    int64_t rest = i;
    const int64_t f = TakeDigit(&rest, filters), s = TakeDigit(&rest, in_channels), k = rest;
    const double sign = adjoint ? -1 : 1;
    const Interpolation v = InterpolateOrNan(sign * static_cast<double>(displacement[i]));
    const Interpolation h = InterpolateOrNan(sign * static_cast<double>(displacement[count + i]));
    const double w = static_cast<double>(ToReal(weight[i]));
    const int64_t pair = adjoint ? s * filters + f : f * in_channels + s;
    Unit<R>& unit = units[pair * units_each + k];
    unit.cell_v = v.cell;
    unit.cell_h = h.cell;
    unit.upper = static_cast<R>(w * (1 - v.fraction));
    unit.lower = static_cast<R>(w * v.fraction);
    unit.left = static_cast<R>(1 - h.fraction);
    unit.right = static_cast<R>(h.fraction);
  }
}

}  // namespace

template <typename T>
Status MakeUnits(const DauConvShape& shape, bool adjoint, const T* weight, const Real<T>* displacement,
                 Unit<Real<T>>* units, cudaStream_t stream) {
  const int64_t count = UnitCount(shape);
  return Launch("MakeUnits", stream, {CeilDiv(count, kThreads), kThreads}, MakeUnitsKernel<T>, count, shape.in_channels,
                shape.filters, shape.units, adjoint, weight, displacement, units);
}

template Status MakeUnits(const DauConvShape&, bool, const float*, const float*, Unit<float>*, cudaStream_t);
template Status MakeUnits(const DauConvShape&, bool, const double*, const double*, Unit<double>*, cudaStream_t);
template Status MakeUnits(const DauConvShape&, bool, const BFloat16*, const float*, Unit<float>*, cudaStream_t);
template Status MakeUnits(const DauConvShape&, bool, const Float16*, const float*, Unit<float>*, cudaStream_t);

}  // namespace dau::cuda
