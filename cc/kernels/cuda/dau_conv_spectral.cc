#include "cc/kernels/cuda/dau_conv_spectral.h"

#include <algorithm>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/int_math.h"
#include "cc/kernels/cuda/circle.h"
#include "cc/kernels/cuda/circle_tables.h"
#include "cc/kernels/cuda/circle_units.h"
#include "cc/kernels/cuda/cost.h"
#include "cc/kernels/cuda/cross.h"
#include "cc/kernels/cuda/far.h"
#include "cc/kernels/cuda/filter.h"
#include "cc/kernels/cuda/gradients.h"
#include "cc/kernels/cuda/product.h"
#include "cc/kernels/cuda/spectra.h"
#include "cc/kernels/cuda/units.h"

namespace dau::cuda::spectral {
namespace {

// Spectra that a call holds at a time. More than an L2 cache has: with fewer tiles at once the kernels' spectra would
// be generated more often.
constexpr int64_t kSpectraBytes = 64 << 20;

#ifdef DAU_CUDA_ON_CPU
int64_t spectra_bytes = kSpectraBytes;
#else
constexpr int64_t spectra_bytes = kSpectraBytes;
#endif

// How a pass is cut up: what its …Workspace and the pass itself agree on.
struct Plan {
  Circle circle;
  int64_t tiles = 0, chunk = 0;  // of all images, and at a time

  // The spectra of a tile have all channels of x and y.
  Status Make(const DauConvShape& shape, bool adjoint, size_t real_bytes,
              double (*cost)(const DauConvShape&, bool, const Circle&)) {
    Status s = ChooseCircle(shape, adjoint, ExpectedReach(shape), cost, &circle);
    if (!s.ok()) return s;
    const int64_t complex_bytes = 2 * static_cast<int64_t>(real_bytes);
    int64_t tile_bytes, planes_bytes;
    if (!CheckedProduct({complex_bytes, circle.Slots(), shape.in_channels + shape.filters}, &tile_bytes) ||
        !CheckedProduct(
            {256, std::max<int64_t>(shape.batch, 1), circle.Tiles(), 64 * 64, shape.in_channels + shape.filters},
            &planes_bytes)) {
      return InvalidArgument("the spectra are too large, their size overflows. Received: batch=", shape.batch,
                             ", height=", shape.height, ", width=", shape.width, ", in_channels=", shape.in_channels,
                             ", filters=", shape.filters);
    }
    tiles = shape.batch * circle.Tiles();
    chunk = std::max<int64_t>(spectra_bytes / tile_bytes, 1);
    // Whole blocks of products.
    constexpr int64_t kBlock = 32;
    if (chunk > kBlock) chunk = chunk / kBlock * kBlock;
    chunk = std::min(chunk, std::max<int64_t>(tiles, 1));
    return Status();
  }
  double Scale() const { return 1.0 / (circle.v.length * circle.h.length); }
};

template <typename R>
struct GatherSpace {
  CircleTables<R> tables;
  CircleUnit<R>* units;
  int64_t* far;
  R *in, *out;  // planes
  Complex<R>*in_spectra, *out_spectra;

  GatherSpace(const DauConvShape& shape, bool adjoint, const Plan& plan, Arena* arena)
      : tables(plan.circle, shape.sigma, arena) {
    const ImageIndex images[] = {InputIndex(shape), OutputIndex(shape)};
    const ImageIndex &from = images[adjoint], &to = images[!adjoint];
    units = arena->Take<CircleUnit<R>>(UnitCount(shape));
    far = arena->Take<int64_t>(to.channels);
    in = arena->Take<R>(PlainSpread(from).Count());
    out = arena->Take<R>(PlainSpread(to).Count());
    in_spectra = arena->Take<Complex<R>>(plan.chunk * from.channels * plan.circle.Slots());
    out_spectra = arena->Take<Complex<R>>(plan.chunk * to.channels * plan.circle.Slots());
  }
};

template <typename R>
struct ParamSpace {
  CircleTables<R> tables;
  CircleUnit<R>* units;
  int64_t* far;
  R *x, *dy;  // planes
  Complex<R>*x_spectra, *dy_spectra;
  int64_t splits;
  R* partial;
  double* terms;

