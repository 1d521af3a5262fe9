// The library's front door: what a DAU convolution is (dau_conv_shape.h), computed by the engine that options ask for
// or the planner chooses.
//
// A call is: Validate(shape), FindDisplacementRange(...), …Workspace(...) for the size of the scratch memory, then the
// pass itself with the same options, shape, range and threads. Nothing is allocated in proportion to the arrays, no
// state is kept, and the result does not depend on the number of threads.
//
// A NaN or infinity in x or dy may reach any y or dx of its image, and none of another; from the direct engine only
// where a unit sees it or a pixel next to it. In a weight it reaches its filter's y and its channel's dx. Displacements
// must be finite: FindDisplacementRange refuses others. docs/extreme_values.md has the whole table.
//
// T: float, double, or stored as BFloat16 or Float16 and computed in float; Real<T> is then float. A workspace is that
// of the engine, and for 16 bits float copies of x or dx, y or dy, and the weights.
#ifndef DAU_CC_KERNELS_DAU_CONV_H_
#define DAU_CC_KERNELS_DAU_CONV_H_

#include <cstddef>

#include "cc/kernels/base/half.h"       // IWYU pragma: export
#include "cc/kernels/base/parallel.h"   // IWYU pragma: export
#include "cc/kernels/dau_conv_shape.h"  // IWYU pragma: export
#include "cc/kernels/engine.h"          // IWYU pragma: export

namespace dau {

// An error when the forced engine can't serve the shape, or none can.
template <typename T>
Status ForwardWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                        const Parallel& parallel, size_t* bytes);
template <typename T>
void Forward(const Options& options, const DauConvShape& shape, const DisplacementRange& range, const T* x,
             const T* weight, const Real<T>* displacement, T* y, void* workspace, const Parallel& parallel);

template <typename T>
Status BackwardInputWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                              const Parallel& parallel, size_t* bytes);
template <typename T>
void BackwardInput(const Options& options, const DauConvShape& shape, const DisplacementRange& range, const T* weight,
                   const Real<T>* displacement, const T* dy, T* dx, void* workspace, const Parallel& parallel);

// sigma: whether gradients.sigma is wanted; it costs another correlation.
template <typename T>
Status BackwardParamsWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                               DisplacementGradient kind, bool sigma, const Parallel& parallel, size_t* bytes);
template <typename T>
void BackwardParams(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                    DisplacementGradient kind, const T* x, const T* weight, const Real<T>* displacement, const T* dy,
                    const ParamGradients<T>& gradients, void* workspace, const Parallel& parallel);

}  // namespace dau

#endif  // DAU_CC_KERNELS_DAU_CONV_H_
