// The custom calls of Dau>SigmaConv2D on the host: unpack, check, allocate, call.
#include <string>

#include "cc/tf/dau_conv_args.h"
#include "cc/tf/dau_conv_options.h"
#include "cc/tf/sigma_call.h"
#include "cc/tf/sigma_conv_args.h"
#include "cc/tf/xla/dau_conv_call.h"
#include "cc/tf/xla/handlers.h"
#include "cc/tf/xla/threads.h"

namespace dau::tf {
namespace {

template <typename T>
Status Prepare(ffi::ThreadPool pool, const ffi::Dictionary& attributes, const Array& weight, const Array& displacement,
               const Array& sigma, SigmaCall<T>* call) {
  ReadAttributes(attributes, &call->shape, &call->gradient);
  call->weight = weight.reinterpret_data<T>();
  call->displacement = displacement.reinterpret_data<Real<T>>();
  call->sigma = sigma.reinterpret_data<Real<T>>();
  call->general = sigma.dimensions().size() > 0;
  const int64_t count = static_cast<int64_t>(sigma.element_count());
  if (Status status = CheckSigma(call->sigma, count, call->shape.max_sigma); !status.ok()) return status;
  const double shared = call->general ? 0 : static_cast<double>(*call->sigma);
  SetSigma(call->general ? nullptr : &shared, &call->shape);
  if (Status status = Validate(call->shape); !status.ok()) return status;
  if (absl::Status status = ReadOptions(&call->options); !status.ok()) return Status(std::string(status.message()));
  call->parallel = ClusterThreads(pool);
  return FindDisplacementRange(call->shape, call->displacement, &call->range);
}

template <typename T>
ffi::Error RunForward(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array x, Result y,
                      const ffi::Dictionary& attributes) {
  SigmaCall<T> call;
  Status status = Prepare(pool, attributes, weight, displacement, sigma, &call);
  size_t bytes = 0;
  if (status.ok()) status = call.ForwardWorkspace(&bytes);
  if (!status.ok()) return Refusal(status);
  const Scratch scratch(bytes);
  if (scratch.data() == nullptr) return OutOfMemory(bytes);
  call.Forward(x.reinterpret_data<T>(), y->reinterpret_data<T>(), scratch.data());
  return ffi::Error::Success();
}

template <typename T>
ffi::Error RunBackpropInput(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array dy, Result dx,
                            const ffi::Dictionary& attributes) {
  SigmaCall<T> call;
  Status status = Prepare(pool, attributes, weight, displacement, sigma, &call);
  size_t bytes = 0;
  if (status.ok()) status = call.BackwardInputWorkspace(&bytes);
  if (!status.ok()) return Refusal(status);
  const Scratch scratch(bytes);
  if (scratch.data() == nullptr) return OutOfMemory(bytes);
  call.BackwardInput(dy.reinterpret_data<T>(), dx->reinterpret_data<T>(), scratch.data());
  return ffi::Error::Success();
}

template <typename T>
ffi::Error RunBackpropParams(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array x, Array dy,
                             Result d_weight, Result d_displacement, Result d_sigma,
                             const ffi::Dictionary& attributes) {
  SigmaCall<T> call;
  Status status = Prepare(pool, attributes, weight, displacement, sigma, &call);
  size_t bytes = 0;
  if (status.ok()) status = call.BackwardParamsWorkspace(&bytes);
  if (!status.ok()) return Refusal(status);
  const Scratch scratch(bytes);
  if (scratch.data() == nullptr) return OutOfMemory(bytes);
  call.BackwardParams(x.reinterpret_data<T>(), dy.reinterpret_data<T>(),
                      {d_weight->reinterpret_data<T>(), d_displacement->reinterpret_data<Real<T>>(),
                       d_sigma->reinterpret_data<Real<T>>()},
                      scratch.data());
  return ffi::Error::Success();
}

ffi::Error HandleForward(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array x, Result y,
                         ffi::Dictionary attributes) {
  DAU_BY_TYPE(weight, RunForward, pool, weight, displacement, sigma, x, y, attributes);
}

ffi::Error HandleBackpropInput(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array dy, Result dx,
                               ffi::Dictionary attributes) {
  DAU_BY_TYPE(weight, RunBackpropInput, pool, weight, displacement, sigma, dy, dx, attributes);
}

ffi::Error HandleBackpropParams(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array x, Array dy,
                                Result d_weight, Result d_displacement, Result d_sigma, ffi::Dictionary attributes) {
  DAU_BY_TYPE(weight, RunBackpropParams, pool, weight, displacement, sigma, x, dy, d_weight, d_displacement, d_sigma,
              attributes);
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(DauSigmaConv2DHandler, HandleForward,
                              ParametersFirst().Arg<Array>().Ret<Array>().Attrs());
XLA_FFI_DEFINE_HANDLER_SYMBOL(DauSigmaConv2DBackpropInputHandler, HandleBackpropInput,
                              ParametersFirst().Arg<Array>().Ret<Array>().Attrs());
XLA_FFI_DEFINE_HANDLER_SYMBOL(
    DauSigmaConv2DBackpropParamsHandler, HandleBackpropParams,
    ParametersFirst().Arg<Array>().Arg<Array>().Ret<Array>().Ret<Array>().Ret<Array>().Attrs());

XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kSigmaForwardCall, "Host", DauSigmaConv2DHandler);
XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kSigmaBackpropInputCall, "Host", DauSigmaConv2DBackpropInputHandler);
XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kSigmaBackpropParamsCall, "Host", DauSigmaConv2DBackpropParamsHandler);

}  // namespace
}  // namespace dau::tf
