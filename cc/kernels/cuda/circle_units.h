// The units as the spectral kernels read them, in the order of their use: [in][unit][out], lanes along out.
//
// A unit's spectrum is weight · A(u) · B(b), A and B of one axis each:
//   e^(2πi·u·place/P) · (first + second·e^(2πi·u/P))
#ifndef DAU_CC_KERNELS_CUDA_CIRCLE_UNITS_H_
#define DAU_CC_KERNELS_CUDA_CIRCLE_UNITS_H_

#include <cstdint>

#include "cc/kernels/base/half.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/complex.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/cuda/units.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda {

template <typename R>
struct alignas(16) CircleUnit {
  R upper, lower;  // with the weight, if wanted
  R left, right;
  int32_t place_v, place_h;  // in [0, P) both; or CircleAxis::kFar or kNowhere, and then no part of the spectra

  DAU_HOST_DEVICE bool Inside() const { return place_v >= 0; }
  DAU_HOST_DEVICE bool Far() const { return place_v == CircleAxis::kFar; }
};

// How the arrays of a call, [K, S, F], and of its units are numbered.
struct UnitOrder {
  int64_t in_channels, out_channels, units;
  bool adjoint;  // in: F, out: S, and displacements are negated: B(−μ) is the adjoint of B(μ)

  UnitOrder(const DauConvShape& shape, bool adjoint)
      : in_channels(adjoint ? shape.filters : shape.in_channels),
        out_channels(adjoint ? shape.in_channels : shape.filters),
        units(shape.units),
        adjoint(adjoint) {}

  DAU_HOST_DEVICE int64_t Count() const { return in_channels * out_channels * units; }
  // Of the unit in the caller's arrays, and among the CircleUnits.
  DAU_HOST_DEVICE int64_t Array(int64_t in, int64_t k, int64_t out) const {
    return adjoint ? (k * out_channels + out) * in_channels + in : (k * in_channels + in) * out_channels + out;
  }
  DAU_HOST_DEVICE int64_t Unit(int64_t in, int64_t k, int64_t out) const {
    return (in * units + k) * out_channels + out;
  }
};

// weight null: all 1. far: [out], how many of its units are beyond the circle.
template <typename T>
Status MakeCircleUnits(const UnitOrder& order, const Circle& circle, const T* weight, const Real<T>* displacement,
                       CircleUnit<Real<T>>* units, int64_t* far, cudaStream_t stream);

// freq · place modulo the length, both below it.
__device__ inline int RootIndex(const CircleAxis& axis, int freq, int place) {
  const int product = freq * place;
  return product - SmallQuotient(product, axis.inverse_length) * axis.length;
}

// e^(iθ·place), and what it is multiplied by, 1 and e^(iθ), with the weights of the two taps.
template <typename R>
struct AxisSpectrum {
  Complex<R> cell, step;

  __device__ AxisSpectrum(const CircleAxis& axis, const Complex<R>* roots, int freq, int place)
      : cell(roots[RootIndex(axis, freq, place)]), step(roots[freq]) {}
  __device__ Complex<R> Interpolated(R first, R second) const {
    return cell * Complex<R>{first + second * step.re, second * step.im};
  }
  // Of a step of 1 px.
  __device__ Complex<R> Slope() const { return cell * Complex<R>{step.re - 1, step.im}; }
};

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_CIRCLE_UNITS_H_
