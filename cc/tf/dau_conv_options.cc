#include "cc/tf/dau_conv_options.h"

#include <cstdlib>

#include "cc/kernels/base/status.h"
#include "cc/tf/dau_conv_args.h"
#include "tensorflow/core/util/determinism.h"

namespace dau::tf {

absl::Status ReadOptions(Options* options) {
  *options = Options();
  options->ignore_batch = tensorflow::OpDeterminismRequired();
  const char* engine = std::getenv("DAU_ENGINE");
  if (engine == nullptr || *engine == '\0' || ParseEngine(engine, &options->engine)) return absl::OkStatus();
  return ToAbsl(InvalidArgument(
      "the environment variable DAU_ENGINE must be auto, direct, spectral or reference, or not set. Received: ",
      "DAU_ENGINE=", engine));
}

}  // namespace dau::tf
