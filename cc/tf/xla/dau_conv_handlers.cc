// The custom calls of dau_conv_call.h on the host: unpack, check, allocate, call.
#include "cc/kernels/dau_conv.h"
#include "cc/tf/xla/dau_conv_call.h"
#include "cc/tf/xla/handlers.h"
#include "cc/tf/xla/threads.h"

namespace dau::tf {
namespace {

double Scalar(const Array& array) {
  return array.element_type() == ffi::DataType::F64 ? *array.typed_data<double>() : *array.typed_data<float>();
}

struct Call {
  DauConvShape shape;
  DisplacementGradient gradient;
  DisplacementRange range;
  Options options;
  Parallel parallel;
};

template <typename T>
Status Prepare(ffi::ThreadPool pool, const ffi::Dictionary& attributes, const Array& displacement, const Array& sigma,
               int64_t outputs, Call* call) {
  Status status = ReadFixed(attributes, Scalar(sigma), outputs, &call->shape, &call->gradient, &call->options);
  if (!status.ok()) return status;
  call->parallel = ClusterThreads(pool);
  return FindDisplacementRange(call->shape, displacement.reinterpret_data<Real<T>>(), &call->range);
}

template <typename T>
ffi::Error RunForward(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array x, Result y,
                      const ffi::Dictionary& attributes) {
  Call call;
  Status status = Prepare<T>(pool, attributes, displacement, sigma, y->element_count(), &call);
  if (!status.ok()) return Refusal(status);
  size_t bytes;
  status = ForwardWorkspace<T>(call.options, call.shape, call.range, call.parallel, &bytes);
  if (!status.ok()) return Refusal(status);
  const Scratch scratch(bytes);
  if (scratch.data() == nullptr) return OutOfMemory(bytes);
  Forward<T>(call.options, call.shape, call.range, x.reinterpret_data<T>(), weight.reinterpret_data<T>(),
             displacement.reinterpret_data<Real<T>>(), y->reinterpret_data<T>(), scratch.data(), call.parallel);
  return ffi::Error::Success();
}

template <typename T>
ffi::Error RunBackpropInput(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array dy, Result dx,
                            const ffi::Dictionary& attributes) {
  Call call;
  Status status = Prepare<T>(pool, attributes, displacement, sigma, dy.element_count(), &call);
  if (!status.ok()) return Refusal(status);
  size_t bytes;
  status = BackwardInputWorkspace<T>(call.options, call.shape, call.range, call.parallel, &bytes);
  if (!status.ok()) return Refusal(status);
  const Scratch scratch(bytes);
  if (scratch.data() == nullptr) return OutOfMemory(bytes);
  BackwardInput<T>(call.options, call.shape, call.range, weight.reinterpret_data<T>(),
                   displacement.reinterpret_data<Real<T>>(), dy.reinterpret_data<T>(), dx->reinterpret_data<T>(),
                   scratch.data(), call.parallel);
  return ffi::Error::Success();
}

template <typename T>
ffi::Error RunBackpropParams(ffi::ThreadPool pool, Array weight, Array displacement, Array sigma, Array x, Array dy,
                             Result d_weight, Result d_displacement, const ffi::Dictionary& attributes) {
  Call call;
  Status status = Prepare<T>(pool, attributes, displacement, sigma, dy.element_count(), &call);
  if (!status.ok()) return Refusal(status);
  size_t bytes;
  status = BackwardParamsWorkspace<T>(call.options, call.shape, call.range, call.gradient, /*sigma=*/false,
                                      call.parallel, &bytes);
  if (!status.ok()) return Refusal(status);
  const Scratch scratch(bytes);
  if (scratch.data() == nullptr) return OutOfMemory(bytes);
  BackwardParams<T>(call.options, call.shape, call.range, call.gradient, x.reinterpret_data<T>(),
                    weight.reinterpret_data<T>(), displacement.reinterpret_data<Real<T>>(), dy.reinterpret_data<T>(),
                    {d_weight->reinterpret_data<T>(), d_displacement->reinterpret_data<Real<T>>()}, scratch.data(),
                    call.parallel);
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
                                Result d_weight, Result d_displacement, ffi::Dictionary attributes) {
  DAU_BY_TYPE(weight, RunBackpropParams, pool, weight, displacement, sigma, x, dy, d_weight, d_displacement,
              attributes);
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(DauConv2DHandler, HandleForward, ParametersFirst().Arg<Array>().Ret<Array>().Attrs());
XLA_FFI_DEFINE_HANDLER_SYMBOL(DauConv2DBackpropInputHandler, HandleBackpropInput,
                              ParametersFirst().Arg<Array>().Ret<Array>().Attrs());
XLA_FFI_DEFINE_HANDLER_SYMBOL(DauConv2DBackpropParamsHandler, HandleBackpropParams,
                              ParametersFirst().Arg<Array>().Arg<Array>().Ret<Array>().Ret<Array>().Attrs());

XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kForwardCall, "Host", DauConv2DHandler);
XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kBackpropInputCall, "Host", DauConv2DBackpropInputHandler);
XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), kBackpropParamsCall, "Host", DauConv2DBackpropParamsHandler);

}  // namespace
}  // namespace dau::tf
