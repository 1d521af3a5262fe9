// Lets a CPU-only TensorFlow lower functions for a GPU: only GPU wheels register a backend of XLA for that. Enough for
// `experimental_get_compiler_ir(…)(stage="hlo", platform_name="GPU")`; nothing that it lowers can run.
#include "tensorflow/compiler/tf2xla/xla_op_registry.h"

namespace {

[[maybe_unused]] const bool registered = [] {
  using tensorflow::XlaOpRegistry;
  if (XlaOpRegistry::IsBackendRegistered("XLA_GPU_JIT")) return false;
  XlaOpRegistry::RegisterBackend("XLA_GPU_JIT", tensorflow::kGpuAllTypes, [](tensorflow::KernelDef*) { return true; });
  return true;
}();

}  // namespace
