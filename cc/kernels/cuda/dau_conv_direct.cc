#include "cc/kernels/cuda/dau_conv_direct.h"

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/int_math.h"
#include "cc/kernels/cuda/correlate.h"
#include "cc/kernels/cuda/filter.h"
#include "cc/kernels/cuda/gather.h"
#include "cc/kernels/cuda/gradients.h"
#include "cc/kernels/cuda/units.h"

namespace dau::cuda::direct {
namespace {

// Outputs look at x̃, which begins r pixels before the image.
Sampling ForwardSampling(const DauConvShape& shape) {
  const int64_t base = Margin(shape) + SupportRadius(shape.sigma);
  return {OutputHeight(shape), OutputWidth(shape), shape.stride_h, shape.stride_w, base, base};
}

Spread ForwardSpread(const DauConvShape& shape) { return {1, 1, SupportRadius(shape.sigma), InputIndex(shape)}; }

// dx = crop(Σ w · shift by −μ of (g ⋆ dy spread by the strides)): blur and shift commute on the infinite plane, so that
// the input's gradient is the forward pass with the roles of S and F exchanged, at any stride.
Sampling BackwardSampling(const DauConvShape& shape) {
  const int64_t base = SupportRadius(shape.sigma) - Margin(shape);
  return {shape.height, shape.width, 1, 1, base, base};
}

Spread BackwardSpread(const DauConvShape& shape) {
  return {shape.stride_h, shape.stride_w, SupportRadius(shape.sigma), OutputIndex(shape)};
}

CorrelateCall MakeCorrelateCall(const DauConvShape& shape) {
  return {shape.batch,
          shape.filters,
          shape.in_channels,
          shape.units,
          PlainSpread(OutputIndex(shape)).Planes(),
          ForwardSpread(shape).Planes(),
          ForwardSampling(shape),
          ExpectedReach(shape)};
}

// Whether the planes' sizes fit 63 bits with all that comes beside them.
Status CheckSizes(const Spread& spread) {
  int64_t size;
  const int64_t r = spread.radius;
  if (CheckedProduct({256, spread.image.batch, spread.image.channels, spread.Planes().rows, spread.Planes().pitch},
                     &size)) {
    return Status();
  }
  return InvalidArgument("the blurred images are too large, their size overflows. Received: batch=", spread.image.batch,
                         ", channels=", spread.image.channels, ", height=", spread.image.height,
                         ", width=", spread.image.width, ", a blur that reaches ", r, " pixels");
}

// Workspace of a gather: the blurred planes and the units.
template <typename R>
struct GatherSpace {
  DeviceTaps<R> taps;
  R *rows, *planes;
  Unit<R>* units;

  GatherSpace(const DauConvShape& shape, const Spread& spread, Arena* arena)
      : taps(shape.sigma, arena),
        rows(arena->Take<R>(spread.RowCount())),
        planes(arena->Take<R>(spread.Count())),
        units(arena->Take<Unit<R>>(UnitCount(shape))) {}
};

// Workspace of the parameters' gradients: each set of planes takes the place of the one before.
template <typename R>
struct ParamSpace {
  DeviceTaps<R> taps;
  R *dy, *rows, *planes;
  Unit<R>* units;
  int64_t groups;
  R *smooth, *slope_v = nullptr, *slope_h = nullptr, *wider = nullptr;
  double* terms = nullptr;

  ParamSpace(const DauConvShape& shape, DisplacementGradient kind, bool sigma, Arena* arena)
      : taps(shape.sigma, arena),
        dy(arena->Take<R>(PlainSpread(OutputIndex(shape)).Count())),
        rows(arena->Take<R>(ForwardSpread(shape).RowCount())),
        planes(arena->Take<R>(ForwardSpread(shape).Count())),
        units(arena->Take<Unit<R>>(UnitCount(shape))),
        groups(CorrelateGroups(MakeCorrelateCall(shape))) {
    const int64_t partial = groups * UnitCount(shape) * 4;
    smooth = arena->Take<R>(partial);
    if (kind == DisplacementGradient::kGaussian) {
      slope_v = arena->Take<R>(partial);
      slope_h = arena->Take<R>(partial);
    }
    if (sigma) {
      wider = arena->Take<R>(partial);
      terms = arena->Take<double>(UnitCount(shape));
    }
  }
};

template <typename T>
Status GatherPass(const DauConvShape& shape, bool adjoint, const T* from, const T* weight, const Real<T>* displacement,
                  T* to, void* workspace, cudaStream_t stream) {
  const Spread spread = adjoint ? BackwardSpread(shape) : ForwardSpread(shape);
  Arena arena(workspace);
  const GatherSpace<Real<T>> space(shape, spread, &arena);
  const GatherCall call = {adjoint ? InputIndex(shape) : OutputIndex(shape),
                           spread.Planes(),
                           spread.image.channels,
                           shape.units,
                           adjoint ? BackwardSampling(shape) : ForwardSampling(shape),
                           ExpectedReach(shape)};
  Status s = space.taps.Fill(shape.sigma, stream);
  if (s.ok()) s = FilterRows(spread, from, space.taps.smooth, space.rows, stream);
  if (s.ok()) s = FilterColumns(spread, space.rows, space.taps.smooth, /*add=*/false, space.planes, stream);
  if (s.ok()) s = MakeUnits(shape, adjoint, weight, displacement, space.units, stream);
  if (s.ok()) s = Gather(call, space.planes, space.units, to, stream);
  return s;
}

template <typename R>
Status GatherBytes(const DauConvShape& shape, const Spread& spread, size_t* bytes) {
  if (Status s = CheckSizes(spread); !s.ok()) return s;
  Arena arena;
  GatherSpace<R>(shape, spread, &arena);
  *bytes = arena.used();
  return Status();
}

// Filters x along rows and columns, and correlates: once for each gradient.
template <typename T>
class Correlator {
 public:
  Correlator(const DauConvShape& shape, const ParamSpace<Real<T>>& space, const T* x, cudaStream_t stream)
      : call_(MakeCorrelateCall(shape)), spread_(ForwardSpread(shape)), space_(space), x_(x), stream_(stream) {}

