// CPU kernels of Dau>SigmaConv2D and its gradients: unpack, check, allocate, call.
#include "cc/kernels/dau_conv.h"
#include "cc/kernels/general_conv.h"
#include "cc/tf/dau_conv_options.h"
#include "cc/tf/dau_conv_storage.h"
#include "cc/tf/device_threads.h"
#include "cc/tf/sigma_conv_args.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace dau::tf {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

// T: of images and weights. Displacements and sigma are Real<Storage>: T itself, or float for 16 bits.
template <typename T>
class SigmaConvOp : public OpKernel {
 public:
  using Storage = typename StorageOf<T>::Type;
  using R = Real<Storage>;

  explicit SigmaConvOp(OpKernelConstruction* ctx) : OpKernel(ctx) { OP_REQUIRES_OK(ctx, attrs_.Read(ctx)); }

 protected:
  // A validated call. The parameters are inputs 1, 2 and 3 of all three ops.
  struct Call {
    DauConvShape shape;
    DisplacementRange range;
    Options options;
    const Storage* weight;
    const R *displacement, *sigma;
    bool general;  // a sigma a unit
  };

  absl::Status Prepare(OpKernelContext* ctx, const TensorShape& input, Call* call) const {
    const Tensor &weight = ctx->input(1), &displacement = ctx->input(2), &sigma = ctx->input(3);
    absl::Status status = MakeSigmaShape(attrs_, input, weight, displacement, sigma, &call->shape);
    if (!status.ok()) return status;
    status = ReadOptions(&call->options);
    if (!status.ok()) return status;
    call->weight = Data<T>(weight);
    call->displacement = displacement.flat<R>().data();
    call->sigma = sigma.flat<R>().data();
    call->general = sigma.dims() > 0;
    return ToAbsl(FindDisplacementRange(call->shape, call->displacement, &call->range));
  }

  static absl::Status AllocateScratch(OpKernelContext* ctx, size_t bytes, Tensor* scratch) {
    return ctx->allocate_temp(tensorflow::DT_UINT8, TensorShape({static_cast<int64_t>(bytes)}), scratch);
  }

  SigmaAttrs attrs_;
};

template <typename T>
class SigmaConvForwardOp : public SigmaConvOp<T> {
 public:
  using SigmaConvOp<T>::SigmaConvOp;
  using typename SigmaConvOp<T>::Call;
  using typename SigmaConvOp<T>::Storage;

  void Compute(OpKernelContext* ctx) override {
    const Tensor& input = ctx->input(0);
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(
        ctx,
        ToAbsl(call.general ? GeneralForwardWorkspace<Storage>(call.options, call.shape, call.range, parallel, &bytes)
                            : ForwardWorkspace<Storage>(call.options, call.shape, call.range, parallel, &bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, OutputShape(call.shape), &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    if (call.general) {
      GeneralForward<Storage>(call.options, call.shape, call.range, Data<T>(input), call.weight, call.displacement,
                              call.sigma, Data<T>(output), scratch.data(), parallel);
    } else {
      Forward<Storage>(call.options, call.shape, call.range, Data<T>(input), call.weight, call.displacement,
                       Data<T>(output), scratch.data(), parallel);
    }
  }
};

template <typename T>
class SigmaConvBackpropInputOp : public SigmaConvOp<T> {
 public:
  using SigmaConvOp<T>::SigmaConvOp;
  using typename SigmaConvOp<T>::Call;
  using typename SigmaConvOp<T>::Storage;

  void Compute(OpKernelContext* ctx) override {
    const Tensor& gradient = ctx->input(4);
    TensorShape input;
    OP_REQUIRES_OK(ctx, InputShape(ctx->input(0), &input));
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input, &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(
        ctx, ToAbsl(call.general
                        ? GeneralBackwardInputWorkspace<Storage>(call.options, call.shape, call.range, parallel, &bytes)
                        : BackwardInputWorkspace<Storage>(call.options, call.shape, call.range, parallel, &bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, input, &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    if (call.general) {
      GeneralBackwardInput<Storage>(call.options, call.shape, call.range, call.weight, call.displacement, call.sigma,
                                    Data<T>(gradient), Data<T>(output), scratch.data(), parallel);
    } else {
      BackwardInput<Storage>(call.options, call.shape, call.range, call.weight, call.displacement, Data<T>(gradient),
                             Data<T>(output), scratch.data(), parallel);
    }
  }
};

template <typename T>
class SigmaConvBackpropParamsOp : public SigmaConvOp<T> {
 public:
  using SigmaConvOp<T>::SigmaConvOp;
  using typename SigmaConvOp<T>::Call;
  using typename SigmaConvOp<T>::Storage;
  using typename SigmaConvOp<T>::R;

  void Compute(OpKernelContext* ctx) override {
    const Tensor &input = ctx->input(0), &gradient = ctx->input(4);
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    const DisplacementGradient kind = this->attrs_.displacement_gradient;
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(ctx,
                   ToAbsl(call.general ? GeneralBackwardParamsWorkspace<Storage>(call.options, call.shape, call.range,
                                                                                 parallel, &bytes)
                                       : BackwardParamsWorkspace<Storage>(call.options, call.shape, call.range, kind,
                                                                          /*sigma=*/true, parallel, &bytes)));
    Tensor *weight, *displacement, *sigma, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, ctx->input(1).shape(), &weight));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(1, ctx->input(2).shape(), &displacement));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(2, ctx->input(3).shape(), &sigma));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    const ParamGradients<Storage> gradients{Data<T>(weight), displacement->flat<R>().data(), sigma->flat<R>().data()};
    if (call.general) {
      GeneralBackwardParams<Storage>(call.options, call.shape, call.range, Data<T>(input), call.weight,
                                     call.displacement, call.sigma, Data<T>(gradient), gradients, scratch.data(),
                                     parallel);
    } else {
      BackwardParams<Storage>(call.options, call.shape, call.range, kind, Data<T>(input), call.weight,
                              call.displacement, Data<T>(gradient), gradients, scratch.data(), parallel);
    }
  }
};

#define DAU_REGISTER_ONE(NAME, OP, T, U)                                                                           \
  REGISTER_KERNEL_BUILDER(Name(NAME).Device(tensorflow::DEVICE_CPU).TypeConstraint<T>("T").TypeConstraint<U>("U"), \
                          OP<T>)
#define DAU_REGISTER(T, U)                                                          \
  DAU_REGISTER_ONE("Dau>SigmaConv2D", SigmaConvForwardOp, T, U);                    \
  DAU_REGISTER_ONE("Dau>SigmaConv2DBackpropInput", SigmaConvBackpropInputOp, T, U); \
  DAU_REGISTER_ONE("Dau>SigmaConv2DBackpropParams", SigmaConvBackpropParamsOp, T, U)
DAU_REGISTER(Eigen::half, float);
DAU_REGISTER(Eigen::bfloat16, float);
DAU_REGISTER(float, float);
DAU_REGISTER(double, double);
#undef DAU_REGISTER_ONE
#undef DAU_REGISTER

}  // namespace
}  // namespace dau::tf
