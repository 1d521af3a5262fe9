// The spectral form: tiles are transformed, multiplied by the spectra of the units, frequency by frequency, and
// transformed back. Its cost hardly depends on the number of units. As dau_conv_cuda.h, but it refuses shapes whose
// max_displacement and blur no tile of 64 pixels can hold.
//
// Workspace: x and y (of a gradient: dx or x, and dy) in float or double; 32 bytes a unit (48 in double); the spectra
// of as many tiles as fit into 64 MiB, at least one; and for the gradients of the parameters 16 bytes (32 in double)
// for each unit and partial sum, of which there are at most 137, and 2 from 1056 blocks of 16 × 16 channels and filters
// on.
//
// A value of x or dy that is not finite may reach any y or dx of its image, and none of another.
#ifndef DAU_CC_KERNELS_CUDA_DAU_CONV_SPECTRAL_H_
#define DAU_CC_KERNELS_CUDA_DAU_CONV_SPECTRAL_H_

#include <cstddef>
#include <cstdint>

#include "cc/kernels/base/half.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda::spectral {

template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, size_t* bytes);
template <typename T>
Status Forward(const DauConvShape& shape, const T* x, const T* weight, const Real<T>* displacement, T* y,
               void* workspace, cudaStream_t stream);

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, size_t* bytes);
template <typename T>
Status BackwardInput(const DauConvShape& shape, const T* weight, const Real<T>* displacement, const T* dy, T* dx,
                     void* workspace, cudaStream_t stream);

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, DisplacementGradient kind, bool sigma, size_t* bytes);
template <typename T>
Status BackwardParams(const DauConvShape& shape, DisplacementGradient kind, const T* x, const T* weight,
                      const Real<T>* displacement, const T* dy, const ParamGradients<T>& gradients, void* workspace,
                      cudaStream_t stream);

#ifdef DAU_CUDA_ON_CPU
// What a call holds of spectra, for tests of small shapes in many pieces.
int64_t& SpectraBytesForTest();
#endif

}  // namespace dau::cuda::spectral

#endif  // DAU_CC_KERNELS_CUDA_DAU_CONV_SPECTRAL_H_