  // Σ_ij v(i)·h(j)·x, in the place of what the planes held, or added to it.
  Status Filter(const Real<T>* v, const Real<T>* h, bool add = false) {
    if (Status s = FilterRows(spread_, x_, h, space_.rows, stream_); !s.ok()) return s;
    return FilterColumns(spread_, space_.rows, v, add, space_.planes, stream_);
  }
  Status Correlate(Real<T>* partial) {
    return cuda::Correlate<Real<T>>(call_, space_.dy, space_.planes, space_.units, partial, stream_);
  }

 private:
  CorrelateCall call_;
  Spread spread_;
  const ParamSpace<Real<T>>& space_;
  const T* x_;
  cudaStream_t stream_;
};

}  // namespace

template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, size_t* bytes) {
  return GatherBytes<Real<T>>(shape, ForwardSpread(shape), bytes);
}

template <typename T>
Status Forward(const DauConvShape& shape, const T* x, const T* weight, const Real<T>* displacement, T* y,
               void* workspace, cudaStream_t stream) {
  return GatherPass(shape, /*adjoint=*/false, x, weight, displacement, y, workspace, stream);
}

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, size_t* bytes) {
  return GatherBytes<Real<T>>(shape, BackwardSpread(shape), bytes);
}

template <typename T>
Status BackwardInput(const DauConvShape& shape, const T* weight, const Real<T>* displacement, const T* dy, T* dx,
                     void* workspace, cudaStream_t stream) {
  return GatherPass(shape, /*adjoint=*/true, dy, weight, displacement, dx, workspace, stream);
}

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, DisplacementGradient kind, bool sigma, size_t* bytes) {
  if (Status s = CheckSizes(ForwardSpread(shape)); !s.ok()) return s;
  Arena arena;
  ParamSpace<Real<T>>(shape, kind, sigma, &arena);
  *bytes = arena.used();
  return Status();
}

template <typename T>
Status BackwardParams(const DauConvShape& shape, DisplacementGradient kind, const T* x, const T* weight,
                      const Real<T>* displacement, const T* dy, const ParamGradients<T>& gradients, void* workspace,
                      cudaStream_t stream) {
  Arena arena(workspace);
  const ParamSpace<Real<T>> space(shape, kind, gradients.sigma != nullptr, &arena);
  const DeviceTaps<Real<T>>& taps = space.taps;
  Correlator<T> correlator(shape, space, x, stream);
  Status s = taps.Fill(shape.sigma, stream);
  if (s.ok()) {
    s = FilterRows<T>(PlainSpread(OutputIndex(shape)), dy, nullptr, space.dy, stream);
  }
  if (s.ok()) s = MakeUnits(shape, /*adjoint=*/false, weight, displacement, space.units, stream);
  if (s.ok()) s = correlator.Filter(taps.smooth, taps.smooth);
  if (s.ok()) s = correlator.Correlate(space.smooth);
  if (kind == DisplacementGradient::kGaussian) {
    if (s.ok()) s = correlator.Filter(taps.derivative, taps.smooth);
    if (s.ok()) s = correlator.Correlate(space.slope_v);
    if (s.ok()) s = correlator.Filter(taps.smooth, taps.derivative);
    if (s.ok()) s = correlator.Correlate(space.slope_h);
  }
  if (gradients.sigma != nullptr) {  // ∂x̃/∂σ is the sum of two filters
    if (s.ok()) s = correlator.Filter(taps.perimeter, taps.smooth);
    if (s.ok()) s = correlator.Filter(taps.smooth, taps.perimeter, /*add=*/true);
    if (s.ok()) s = correlator.Correlate(space.wider);
  }
  if (!s.ok()) return s;
  const Correlations<Real<T>> correlations = {space.groups, space.smooth, space.slope_v, space.slope_h, space.wider};
  return WriteGradients(shape, correlations, weight, displacement, gradients, space.terms, stream);
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

}  // namespace dau::cuda::direct
