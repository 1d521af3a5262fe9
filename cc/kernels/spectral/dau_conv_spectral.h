// The spectral engine: tiles are transformed, multiplied by the units' spectra frequency by frequency, and transformed
// back. Its cost hardly depends on the number of units or, within a tile, on their displacement. Arrays as in
// dau_conv_shape.h.
//
// Each call needs `workspace` memory of the size its twin …Workspace tells: the spectra of as many tiles as fit into
// about 24 MiB (at least one), and scratch memory of at most 32 MiB for all threads (at least one thread's).
//
// A value that is not finite may make all of its image's output, and the parameters' gradients, not finite; it never
// reaches another image's output or input gradient.
#ifndef DAU_CC_KERNELS_SPECTRAL_DAU_CONV_SPECTRAL_H_
#define DAU_CC_KERNELS_SPECTRAL_DAU_CONV_SPECTRAL_H_

#include <cstddef>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::spectral {

// Refuses displacements that no tile can hold.
template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                        size_t* bytes);
template <typename T>
void Forward(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
             const T* displacement, T* y, void* workspace, const Parallel& parallel);

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                              size_t* bytes);
template <typename T>
void BackwardInput(const DauConvShape& shape, const DisplacementRange& range, const T* weight, const T* displacement,
                   const T* dy, T* dx, void* workspace, const Parallel& parallel);

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind,
                               bool sigma, const Parallel& parallel, size_t* bytes);
template <typename T>
void BackwardParams(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, const T* x,
                    const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
                    void* workspace, const Parallel& parallel);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_DAU_CONV_SPECTRAL_H_
