// TensorFlow's own threads, lent as a Parallel.
#ifndef DAU_CC_TF_DEVICE_THREADS_H_
#define DAU_CC_TF_DEVICE_THREADS_H_

#include "cc/kernels/base/parallel.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace dau::tf {

inline Parallel DeviceThreads(tensorflow::OpKernelContext* ctx) {
  auto* workers = ctx->device()->tensorflow_cpu_worker_threads()->workers;
  Parallel parallel;
  parallel.num_threads = workers->NumThreads();
  parallel.run = [workers](int64_t total, int64_t cost, const Parallel::Range& range) {
    workers->ParallelFor(total, cost, range);
  };
  return parallel;
}

}  // namespace dau::tf

#endif  // DAU_CC_TF_DEVICE_THREADS_H_
