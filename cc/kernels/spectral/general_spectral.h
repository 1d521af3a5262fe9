// The spectral engine's passes of the general form, a σ per unit: at the cost of the shared form and some more for the
// units' tables, whatever the displacements and σ are. Workspaces and what values that are not finite may reach: as of
// dau_conv_spectral.h.
#ifndef DAU_CC_KERNELS_SPECTRAL_GENERAL_SPECTRAL_H_
#define DAU_CC_KERNELS_SPECTRAL_GENERAL_SPECTRAL_H_

#include <cstddef>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::spectral {

// sigma: [K, S, F], each > 0 and ≤ shape.max_sigma. Refuses displacements that no tile can hold.
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

// All gradients are exact (Eq. 9-10); gradients.sigma is [K, S, F].
template <typename T>
Status GeneralBackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange& range,
                                      const Parallel& parallel, size_t* bytes);
template <typename T>
void GeneralBackwardParams(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
                           const T* displacement, const T* sigma, const T* dy, const ParamGradients<T>& gradients,
                           void* workspace, const Parallel& parallel);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_GENERAL_SPECTRAL_H_
