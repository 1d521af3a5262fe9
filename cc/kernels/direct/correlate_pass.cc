#include "cc/kernels/direct/correlate_pass.h"

#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/direct/layout.h"

namespace dau::direct {
namespace {

// visit(the pass in the layout that costs least, the kind of its work).
template <typename T, typename Visit>
auto WithCheapest(const CorrelateCall& call, const Parallel& parallel, const Visit& visit) {
  const WorkKind plane_kind = call.exact ? WorkKind::kPlaneCorners : WorkKind::kPlaneGaussian;
  const WorkKind lane_kind = call.exact ? WorkKind::kLaneCorners : WorkKind::kLaneGaussian;
  const PlaneCorrelatePass<T> planes(call, parallel);
  if (LaneCorrelatePass<T>::Serves(call) && ForcedLayout() != Layout::kPlanes) {
    const LaneCorrelatePass<T> lanes(call, parallel);
    if (ForcedLayout() == Layout::kLanes ||
        Nanoseconds(lane_kind, lanes.CountWork()) < Nanoseconds(plane_kind, planes.CountWork())) {
      return visit(lanes, lane_kind);
    }
  }
  return visit(planes, plane_kind);
}

}  // namespace

template <typename T>
void WriteGradients(const CorrelateCall& call, const UnitSums* sums, const UnitSums* sigma_sums, const T* weight,
                    const ParamGradients<T>& gradients, const Parallel& parallel) {
  call.ForEachUnit(parallel, [&](int64_t i, int64_t j) {
    gradients.weight[i] = static_cast<T>(sums[j].weight);
    gradients.displacement[i] = static_cast<T>(weight[i] * sums[j].displacement_v);
    gradients.displacement[call.unit_count() + i] = static_cast<T>(weight[i] * sums[j].displacement_h);
  });
  if (!call.sigma) return;
  double sum = 0;
  const int64_t pairs = call.shape.in_channels * call.shape.filters;
  for (int64_t i = 0; i < call.unit_count(); ++i) {
    sum += weight[i] * sigma_sums[i % pairs * call.shape.units + i / pairs].weight;
  }
  *gradients.sigma = static_cast<T>(sum);
}

template <typename T>
KindOfWork CountCorrelate(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind) {
  return WithCheapest<T>(CorrelateCall(shape, range, kind, false), Parallel(),
                         [](const auto& pass, WorkKind work_kind) { return KindOfWork{work_kind, pass.CountWork()}; });
}

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind,
                               bool sigma, const Parallel& parallel, size_t* bytes) {
  const CorrelateCall call(shape, range, kind, sigma);
  // What the planes cannot address is refused in either layout.
  if (Status s = PlaneCorrelatePass<T>(call, parallel).Workspace(bytes); !s.ok()) return s;
  return WithCheapest<T>(call, parallel, [&](const auto& pass, WorkKind) { return pass.Workspace(bytes); });
}

template <typename T>
void BackwardParams(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, const T* x,
                    const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
                    void* workspace, const Parallel& parallel) {
  const CorrelateCall call(shape, range, kind, gradients.sigma != nullptr);
  WithCheapest<T>(call, parallel,
                  [&](const auto& pass, WorkKind) { pass.Run(x, weight, displacement, dy, gradients, workspace); });
}

#define DAU_INSTANTIATE(T)                                                                                        \
  template KindOfWork CountCorrelate<T>(const DauConvShape&, const DisplacementRange&, DisplacementGradient);     \
  template void WriteGradients(const CorrelateCall&, const UnitSums*, const UnitSums*, const T*,                  \
                               const ParamGradients<T>&, const Parallel&);                                        \
  template Status BackwardParamsWorkspace<T>(const DauConvShape&, const DisplacementRange&, DisplacementGradient, \
                                             bool, const Parallel&, size_t*);                                     \
  template void BackwardParams(const DauConvShape&, const DisplacementRange&, DisplacementGradient, const T*,     \
                               const T*, const T*, const T*, const ParamGradients<T>&, void*, const Parallel&);
DAU_INSTANTIATE(float)
DAU_INSTANTIATE(double)
#undef DAU_INSTANTIATE

}  // namespace dau::direct
