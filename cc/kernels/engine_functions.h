// What every engine offers, as one struct: the front door and the tests call engines through it.
#ifndef DAU_CC_KERNELS_ENGINE_FUNCTIONS_H_
#define DAU_CC_KERNELS_ENGINE_FUNCTIONS_H_

#include <cstddef>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/base/status.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau {

// T: float or double. A …_workspace returns an error where the engine can't serve the shape.
template <typename T>
struct EngineFunctions {
  Status (*forward_workspace)(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t* bytes);
  void (*forward)(const DauConvShape&, const DisplacementRange&, const T* x, const T* weight, const T* displacement,
                  T* y, void* workspace, const Parallel&);
  Status (*backward_input_workspace)(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t* bytes);
  void (*backward_input)(const DauConvShape&, const DisplacementRange&, const T* weight, const T* displacement,
                         const T* dy, T* dx, void* workspace, const Parallel&);
  Status (*backward_params_workspace)(const DauConvShape&, const DisplacementRange&, DisplacementGradient, bool sigma,
                                      const Parallel&, size_t* bytes);
  void (*backward_params)(const DauConvShape&, const DisplacementRange&, DisplacementGradient, const T* x,
                          const T* weight, const T* displacement, const T* dy, const ParamGradients<T>&,
                          void* workspace, const Parallel&);
};

// The functions of the engine in namespace dau::name.
#define DAU_ENGINE_FUNCTIONS(T, name)                                                                          \
  ::dau::EngineFunctions<T> {                                                                                  \
    ::dau::name::ForwardWorkspace<T>, ::dau::name::Forward<T>, ::dau::name::BackwardInputWorkspace<T>,         \
        ::dau::name::BackwardInput<T>, ::dau::name::BackwardParamsWorkspace<T>, ::dau::name::BackwardParams<T> \
  }

}  // namespace dau

#endif  // DAU_CC_KERNELS_ENGINE_FUNCTIONS_H_
