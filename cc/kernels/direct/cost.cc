#include "cc/kernels/direct/cost.h"

#include "cc/kernels/direct/correlate_pass.h"
#include "cc/kernels/direct/gather_pass.h"

namespace dau::direct {

template <typename T>
KindOfWork CountWork(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const DisplacementRange& range) {
  if (pass == Pass::kBackwardParams) return CountCorrelate<T>(shape, range, kind);
  return CountGather<T>(pass == Pass::kForward ? Direction::kForward : Direction::kBackward, shape, range);
}

template <typename T>
double EstimateCost(Pass pass, DisplacementGradient kind, const DauConvShape& shape, const DisplacementRange& range) {
  const KindOfWork work = CountWork<T>(pass, kind, shape, range);
  return Nanoseconds(work.kind, work.work);
}

#define DAU_INSTANTIATE(T)                                                                                     \
  template KindOfWork CountWork<T>(Pass, DisplacementGradient, const DauConvShape&, const DisplacementRange&); \
  template double EstimateCost<T>(Pass, DisplacementGradient, const DauConvShape&, const DisplacementRange&);
DAU_INSTANTIATE(float)
DAU_INSTANTIATE(double)
#undef DAU_INSTANTIATE

}  // namespace dau::direct
