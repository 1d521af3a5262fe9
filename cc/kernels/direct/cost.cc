#include "cc/kernels/direct/cost.h"

#include "cc/kernels/direct/correlate_pass.h"
#include "cc/kernels/direct/gather_pass.h"

namespace dau::direct {

template <typename T>
KindOfWork CountWork(Pass pass, const DauConvShape& shape, const DisplacementRange& range) {
  switch (pass) {
    case Pass::kForward:
      return CountGather<T>(Direction::kForward, shape, range);
    case Pass::kBackwardInput:
      return CountGather<T>(Direction::kBackward, shape, range);
    case Pass::kBackwardParamsExact:
      return CountCorrelate<T>(shape, range, DisplacementGradient::kExact);
    case Pass::kBackwardParamsGaussian:
      break;
  }
  return CountCorrelate<T>(shape, range, DisplacementGradient::kGaussian);
}

template <typename T>
double EstimateCost(Pass pass, const DauConvShape& shape, const DisplacementRange& range) {
  const KindOfWork work = CountWork<T>(pass, shape, range);
  return Nanoseconds(work.kind, work.work);
}

template KindOfWork CountWork<float>(Pass, const DauConvShape&, const DisplacementRange&);
template KindOfWork CountWork<double>(Pass, const DauConvShape&, const DisplacementRange&);
template double EstimateCost<float>(Pass, const DauConvShape&, const DisplacementRange&);
template double EstimateCost<double>(Pass, const DauConvShape&, const DisplacementRange&);

}  // namespace dau::direct
