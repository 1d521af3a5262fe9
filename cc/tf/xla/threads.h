// The threads of a compiled cluster: XLA's pool, which is TensorFlow's own, lent as a Parallel.
#ifndef DAU_CC_TF_XLA_THREADS_H_
#define DAU_CC_TF_XLA_THREADS_H_

#include "cc/kernels/base/parallel.h"
#include "xla/ffi/api/ffi.h"

namespace dau::tf {

// Valid as long as the handler runs that got the pool. Without a pool: the calling thread.
Parallel ClusterThreads(xla::ffi::ThreadPool pool);

}  // namespace dau::tf

#endif  // DAU_CC_TF_XLA_THREADS_H_
