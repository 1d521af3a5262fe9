#include "cc/kernels/cuda/gradients.h"

#include "cc/kernels/cuda/circle_units.h"
#include "cc/kernels/cuda/cross.h"
#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/launch.h"
#include "cc/kernels/cuda/storage.h"
#include "cc/kernels/cuda/units.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 256;

struct Corners {
  double v[4];

  __device__ double Bilinear(const Interpolation& row, const Interpolation& col) const {
    return (1 - row.fraction) * ((1 - col.fraction) * v[0] + col.fraction * v[1]) +
           row.fraction * ((1 - col.fraction) * v[2] + col.fraction * v[3]);
  }
  // What a step of 1 px down, and to the right, does to it.
  __device__ double SlopeV(const Interpolation& col) const {
    return (1 - col.fraction) * (v[2] - v[0]) + col.fraction * (v[3] - v[1]);
  }
  __device__ double SlopeH(const Interpolation& row) const {
    return (1 - row.fraction) * (v[1] - v[0]) + row.fraction * (v[3] - v[2]);
  }
};

template <typename R>
__device__ Corners AddGroups(const R* partial, int64_t groups, int64_t count, int64_t unit) {
  Corners sum = {};
  for (int64_t g = 0; g < groups; ++g) {
    const Four<R> four = LoadFour(partial + (g * count + unit) * 4);
    DAU_UNROLL
    for (int e = 0; e < 4; ++e) sum.v[e] += four.v[e];
  }
  return sum;
}

// A thread: one unit.
template <typename T>
__global__ void __launch_bounds__(kThreads, 2)
    WriteGradientsKernel(int64_t count, int64_t in_channels, int64_t filters, int64_t units_each,
                         Correlations<Real<T>> correlations, const T* weight, const Real<T>* displacement,
                         ParamGradients<T> gradients, double* terms) {
  using R = Real<T>;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += stride) {
    int64_t rest = i;
    const int64_t f = TakeDigit(&rest, filters), s = TakeDigit(&rest, in_channels), k = rest;
    const int64_t unit = (f * in_channels + s) * units_each + k;
    const Interpolation v = InterpolateOrNan(static_cast<double>(displacement[i]));
    const Interpolation h = InterpolateOrNan(static_cast<double>(displacement[count + i]));
    const double w = static_cast<double>(ToReal(weight[i]));
    const auto sum = [&](const R* partial) { return AddGroups(partial, correlations.groups, count, unit); };
    const Corners smooth = sum(correlations.smooth);
    StoreReal(static_cast<R>(smooth.Bilinear(v, h)), &gradients.weight[i]);
    const bool exact = correlations.slope_v == nullptr;
    gradients.displacement[i] =
        static_cast<R>(w * (exact ? smooth.SlopeV(h) : sum(correlations.slope_v).Bilinear(v, h)));
    gradients.displacement[count + i] =
        static_cast<R>(w * (exact ? smooth.SlopeH(v) : sum(correlations.slope_h).Bilinear(v, h)));
    if (correlations.wider != nullptr) terms[i] = w * sum(correlations.wider).Bilinear(v, h);
  }
}

// A thread: one unit.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    WriteSumsKernel(UnitOrder order, SpectralSums<Real<T>> sums, const T* weight, ParamGradients<T> gradients,
                    double* terms) {
  using R = Real<T>;
  const int64_t count = order.Count(), stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += stride) {
    int64_t rest = i;
    const int64_t f = TakeDigit(&rest, order.out_channels), s = TakeDigit(&rest, order.in_channels), k = rest;
    const R* from = sums.sums + order.Unit(s, k, f);
    double total[kSums] = {};
    for (int64_t part = 0; part < sums.count; ++part) {
      DAU_UNROLL
      for (int e = 0; e < kSums; ++e) total[e] += from[(part * kSums + e) * count];
    }
    const double w = static_cast<double>(ToReal(weight[i]));
    StoreReal(static_cast<R>(total[0]), &gradients.weight[i]);
    gradients.displacement[i] = static_cast<R>(w * total[1]);
    gradients.displacement[count + i] = static_cast<R>(w * total[2]);
    if (gradients.sigma != nullptr) terms[i] = w * total[3];
  }
}

// One block, so that there is one order.
template <typename R>
__global__ void __launch_bounds__(kThreads) AddTermsKernel(int64_t count, const double* terms, R* total) {
  DAU_SHARED_MEMORY(memory);
  double* const sums = reinterpret_cast<double*>(memory);
  const int self = threadIdx.x;
  double sum = 0;
  for (int64_t i = self; i < count; i += kThreads) sum += terms[i];
  sums[self] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (self < half) sums[self] += sums[self + half];
  }
  if (self == 0) *total = static_cast<R>(sums[0]);
}

template <typename R>
Status AddTerms(int64_t count, const double* terms, R* total, cudaStream_t stream) {
  return Launch("AddTerms", stream, {1, kThreads, kThreads * sizeof(double)}, AddTermsKernel<R>, count, terms, total);
}

}  // namespace

template <typename T>
Status WriteGradients(const DauConvShape& shape, const Correlations<Real<T>>& correlations, const T* weight,
                      const Real<T>* displacement, const ParamGradients<T>& gradients, double* terms,
                      cudaStream_t stream) {
  const int64_t count = UnitCount(shape);
  Status s =
      Launch("WriteGradients", stream, {CeilDiv(count, kThreads), kThreads}, WriteGradientsKernel<T>, count,
             shape.in_channels, shape.filters, shape.units, correlations, weight, displacement, gradients, terms);
  if (!s.ok() || gradients.sigma == nullptr) return s;
  return AddTerms(count, terms, gradients.sigma, stream);
}

template <typename T>
Status WriteGradients(const DauConvShape& shape, const SpectralSums<Real<T>>& sums, const T* weight,
                      const ParamGradients<T>& gradients, double* terms, cudaStream_t stream) {
  const UnitOrder order(shape, /*adjoint=*/false);
  Status s = Launch("WriteSums", stream, {CeilDiv(order.Count(), kThreads), kThreads}, WriteSumsKernel<T>, order, sums,
                    weight, gradients, terms);
  if (!s.ok() || gradients.sigma == nullptr) return s;
  return AddTerms(order.Count(), terms, gradients.sigma, stream);
}

#define DAU_INSTANTIATE(T)                                                                                    \
  template Status WriteGradients(const DauConvShape&, const Correlations<Real<T>>&, const T*, const Real<T>*, \
                                 const ParamGradients<T>&, double*, cudaStream_t);                            \
  template Status WriteGradients(const DauConvShape&, const SpectralSums<Real<T>>&, const T*,                 \
                                 const ParamGradients<T>&, double*, cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
DAU_INSTANTIATE(BFloat16);
DAU_INSTANTIATE(Float16);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda
