// The products of the spectral form, frequency by frequency:
//
//   y[t,f] = Σ_c kernel[c,f]·x[t,c],   kernel[c,f] = Σ_k weight · A(u) · B(b) of unit (c, k, f)
//
// Kernels are generated where they are used, for 16 frequencies at a time, and stored nowhere.
#ifndef DAU_CC_KERNELS_CUDA_PRODUCT_H_
#define DAU_CC_KERNELS_CUDA_PRODUCT_H_

#include <cstdint>

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/circle_tables.h"
#include "cc/kernels/cuda/circle_units.h"
#include "cc/kernels/cuda/complex.h"
#include "cc/kernels/cuda/platform.h"

namespace dau::cuda {

// Tiles that a block multiplies with each kernel that it generates: 8, with 64 filters; 16, with 32; 32, with 16. One
// that does least for this many tiles in all; the tiles of a call may be fewer.
int ChooseTilesAtOnce(int64_t tiles, int64_t in_channels, int64_t out_channels, int64_t units);
// What that takes, in instructions of a thread, of all frequencies of a group.
double ProductCost(int at_once, int64_t tiles, int64_t in_channels, int64_t out_channels, int64_t units);

// spectra x: [tiles][in][slot], y: [tiles][out][slot].
template <typename R>
Status Product(const Circle& circle, const CircleTables<R>& tables, const UnitOrder& order, int at_once, int64_t tiles,
               const Complex<R>* x, const CircleUnit<R>* units, Complex<R>* y, cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_PRODUCT_H_
