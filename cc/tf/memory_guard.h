// A call without memory is an error of that call, not the end of the process.
#ifndef DAU_CC_TF_MEMORY_GUARD_H_
#define DAU_CC_TF_MEMORY_GUARD_H_

#include <new>

#include "absl/status/status.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace dau::tf {

// Runs compute(ctx). Tensors that TensorFlow can't allocate it reports itself; the kernels' own lists, some kilobytes,
// come from `new`.
template <typename Compute>
void GuardMemory(tensorflow::OpKernelContext* ctx, const Compute& compute) {
  try {
    compute(ctx);
  } catch (const std::bad_alloc&) {
    ctx->CtxFailure(absl::ResourceExhaustedError("no memory is left for the lists of a call"));
  }
}

}  // namespace dau::tf

#endif  // DAU_CC_TF_MEMORY_GUARD_H_
