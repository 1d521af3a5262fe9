// The sums behind the parameters' gradients in the spectral form. Of each pair of a channel s and a filter f, and of
// each frequency,
//
//   C[s,f] = Σ_tiles conj(dy[t,f])·x[t,s]
//
// is made for 16 frequencies at a time and used up at once: of each of the pair's units, with the spectra A·B of its
// taps (circle_units.h), G of the blur, D of Eq. 16's derivative and ∂G/∂σ,
//
//   weight:       Re Σ A·B·G_v·G_h·C
//   displacement: Re Σ A·B·iD_v·G_h·C and Re Σ A·B·G_v·iD_h·C;  exact: a step of 1 px in the place of A or B
//   σ:            Re Σ A·B·(∂G_v·G_h + G_v·∂G_h)·C
//
// over all frequencies of the tile; of the half that is stored, those that stand for two count twice.
#ifndef DAU_CC_KERNELS_CUDA_CROSS_H_
#define DAU_CC_KERNELS_CUDA_CROSS_H_

#include <cstdint>

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/circle_tables.h"
#include "cc/kernels/cuda/circle_units.h"
#include "cc/kernels/cuda/complex.h"
#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda {

// Of a unit, before the weight that multiplies all but the first.
constexpr int kSums = 4;  // of weight, vertical, horizontal, σ

// How many partial sums of a unit the frequencies are spread over; behind them comes one of far units. A function of
// the shape alone, not of the card.
int64_t CrossSplits(const Circle& circle, const UnitOrder& order);
// Instructions of a thread, of all frequencies.
double CrossCost(const Circle& circle, const UnitOrder& order, DisplacementGradient kind, int64_t tiles);

// partial: [splits + 1][kSums][unit, by UnitOrder::Unit]. add: to what is there, of other tiles.
template <typename R>
Status Cross(const Circle& circle, const CircleTables<R>& tables, const UnitOrder& order, DisplacementGradient kind,
             int64_t tiles, const Complex<R>* x, const Complex<R>* dy, const CircleUnit<R>* units, bool add, R* partial,
             cudaStream_t stream);

// The last partial sum: of far units from the planes, of others 0.
template <typename R>
Status CrossFar(const Circle& circle, const CircleTables<R>& tables, const UnitOrder& order, DisplacementGradient kind,
                int64_t batch, const PlaneIndex& x_planes, const R* x, const PlaneIndex& dy_planes, const R* dy,
                const CircleUnit<R>* units, const R* displacement, R* partial, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_CROSS_H_
