// The custom calls of dau_conv_call.h on a GPU: unpack, check, allocate, launch on the cluster's stream. In a build
// with CUDA only.
#include <optional>

#include "cc/kernels/cuda/dau_conv_cuda.h"
#include "cc/kernels/cuda/read_number.h"
#include "cc/tf/xla/dau_conv_call.h"
#include "cc/tf/xla/handlers.h"

namespace dau::tf {
namespace {

using Stream = ffi::PlatformStream<cudaStream_t>;
using Allocator = ffi::ScratchAllocator;

// A validated shape whose launch failed: not the arguments' fault.
ffi::Error Launched(const Status& status) {
  return status.ok() ? ffi::Error::Success() : ffi::Error::Internal(status.message());
}

// A call waits only for a sigma that was not known when the cluster was compiled: kernels are chosen by its value.
Status Scalar(const ffi::Dictionary& attributes, const Array& sigma, cudaStream_t stream, double* value) {
  *value = attributes.get<double>(kSigma).value();
  if (*value != kSigmaOfRun) return Status();
  if (sigma.element_type() == ffi::DataType::F64) {
    return cuda::ReadNumber(sigma.typed_data<double>(), value, stream);
  }
  float narrow = 0;
  Status status = cuda::ReadNumber(sigma.typed_data<float>(), &narrow, stream);
  *value = narrow;
  return status;
}

struct Call {
  DauConvShape shape;
  DisplacementGradient gradient;
  Options options;
};

Status Prepare(cudaStream_t stream, const ffi::Dictionary& attributes, const Array& sigma, int64_t outputs,
               Call* call) {
  double value;
  if (Status status = Scalar(attributes, sigma, stream, &value); !status.ok()) return status;
  return ReadFixed(attributes, value, outputs, &call->shape, &call->gradient, &call->options);
}

// XLA takes the memory back when the handler returns, and gives it to what follows on the same stream.
bool Allocate(Allocator& allocator, size_t bytes, void** workspace) {
  constexpr size_t kAlignment = 16;  // what the kernels ask for
  *workspace = nullptr;
  if (bytes == 0) return true;
  *workspace = allocator.Allocate(bytes, kAlignment).value_or(nullptr);
  return *workspace != nullptr;
}

template <typename T>
ffi::Error RunForward(cudaStream_t stream, Allocator& allocator, Array weight, Array displacement, Array sigma, Array x,
                      Result y, const ffi::Dictionary& attributes) {
  Call call;
  size_t bytes = 0;
  Status status = Prepare(stream, attributes, sigma, y->element_count(), &call);
  if (status.ok()) status = cuda::ForwardWorkspace<T>(call.options, call.shape, &bytes);
  if (!status.ok()) return Refusal(status);
  void* workspace;
  if (!Allocate(allocator, bytes, &workspace)) return OutOfMemory(bytes);
  return Launched(cuda::Forward<T>(call.options, call.shape, x.reinterpret_data<T>(), weight.reinterpret_data<T>(),
                                   displacement.reinterpret_data<Real<T>>(), y->reinterpret_data<T>(), workspace,
                                   stream));
}

template <typename T>
ffi::Error RunBackpropInput(cudaStream_t stream, Allocator& allocator, Array weight, Array displacement, Array sigma,
                            Array dy, Result dx, const ffi::Dictionary& attributes) {
  Call call;
  size_t bytes = 0;
  Status status = Prepare(stream, attributes, sigma, dy.element_count(), &call);
  if (status.ok()) status = cuda::BackwardInputWorkspace<T>(call.options, call.shape, &bytes);
  if (!status.ok()) return Refusal(status);
  void* workspace;
  if (!Allocate(allocator, bytes, &workspace)) return OutOfMemory(bytes);
  return Launched(cuda::BackwardInput<T>(call.options, call.shape, weight.reinterpret_data<T>(),
                                         displacement.reinterpret_data<Real<T>>(), dy.reinterpret_data<T>(),
                                         dx->reinterpret_data<T>(), workspace, stream));
}

template <typename T>
ffi::Error RunBackpropParams(cudaStream_t stream, Allocator& allocator, Array weight, Array displacement, Array sigma,
                             Array x, Array dy, Result d_weight, Result d_displacement,
                             const ffi::Dictionary& attributes) {
  Call call;
  size_t bytes = 0;
  Status status = Prepare(stream, attributes, sigma, dy.element_count(), &call);
  if (status.ok()) {
    status = cuda::BackwardParamsWorkspace<T>(call.options, call.shape, call.gradient, /*sigma=*/false, &bytes);
  }
  if (!status.ok()) return Refusal(status);
  void* workspace;
  if (!Allocate(allocator, bytes, &workspace)) return OutOfMemory(bytes);
  return Launched(cuda::BackwardParams<T>(
      call.options, call.shape, call.gradient, x.reinterpret_data<T>(), weight.reinterpret_data<T>(),
      displacement.reinterpret_data<Real<T>>(), dy.reinterpret_data<T>(),
      {d_weight->reinterpret_data<T>(), d_displacement->reinterpret_data<Real<T>>()}, workspace, stream));
}

ffi::Error HandleForward(cudaStream_t stream, Allocator allocator, Array weight, Array displacement, Array sigma,
                         Array x, Result y, ffi::Dictionary attributes) {
  DAU_BY_TYPE(weight, RunForward, stream, allocator, weight, displacement, sigma, x, y, attributes);
}

ffi::Error HandleBackpropInput(cudaStream_t stream, Allocator allocator, Array weight, Array displacement, Array sigma,
                               Array dy, Result dx, ffi::Dictionary attributes) {
  DAU_BY_TYPE(weight, RunBackpropInput, stream, allocator, weight, displacement, sigma, dy, dx, attributes);
}

ffi::Error HandleBackpropParams(cudaStream_t stream, Allocator allocator, Array weight, Array displacement, Array sigma,
                                Array x, Array dy, Result d_weight, Result d_displacement, ffi::Dictionary attributes) {
  DAU_BY_TYPE(weight, RunBackpropParams, stream, allocator, weight, displacement, sigma, x, dy, d_weight,
              d_displacement, attributes);
}

auto OnStream() { return ffi::Ffi::Bind().Ctx<Stream>().Ctx<Allocator>().Arg<Array>().Arg<Array>().Arg<Array>(); }

XLA_FFI_DEFINE_HANDLER_SYMBOL(DauConv2DCudaHandler, HandleForward, OnStream().Arg<Array>().Ret<Array>().Attrs());
XLA_FFI_DEFINE_HANDLER_SYMBOL(DauConv2DBackpropInputCudaHandler, HandleBackpropInput,
                              OnStream().Arg<Array>().Ret<Array>().Attrs());
XLA_FFI_DEFINE_HANDLER_SYMBOL(DauConv2DBackpropParamsCudaHandler, HandleBackpropParams,
                              OnStream().Arg<Array>().Arg<Array>().Ret<Array>().Ret<Array>().Attrs());

XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kForwardCall, "CUDA", DauConv2DCudaHandler);
XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kBackpropInputCall, "CUDA", DauConv2DBackpropInputCudaHandler);
XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kBackpropParamsCall, "CUDA", DauConv2DBackpropParamsCudaHandler);

}  // namespace
}  // namespace dau::tf
