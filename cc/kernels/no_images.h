// The engine of an empty batch, whose images may be of any size: nothing to hold, nothing to add up.
#ifndef DAU_CC_KERNELS_NO_IMAGES_H_
#define DAU_CC_KERNELS_NO_IMAGES_H_

#include <algorithm>
#include <cstddef>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::no_images {

template <typename R>
Status ForwardWorkspace(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t* bytes) {
  *bytes = 0;
  return Status();
}
template <typename R>
void Forward(const DauConvShape&, const DisplacementRange&, const R*, const R*, const R*, R*, void*, const Parallel&) {}

template <typename R>
Status BackwardInputWorkspace(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t* bytes) {
  *bytes = 0;
  return Status();
}
template <typename R>
void BackwardInput(const DauConvShape&, const DisplacementRange&, const R*, const R*, const R*, R*, void*,
                   const Parallel&) {}

template <typename R>
Status BackwardParamsWorkspace(const DauConvShape&, const DisplacementRange&, DisplacementGradient, bool,
                               const Parallel&, size_t* bytes) {
  *bytes = 0;
  return Status();
}
template <typename R>
void BackwardParams(const DauConvShape& shape, const DisplacementRange&, DisplacementGradient, const R*, const R*,
                    const R*, const R*, const ParamGradients<R>& gradients, void*, const Parallel&) {
  std::fill_n(gradients.weight, UnitCount(shape), R{0});
  std::fill_n(gradients.displacement, 2 * UnitCount(shape), R{0});
  if (gradients.sigma != nullptr) *gradients.sigma = 0;
}

}  // namespace dau::no_images

#endif  // DAU_CC_KERNELS_NO_IMAGES_H_
