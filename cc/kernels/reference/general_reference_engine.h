// The general form's definition with the signatures of an engine: copies in double, computes there in one thread,
// copies back.
#ifndef DAU_CC_KERNELS_REFERENCE_GENERAL_REFERENCE_ENGINE_H_
#define DAU_CC_KERNELS_REFERENCE_GENERAL_REFERENCE_ENGINE_H_

#include <cstddef>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::reference {

template <typename T>
Status GeneralForwardWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                               size_t* bytes);
template <typename T>
void GeneralForward(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
                    const T* displacement, const T* sigma, T* y, void* workspace, const Parallel& parallel);

template <typename T>
Status GeneralBackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange& range,
                                     const Parallel& parallel, size_t* bytes);
template <typename T>
void GeneralBackwardInput(const DauConvShape& shape, const DisplacementRange& range, const T* weight,
                          const T* displacement, const T* sigma, const T* dy, T* dx, void* workspace,
                          const Parallel& parallel);

template <typename T>
Status GeneralBackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange& range,
                                      const Parallel& parallel, size_t* bytes);
template <typename T>
void GeneralBackwardParams(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
                           const T* displacement, const T* sigma, const T* dy, const ParamGradients<T>& gradients,
                           void* workspace, const Parallel& parallel);

}  // namespace dau::reference

#endif  // DAU_CC_KERNELS_REFERENCE_GENERAL_REFERENCE_ENGINE_H_
