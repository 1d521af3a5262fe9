// What the process asks of the engines: DAU_ENGINE in its environment, and op determinism.
#ifndef DAU_CC_TF_DAU_CONV_OPTIONS_H_
#define DAU_CC_TF_DAU_CONV_OPTIONS_H_

#include "absl/status/status.h"
#include "cc/kernels/engine.h"

namespace dau::tf {

// Read anew on each call, so that a test can change it within its process.
absl::Status ReadOptions(Options* options);

}  // namespace dau::tf

#endif  // DAU_CC_TF_DAU_CONV_OPTIONS_H_
