#include "cc/kernels/direct/gather_pass.h"

#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/direct/layout.h"

namespace dau::direct {
namespace {

// visit(the pass in the layout that costs least, its work, that work's kind).
template <typename T, typename Visit>
auto WithCheapest(Direction direction, const DauConvShape& shape, const DisplacementRange& range,
                  const Parallel& parallel, const Visit& visit) {
  const GatherCall call(direction, shape, range);
  const PlaneGatherPass<T> planes(call, parallel);
  if (LaneGatherPass<T>::Serves(call) && ForcedLayout() != Layout::kPlanes) {
    const LaneGatherPass<T> lanes(call, parallel);
    if (ForcedLayout() == Layout::kLanes || Nanoseconds(WorkKind::kLaneGather, lanes.CountWork()) <
                                                Nanoseconds(WorkKind::kPlaneGather, planes.CountWork())) {
      return visit(lanes, WorkKind::kLaneGather);
    }
  }
  return visit(planes, WorkKind::kPlaneGather);
}

template <typename T>
Status Workspace(Direction direction, const DauConvShape& shape, const DisplacementRange& range,
                 const Parallel& parallel, size_t* bytes) {
  // What the planes cannot address is refused in either layout.
  if (Status s = PlaneGatherPass<T>(GatherCall(direction, shape, range), parallel).Workspace(bytes); !s.ok()) return s;
  return WithCheapest<T>(direction, shape, range, parallel,
                         [&](const auto& pass, WorkKind) { return pass.Workspace(bytes); });
}

}  // namespace

template <typename T>
KindOfWork CountGather(Direction direction, const DauConvShape& shape, const DisplacementRange& range) {
  return WithCheapest<T>(direction, shape, range, Parallel(),
                         [](const auto& pass, WorkKind kind) { return KindOfWork{kind, pass.CountWork()}; });
}

template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                        size_t* bytes) {
  return Workspace<T>(Direction::kForward, shape, range, parallel, bytes);
}

template <typename T>
void Forward(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
             const T* displacement, T* y, void* workspace, const Parallel& parallel) {
  WithCheapest<T>(Direction::kForward, shape, range, parallel,
                  [&](const auto& pass, WorkKind) { pass.Run(x, weight, displacement, y, workspace); });
}

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                              size_t* bytes) {
  return Workspace<T>(Direction::kBackward, shape, range, parallel, bytes);
}

template <typename T>
void BackwardInput(const DauConvShape& shape, const DisplacementRange& range, const T* weight, const T* displacement,
                   const T* dy, T* dx, void* workspace, const Parallel& parallel) {
  WithCheapest<T>(Direction::kBackward, shape, range, parallel,
                  [&](const auto& pass, WorkKind) { pass.Run(dy, weight, displacement, dx, workspace); });
}

#define DAU_INSTANTIATE(T)                                                                                            \
  template KindOfWork CountGather<T>(Direction, const DauConvShape&, const DisplacementRange&);                       \
  template Status ForwardWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*);       \
  template void Forward(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, T*, void*,       \
                        const Parallel&);                                                                             \
  template Status BackwardInputWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*); \
  template void BackwardInput(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, T*, void*, \
                              const Parallel&);
DAU_INSTANTIATE(float)
DAU_INSTANTIATE(double)
#undef DAU_INSTANTIATE

}  // namespace dau::direct
