// The library's front door for the general form, a σ per unit (Eq. 2-4, 9-10; formula: reference/general_reference.h):
// calls as in dau_conv.h, with shape.max_sigma, which fixes how far units reach, and sigma [K, S, F], each > 0 and ≤
// shape.max_sigma.
//
// It is computed by the spectral engine; where no tile can hold all displacements, block by block of them; and by the
// reference, slowly, where even a unit's own taps fill no tile (max_sigma beyond some 40 px). Where options force an
// engine it is that one, or an error; the direct engine has no general form, and forced means the same as none.
#ifndef DAU_CC_KERNELS_GENERAL_CONV_H_
#define DAU_CC_KERNELS_GENERAL_CONV_H_

#include <cstddef>

#include "cc/kernels/base/half.h"       // IWYU pragma: export
#include "cc/kernels/base/parallel.h"   // IWYU pragma: export
#include "cc/kernels/dau_conv_shape.h"  // IWYU pragma: export
#include "cc/kernels/engine.h"          // IWYU pragma: export

namespace dau {

template <typename T>
Status GeneralForwardWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                               const Parallel& parallel, size_t* bytes);
template <typename T>
void GeneralForward(const Options& options, const DauConvShape& shape, const DisplacementRange& range, const T* x,
                    const T* weight, const Real<T>* displacement, const Real<T>* sigma, T* y, void* workspace,
                    const Parallel& parallel);

template <typename T>
Status GeneralBackwardInputWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                                     const Parallel& parallel, size_t* bytes);
template <typename T>
void GeneralBackwardInput(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                          const T* weight, const Real<T>* displacement, const Real<T>* sigma, const T* dy, T* dx,
                          void* workspace, const Parallel& parallel);

// gradients.sigma: [K, S, F].
template <typename T>
Status GeneralBackwardParamsWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                                      const Parallel& parallel, size_t* bytes);
template <typename T>
void GeneralBackwardParams(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                           const T* x, const T* weight, const Real<T>* displacement, const Real<T>* sigma, const T* dy,
                           const ParamGradients<T>& gradients, void* workspace, const Parallel& parallel);

}  // namespace dau

#endif  // DAU_CC_KERNELS_GENERAL_CONV_H_