  ParamSpace(const DauConvShape& shape, bool sigma, const Plan& plan, Arena* arena)
      : tables(plan.circle, shape.sigma, arena) {
    units = arena->Take<CircleUnit<R>>(UnitCount(shape));
    far = arena->Take<int64_t>(shape.filters);
    x = arena->Take<R>(PlainSpread(InputIndex(shape)).Count());
    dy = arena->Take<R>(PlainSpread(OutputIndex(shape)).Count());
    x_spectra = arena->Take<Complex<R>>(plan.chunk * shape.in_channels * plan.circle.Slots());
    dy_spectra = arena->Take<Complex<R>>(plan.chunk * shape.filters * plan.circle.Slots());
    splits = CrossSplits(plan.circle, UnitOrder(shape, /*adjoint=*/false));
    partial = arena->Take<R>((splits + 1) * kSums * UnitCount(shape));
    terms = sigma ? arena->Take<double>(UnitCount(shape)) : nullptr;
  }
};

template <typename R>
Status GatherBytes(const DauConvShape& shape, bool adjoint, size_t* bytes) {
  Plan plan;
  if (Status s = plan.Make(shape, adjoint, sizeof(R), SpectralGatherCost); !s.ok()) return s;
  Arena arena;
  GatherSpace<R>(shape, adjoint, plan, &arena);
  *bytes = arena.used();
  return Status();
}

template <typename T>
Status GatherPass(const DauConvShape& shape, bool adjoint, const T* from, const T* weight, const Real<T>* displacement,
                  T* to, void* workspace, cudaStream_t stream) {
  using R = Real<T>;
  Plan plan;
  if (Status s = plan.Make(shape, adjoint, sizeof(R), SpectralGatherCost); !s.ok()) return s;
  Arena arena(workspace);
  const GatherSpace<R> space(shape, adjoint, plan, &arena);
  const UnitOrder order(shape, adjoint);
  const ImageIndex in = adjoint ? OutputIndex(shape) : InputIndex(shape);
  const ImageIndex out = adjoint ? InputIndex(shape) : OutputIndex(shape);
  const PlaneIndex in_planes = PlainSpread(in).Planes(), out_planes = PlainSpread(out).Planes();
  const int at_once = ChooseTilesAtOnce((shape.ignore_batch ? 1 : shape.batch) * plan.circle.Tiles(), in.channels,
                                        out.channels, shape.units);
  Status s = space.tables.Fill(plan.circle, shape.sigma, stream);
  if (s.ok()) s = FilterRows<T>(PlainSpread(in), from, nullptr, space.in, stream);
  if (s.ok()) s = MakeCircleUnits(order, plan.circle, weight, displacement, space.units, space.far, stream);
  for (int64_t first = 0; s.ok() && first < plan.tiles; first += plan.chunk) {
    const TileRange tiles = {first, std::min(plan.chunk, plan.tiles - first)};
    s = ToSpectra<R>(plan.circle, space.tables, Cut::kInputs, /*blurred=*/true, plan.Scale(), tiles, in_planes,
                     in.channels, space.in, space.in_spectra, stream);
    if (s.ok()) {
      s = Product<R>(plan.circle, space.tables, order, at_once, tiles.count, space.in_spectra, space.units,
                     space.out_spectra, stream);
    }
    if (s.ok()) {
      s = FromSpectra<R>(plan.circle, space.tables, tiles, space.out_spectra, out_planes, out.channels, space.out,
                         stream);
    }
  }
  if (s.ok()) {
    s = AddFar<R>(plan.circle, space.tables, order, shape.batch, in_planes, space.in, space.units, displacement,
                  space.far, out_planes, space.out, stream);
  }
  if (s.ok()) s = StorePlanes<T>(out, space.out, to, stream);
  return s;
}

}  // namespace

#ifdef DAU_CUDA_ON_CPU
int64_t& SpectraBytesForTest() { return spectra_bytes; }
#endif

template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, size_t* bytes) {
  return GatherBytes<Real<T>>(shape, /*adjoint=*/false, bytes);
}

template <typename T>
Status Forward(const DauConvShape& shape, const T* x, const T* weight, const Real<T>* displacement, T* y,
               void* workspace, cudaStream_t stream) {
  return GatherPass(shape, /*adjoint=*/false, x, weight, displacement, y, workspace, stream);
}

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, size_t* bytes) {
  return GatherBytes<Real<T>>(shape, /*adjoint=*/true, bytes);
}

