// CPU kernels of Dau>Conv2D and its gradients: unpack, check, allocate, call.
#include "cc/kernels/dau_conv.h"
#include "cc/tf/dau_conv_args.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace dau::tf {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

// TensorFlow's own threads.
Parallel DeviceThreads(OpKernelContext* ctx) {
  auto* workers = ctx->device()->tensorflow_cpu_worker_threads()->workers;
  Parallel parallel;
  parallel.num_threads = workers->NumThreads();
  parallel.run = [workers](int64_t total, int64_t cost, const Parallel::Range& range) {
    workers->ParallelFor(total, cost, range);
  };
  return parallel;
}

template <typename T>
class DauConvOp : public OpKernel {
 public:
  explicit DauConvOp(OpKernelConstruction* ctx) : OpKernel(ctx) { OP_REQUIRES_OK(ctx, attrs_.Read(ctx)); }

 protected:
  // A validated call. The parameters are inputs 1, 2 and 3 of all three ops.
  struct Call {
    DauConvShape shape;
    DisplacementRange range;
    const T *weight, *displacement;
  };

  absl::Status Prepare(OpKernelContext* ctx, const TensorShape& input, Call* call) const {
    const Tensor &weight = ctx->input(1), &displacement = ctx->input(2), &sigma = ctx->input(3);
    absl::Status status = MakeShape(attrs_, input, weight, displacement, sigma, &call->shape);
    if (!status.ok()) return status;
    call->weight = weight.flat<T>().data();
    call->displacement = displacement.flat<T>().data();
    return ToAbsl(FindDisplacementRange(call->shape, call->displacement, &call->range));
  }

  static absl::Status AllocateScratch(OpKernelContext* ctx, size_t bytes, Tensor* scratch) {
    return ctx->allocate_temp(tensorflow::DT_UINT8, TensorShape({static_cast<int64_t>(bytes)}), scratch);
  }

  Attrs attrs_;
};

template <typename T>
class DauConvForwardOp : public DauConvOp<T> {
 public:
  using DauConvOp<T>::DauConvOp;

  void Compute(OpKernelContext* ctx) override {
    const Tensor& input = ctx->input(0);
    typename DauConvOp<T>::Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(ForwardWorkspace<T>(call.shape, call.range, parallel, &bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, OutputShape(call.shape), &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    Forward(call.shape, call.range, input.flat<T>().data(), call.weight, call.displacement, output->flat<T>().data(),
            scratch.data(), parallel);
  }
};

template <typename T>
class DauConvBackpropInputOp : public DauConvOp<T> {
 public:
  using DauConvOp<T>::DauConvOp;

  void Compute(OpKernelContext* ctx) override {
    const Tensor &sizes = ctx->input(0), &gradient = ctx->input(4);
    OP_REQUIRES(
        ctx, sizes.dims() == 1 && sizes.NumElements() == 4,
        absl::InvalidArgumentError("`input_sizes` must be 4 integers. Received shape: " + sizes.shape().DebugString()));
    TensorShape input;
    OP_REQUIRES_OK(ctx, tensorflow::TensorShapeUtils::MakeShape(sizes.vec<int32_t>(), &input));
    typename DauConvOp<T>::Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input, &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(BackwardInputWorkspace<T>(call.shape, call.range, parallel, &bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, input, &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    BackwardInput(call.shape, call.range, call.weight, call.displacement, gradient.flat<T>().data(),
                  output->flat<T>().data(), scratch.data(), parallel);
  }
};

template <typename T>
class DauConvBackpropParamsOp : public DauConvOp<T> {
 public:
  using DauConvOp<T>::DauConvOp;

  void Compute(OpKernelContext* ctx) override {
    const Tensor &input = ctx->input(0), &gradient = ctx->input(4);
    typename DauConvOp<T>::Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    const DisplacementGradient kind = this->attrs_.displacement_gradient;
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(ctx,
                   ToAbsl(BackwardParamsWorkspace<T>(call.shape, call.range, kind, /*sigma=*/false, parallel, &bytes)));
    Tensor *weight, *displacement, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, ctx->input(1).shape(), &weight));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(1, ctx->input(2).shape(), &displacement));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    BackwardParams(
        call.shape, call.range, kind, input.flat<T>().data(), call.weight, call.displacement, gradient.flat<T>().data(),
        ParamGradients<T>{weight->flat<T>().data(), displacement->flat<T>().data()}, scratch.data(), parallel);
  }
};

#define DAU_REGISTER(T)                                                                                           \
  REGISTER_KERNEL_BUILDER(Name("Dau>Conv2D").Device(tensorflow::DEVICE_CPU).TypeConstraint<T>("T"),               \
                          DauConvForwardOp<T>);                                                                   \
  REGISTER_KERNEL_BUILDER(Name("Dau>Conv2DBackpropInput").Device(tensorflow::DEVICE_CPU).TypeConstraint<T>("T"),  \
                          DauConvBackpropInputOp<T>);                                                             \
  REGISTER_KERNEL_BUILDER(Name("Dau>Conv2DBackpropParams").Device(tensorflow::DEVICE_CPU).TypeConstraint<T>("T"), \
                          DauConvBackpropParamsOp<T>)
DAU_REGISTER(float);
DAU_REGISTER(double);
#undef DAU_REGISTER

}  // namespace
}  // namespace dau::tf
