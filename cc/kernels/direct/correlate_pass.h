// BackwardParams in either memory layout: x and dy → planes or tiles → correlations → gradients, some images at a time.
#ifndef DAU_CC_KERNELS_DIRECT_CORRELATE_PASS_H_
#define DAU_CC_KERNELS_DIRECT_CORRELATE_PASS_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/parallel.h"
#include "cc/kernels/direct/correlate.h"
#include "cc/kernels/direct/geometry.h"
#include "cc/kernels/direct/images.h"
#include "cc/kernels/direct/lane_correlate.h"
#include "cc/kernels/direct/work.h"

namespace dau::direct {

// What both layouts know of a pass.
struct CorrelateCall {
  CorrelateCall(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, bool sigma)
      : shape(shape),
        exact(kind == DisplacementGradient::kExact),
        sigma(sigma),
        axes(Direction::kForward, shape, range),
        gaussian(shape) {}

  int64_t unit_count() const { return shape.units * shape.in_channels * shape.filters; }

  // body(i, j): unit i of [K, S, F] is unit j of [S, F, K], the order in which the kernels meet them.
  template <typename Body>
  void ForEachUnit(const Parallel& parallel, const Body& body) const {
    const int64_t pairs = shape.in_channels * shape.filters;
    parallel.ForEach(pairs, 60 * shape.units, [&](int64_t pair) {
      for (int64_t k = 0; k < shape.units; ++k) body(k * pairs + pair, pair * shape.units + k);
    });
  }

  DauConvShape shape;
  bool exact, sigma;
  Axes axes;
  GaussianTaps gaussian;
};

// The separable filters whose results are correlated: x̃, D_v ⋆ x and D_h ⋆ x, and the two whose sum is ∂x̃/∂σ.
template <typename T>
struct CorrelateFilters {
  explicit CorrelateFilters(const GaussianTaps& g)
      : smooth(g.smooth.begin(), g.smooth.end()),
        slope(g.derivative.begin(), g.derivative.end()),
        perimeter(g.perimeter.begin(), g.perimeter.end()),
        sets{{g.radius, smooth.data(), smooth.data()},
             {g.radius, slope.data(), smooth.data()},
             {g.radius, smooth.data(), slope.data()}},
        wider{{g.radius, perimeter.data(), smooth.data()}, {g.radius, smooth.data(), perimeter.data()}} {}

  std::vector<T> smooth, slope, perimeter;
  SeparableFilter<T> sets[3], wider[2];
};

// sigma_sums: of ∂x̃/∂σ; read if the call wants the gradient of σ.
template <typename T>
void WriteGradients(const CorrelateCall& call, const UnitSums* sums, const UnitSums* sigma_sums, const T* weight,
                    const ParamGradients<T>& gradients, const Parallel& parallel);

template <typename T>
class PlaneCorrelatePass {
 public:
  PlaneCorrelatePass(const CorrelateCall& call, const Parallel& parallel);

  Status Workspace(size_t* bytes) const;
  void Run(const T* x, const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
           void* workspace) const;
  Work CountWork() const;

 private:
  struct Buffers {
    CorrelateUnit<T>* units;
    UnitSums *sums, *sigma_sums;
    T *x, *dy, *scratch;
  };
  Buffers LayOut(Arena& arena) const;
  void FillUnits(const T* displacement, CorrelateUnit<T>* units) const;

  const CorrelateCall& call_;
  const Parallel& parallel_;
  int64_t sets_, stored_sets_;  // ∂x̃/∂σ is put together from two sets
  PlaneGrid x_grid_, dy_grid_;
  int64_t band_rows_, band_images_, chunk_;
};

template <typename T>
class LaneCorrelatePass {
 public:
  static bool Serves(const CorrelateCall& call);
  LaneCorrelatePass(const CorrelateCall& call, const Parallel& parallel);

  Status Workspace(size_t* bytes) const;
  void Run(const T* x, const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
           void* workspace) const;
  Work CountWork() const { return CountWork(grid_); }

 private:
  struct Buffers {
    LaneCorrelateUnit<T>* units;
    UnitSums *sums, *sigma_sums;
    T *padded, *x, *dy, *scratch;
  };
  Buffers LayOut(Arena& arena) const;
  void FillUnits(const T* displacement, LaneCorrelateUnit<T>* units) const;
  Work CountWork(const TileGrid& grid) const;
  int64_t BandRows(const TileGrid& grid) const;
  int64_t ImageElements(const TileGrid& grid) const;
  int64_t Chunk(const TileGrid& grid) const;
  PaddedImages<T> Padded(Tensor tensor, const TileGrid& grid, T* data) const;
  LaneImages Stored(Tensor tensor, int64_t images) const;
  // The elements of the padded images of x or of dy, of which there is one at a time.
  int64_t PaddedSize(const TileGrid& grid) const;

  const CorrelateCall& call_;
  const Parallel& parallel_;
  TileGrid grid_;  // of x; dy has the tiles alone
  int64_t band_rows_, chunk_;
};

// The work of the layout that the pass will take.
template <typename T>
KindOfWork CountCorrelate(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_CORRELATE_PASS_H_
