// Registration of the ops' kernels for XLA.
#ifndef DAU_CC_TF_XLA_REGISTRATION_H_
#define DAU_CC_TF_XLA_REGISTRATION_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tensorflow/compiler/tf2xla/xla_op_kernel.h"
#include "tensorflow/compiler/tf2xla/xla_op_registry.h"
#include "tensorflow/core/framework/kernel_def_builder.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace dau::tf {

constexpr char kCpu[] = "XLA_CPU_JIT", kGpu[] = "XLA_GPU_JIT";

// Where an op has handlers that run it. Elsewhere XLA finds no kernel when it compiles, and says so.
using Devices = std::vector<absl::string_view>;
inline Devices CpuOnly() { return {kCpu}; }
inline Devices CpuAndGpu() {
#ifdef DAU_CUDA
  return {kCpu, kGpu};
#else
  return CpuOnly();
#endif
}

template <typename Op>
tensorflow::OpKernel* Make(tensorflow::OpKernelConstruction* ctx) {
  return new Op(ctx);
}

// XLA hands its kernels over to TensorFlow once, when the process runs its first function, compiled or not.
inline bool HandedOver(absl::string_view device) {
  const auto of_identity = tensorflow::GetRegisteredKernelsForOp("Identity");
  const auto& kernels = of_identity.kernel();
  return std::any_of(kernels.begin(), kernels.end(),
                     [device](const tensorflow::KernelDef& kernel) { return kernel.device_type() == device; });
}

// REGISTER_XLA_OP, which ends the process in two cases that are no reason to: a second copy of this library under
// another path, and one that comes before the library that defines the op. And it is not heard after HandedOver().
template <typename Op>
void Register(const char* name, const Devices& devices, const char* constant_input = nullptr) {
  if (tensorflow::OpRegistry::Global()->LookUp(name) == nullptr) {
    LOG(ERROR) << name << " is not defined: load _dau_ops.so before _dau_xla.so, or dau_tf, which loads both";
    return;
  }
  const std::vector<std::string> known = tensorflow::XlaOpRegistry::GetAllRegisteredOps();
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  auto registration = tensorflow::XlaOpRegistrationBuilder::Name(name);
  registration.Device(absl::MakeConstSpan(devices));
  if (constant_input != nullptr) registration.CompileTimeConstantInput(constant_input);
  tensorflow::XlaOpRegistrar(registration.Build(Make<Op>));
  for (const absl::string_view device : devices) {
    if (!HandedOver(device)) continue;
    const auto* kernel = tensorflow::KernelDefBuilder(name).Device(std::string(device).c_str()).Build();
    tensorflow::kernel_factory::OpKernelRegistrar(kernel, name, Make<Op>);
  }
}

}  // namespace dau::tf

#endif  // DAU_CC_TF_XLA_REGISTRATION_H_