template <typename T>
Status BackwardInput(const DauConvShape& shape, const T* weight, const Real<T>* displacement, const T* dy, T* dx,
                     void* workspace, cudaStream_t stream) {
  return GatherPass(shape, /*adjoint=*/true, dy, weight, displacement, dx, workspace, stream);
}

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, DisplacementGradient, bool sigma, size_t* bytes) {
  Plan plan;
  if (Status s = plan.Make(shape, /*adjoint=*/false, sizeof(Real<T>), SpectralParamsCost); !s.ok()) return s;
  Arena arena;
  ParamSpace<Real<T>>(shape, sigma, plan, &arena);
  *bytes = arena.used();
  return Status();
}

template <typename T>
Status BackwardParams(const DauConvShape& shape, DisplacementGradient kind, const T* x, const T* weight,
                      const Real<T>* displacement, const T* dy, const ParamGradients<T>& gradients, void* workspace,
                      cudaStream_t stream) {
  using R = Real<T>;
  Plan plan;
  Status s = plan.Make(shape, /*adjoint=*/false, sizeof(R), SpectralParamsCost);
  if (!s.ok()) return s;
  Arena arena(workspace);
  const ParamSpace<R> space(shape, gradients.sigma != nullptr, plan, &arena);
  const UnitOrder order(shape, /*adjoint=*/false);
  const Spread x_spread = PlainSpread(InputIndex(shape)), dy_spread = PlainSpread(OutputIndex(shape));
  s = space.tables.Fill(plan.circle, shape.sigma, stream);
  if (s.ok()) s = FilterRows<T>(x_spread, x, nullptr, space.x, stream);
  if (s.ok()) s = FilterRows<T>(dy_spread, dy, nullptr, space.dy, stream);
  if (s.ok()) {
    s = MakeCircleUnits<T>(order, plan.circle, nullptr, displacement, space.units, space.far, stream);
  }
  // Once at least: of no tiles the sums are 0.
  for (int64_t first = 0; s.ok() && (first == 0 || first < plan.tiles); first += plan.chunk) {
    const TileRange tiles = {first, std::min(plan.chunk, plan.tiles - first)};
    s = ToSpectra<R>(plan.circle, space.tables, Cut::kInputs, /*blurred=*/false, plan.Scale(), tiles, x_spread.Planes(),
                     shape.in_channels, space.x, space.x_spectra, stream);
    if (s.ok()) {
      s = ToSpectra<R>(plan.circle, space.tables, Cut::kOutputs, /*blurred=*/false, 1, tiles, dy_spread.Planes(),
                       shape.filters, space.dy, space.dy_spectra, stream);
    }
    if (s.ok()) {
      s = Cross<R>(plan.circle, space.tables, order, kind, tiles.count, space.x_spectra, space.dy_spectra, space.units,
                   /*add=*/first > 0, space.partial, stream);
    }
  }
  if (s.ok()) {
    s = CrossFar<R>(plan.circle, space.tables, order, kind, shape.batch, x_spread.Planes(), space.x, dy_spread.Planes(),
                    space.dy, space.units, displacement, space.partial, stream);
  }
  if (!s.ok()) return s;
  return WriteGradients(shape, SpectralSums<R>{space.splits + 1, space.partial}, weight, gradients, space.terms,
                        stream);
}

#define DAU_INSTANTIATE(T)                                                                                            \
  template Status ForwardWorkspace<T>(const DauConvShape&, size_t*);                                                  \
  template Status Forward<T>(const DauConvShape&, const T*, const T*, const Real<T>*, T*, void*, cudaStream_t);       \
  template Status BackwardInputWorkspace<T>(const DauConvShape&, size_t*);                                            \
  template Status BackwardInput<T>(const DauConvShape&, const T*, const Real<T>*, const T*, T*, void*, cudaStream_t); \
  template Status BackwardParamsWorkspace<T>(const DauConvShape&, DisplacementGradient, bool, size_t*);               \
  template Status BackwardParams<T>(const DauConvShape&, DisplacementGradient, const T*, const T*, const Real<T>*,    \
                                    const T*, const ParamGradients<T>&, void*, cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
DAU_INSTANTIATE(BFloat16);
DAU_INSTANTIATE(Float16);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda::spectral
