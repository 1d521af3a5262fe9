// A call of Dau>SigmaConv2D or one of its gradients, by whichever form its sigma asks for: the shells' common part.
#ifndef DAU_CC_TF_SIGMA_CALL_H_
#define DAU_CC_TF_SIGMA_CALL_H_

#include <cstddef>

#include "cc/kernels/dau_conv.h"
#include "cc/kernels/general_conv.h"

namespace dau::tf {

// S: what images and weights are stored as. Everything is checked: the shape valid, each sigma within it.
template <typename S>
struct SigmaCall {
  Options options;
  DauConvShape shape;
  DisplacementRange range;
  DisplacementGradient gradient = DisplacementGradient::kGaussian;
  Parallel parallel;
  bool general = false;  // a sigma a unit; else shape.sigma
  const S* weight = nullptr;
  const Real<S>*displacement = nullptr, *sigma = nullptr;

  dau::Status ForwardWorkspace(size_t* bytes) const {
    return general ? GeneralForwardWorkspace<S>(options, shape, range, parallel, bytes)
                   : dau::ForwardWorkspace<S>(options, shape, range, parallel, bytes);
  }
  void Forward(const S* x, S* y, void* workspace) const {
    if (general) {
      GeneralForward<S>(options, shape, range, x, weight, displacement, sigma, y, workspace, parallel);
    } else {
      dau::Forward<S>(options, shape, range, x, weight, displacement, y, workspace, parallel);
    }
  }

  dau::Status BackwardInputWorkspace(size_t* bytes) const {
    return general ? GeneralBackwardInputWorkspace<S>(options, shape, range, parallel, bytes)
                   : dau::BackwardInputWorkspace<S>(options, shape, range, parallel, bytes);
  }
  void BackwardInput(const S* dy, S* dx, void* workspace) const {
    if (general) {
      GeneralBackwardInput<S>(options, shape, range, weight, displacement, sigma, dy, dx, workspace, parallel);
    } else {
      dau::BackwardInput<S>(options, shape, range, weight, displacement, dy, dx, workspace, parallel);
    }
  }

  dau::Status BackwardParamsWorkspace(size_t* bytes) const {
    return general ? GeneralBackwardParamsWorkspace<S>(options, shape, range, parallel, bytes)
                   : dau::BackwardParamsWorkspace<S>(options, shape, range, gradient, /*sigma=*/true, parallel, bytes);
  }
  void BackwardParams(const S* x, const S* dy, const ParamGradients<S>& gradients, void* workspace) const {
    if (general) {
      GeneralBackwardParams<S>(options, shape, range, x, weight, displacement, sigma, dy, gradients, workspace,
                               parallel);
    } else {
      dau::BackwardParams<S>(options, shape, range, gradient, x, weight, displacement, dy, gradients, workspace,
                             parallel);
    }
  }
};

}  // namespace dau::tf

#endif  // DAU_CC_TF_SIGMA_CALL_H_
