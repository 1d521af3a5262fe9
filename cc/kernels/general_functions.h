// What an engine of the general form offers, as one struct, like engine_functions.h.
#ifndef DAU_CC_KERNELS_GENERAL_FUNCTIONS_H_
#define DAU_CC_KERNELS_GENERAL_FUNCTIONS_H_

#include <cstddef>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau {

// T: float or double. sigma: [K, S, F], each > 0 and ≤ shape.max_sigma. A …_workspace returns an error where the engine
// can't serve the shape.
template <typename T>
struct GeneralFunctions {
  Status (*forward_workspace)(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t* bytes);
  void (*forward)(const DauConvShape&, const DisplacementRange&, const T* x, const T* weight, const T* displacement,
                  const T* sigma, T* y, void* workspace, const Parallel&);
  Status (*backward_input_workspace)(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t* bytes);
  void (*backward_input)(const DauConvShape&, const DisplacementRange&, const T* weight, const T* displacement,
                         const T* sigma, const T* dy, T* dx, void* workspace, const Parallel&);
  Status (*backward_params_workspace)(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t* bytes);
  void (*backward_params)(const DauConvShape&, const DisplacementRange&, const T* x, const T* weight,
                          const T* displacement, const T* sigma, const T* dy, const ParamGradients<T>&, void* workspace,
                          const Parallel&);
};

// The functions of the engine in namespace dau::name.
#define DAU_GENERAL_FUNCTIONS(T, name)                                                        \
  ::dau::GeneralFunctions<T> {                                                                \
    ::dau::name::GeneralForwardWorkspace<T>, ::dau::name::GeneralForward<T>,                  \
        ::dau::name::GeneralBackwardInputWorkspace<T>, ::dau::name::GeneralBackwardInput<T>,  \
        ::dau::name::GeneralBackwardParamsWorkspace<T>, ::dau::name::GeneralBackwardParams<T> \
  }

}  // namespace dau

#endif  // DAU_CC_KERNELS_GENERAL_FUNCTIONS_H_
