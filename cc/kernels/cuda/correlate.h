// The correlations behind the gradients of the parameters: of each unit (f, c, k), for its cell's four neighbours,
//
//   corners[f,c,k,2·di+dj] = Σ_n Σ_hw dy[n,f,h,w] · planes[n,c; h·step_h + base_h + cell_v + di, w·step_w + base_w +
//   cell_h + dj]
//
// in two stages without atomics: groups of tiles, added up one after the other by whoever reads them.
#ifndef DAU_CC_KERNELS_CUDA_CORRELATE_H_
#define DAU_CC_KERNELS_CUDA_CORRELATE_H_

#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/cuda/tile.h"
#include "cc/kernels/cuda/units.h"

namespace dau::cuda {

struct CorrelateCall {
  int64_t batch, filters;      // N, F
  int64_t in_channels, units;  // C, K
  PlaneIndex dy, planes;
  Sampling sampling;
  int64_t reach;

  int64_t UnitCount() const { return filters * in_channels * units; }
};

// How many partial sums of a unit there are. A function of the shape alone, not of the card: the same bits everywhere.
int64_t CorrelateGroups(const CorrelateCall& call);

// units: [F, C, K]. partial: [groups, F, C, K, 4].
template <typename R>
Status Correlate(const CorrelateCall& call, const R* dy, const R* planes, const Unit<R>* units, R* partial,
                 cudaStream_t stream);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_CORRELATE_H_
