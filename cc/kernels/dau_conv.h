// The library's front door: what a DAU convolution is (dau_conv_shape.h) and the engine that computes it.
//
// A call is: Validate(shape), FindDisplacementRange(...), …Workspace(...) for the size of the scratch memory, then the
// pass itself. Nothing is allocated in proportion to the arrays, no state is kept, and the result does not depend on
// the number of threads.
#ifndef DAU_CC_KERNELS_DAU_CONV_H_
#define DAU_CC_KERNELS_DAU_CONV_H_

#include "cc/kernels/base/parallel.h"           // IWYU pragma: export
#include "cc/kernels/dau_conv_shape.h"          // IWYU pragma: export
#include "cc/kernels/direct/dau_conv_direct.h"  // IWYU pragma: export

namespace dau {

using direct::BackwardInput;
using direct::BackwardInputWorkspace;
using direct::BackwardParams;
using direct::BackwardParamsWorkspace;
using direct::Forward;
using direct::ForwardWorkspace;

}  // namespace dau

#endif  // DAU_CC_KERNELS_DAU_CONV_H_
