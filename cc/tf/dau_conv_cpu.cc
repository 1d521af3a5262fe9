// CPU kernels of Dau>Conv2D and its gradients: unpack, check, allocate, call.
#include "cc/kernels/dau_conv.h"
#include "cc/tf/dau_conv_args.h"
#include "cc/tf/dau_conv_options.h"
#include "cc/tf/dau_conv_storage.h"
#include "cc/tf/device_threads.h"
#include "cc/tf/memory_guard.h"
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
class DauConvOp : public OpKernel {
 public:
  using Storage = typename StorageOf<T>::Type;

  explicit DauConvOp(OpKernelConstruction* ctx) : OpKernel(ctx) { OP_REQUIRES_OK(ctx, attrs_.Read(ctx)); }

  void Compute(OpKernelContext* ctx) final {
    GuardMemory(ctx, [this](OpKernelContext* call) { Run(call); });
  }

 protected:
  virtual void Run(OpKernelContext* ctx) = 0;

  // A validated call. The parameters are inputs 1, 2 and 3 of all three ops.
  struct Call {
    DauConvShape shape;
    DisplacementRange range;
    Options options;
    const Storage* weight;
    const Real<Storage>* displacement;
  };

  absl::Status Prepare(OpKernelContext* ctx, const TensorShape& input, Call* call) const {
    const Tensor &weight = ctx->input(1), &displacement = ctx->input(2), &sigma = ctx->input(3);
    absl::Status status = MakeShape(attrs_, input, weight, displacement, sigma, &call->shape);
    if (!status.ok()) return status;
    status = ReadOptions(&call->options);
    if (!status.ok()) return status;
    call->weight = Data<T>(weight);
    call->displacement = displacement.flat<Real<Storage>>().data();
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
  using typename DauConvOp<T>::Call;
  using typename DauConvOp<T>::Storage;

  void Run(OpKernelContext* ctx) override {
    const Tensor& input = ctx->input(0);
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(ForwardWorkspace<Storage>(call.options, call.shape, call.range, parallel, &bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, OutputShape(call.shape), &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    Forward<Storage>(call.options, call.shape, call.range, Data<T>(input), call.weight, call.displacement,
                     Data<T>(output), scratch.data(), parallel);
  }
};

template <typename T>
class DauConvBackpropInputOp : public DauConvOp<T> {
 public:
  using DauConvOp<T>::DauConvOp;
  using typename DauConvOp<T>::Call;
  using typename DauConvOp<T>::Storage;

  void Run(OpKernelContext* ctx) override {
    const Tensor& gradient = ctx->input(4);
    TensorShape input;
    OP_REQUIRES_OK(ctx, InputShape(ctx->input(0), &input));
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input, &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(ctx,
                   ToAbsl(BackwardInputWorkspace<Storage>(call.options, call.shape, call.range, parallel, &bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, input, &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    BackwardInput<Storage>(call.options, call.shape, call.range, call.weight, call.displacement, Data<T>(gradient),
                           Data<T>(output), scratch.data(), parallel);
  }
};

template <typename T>
class DauConvBackpropParamsOp : public DauConvOp<T> {
 public:
  using DauConvOp<T>::DauConvOp;
  using typename DauConvOp<T>::Call;
  using typename DauConvOp<T>::Storage;

  void Run(OpKernelContext* ctx) override {
    const Tensor &input = ctx->input(0), &gradient = ctx->input(4);
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    const DisplacementGradient kind = this->attrs_.displacement_gradient;
    const Parallel parallel = DeviceThreads(ctx);
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(BackwardParamsWorkspace<Storage>(call.options, call.shape, call.range, kind,
                                                                /*sigma=*/false, parallel, &bytes)));
    Tensor *weight, *displacement, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, ctx->input(1).shape(), &weight));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(1, ctx->input(2).shape(), &displacement));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    BackwardParams<Storage>(call.options, call.shape, call.range, kind, Data<T>(input), call.weight, call.displacement,
                            Data<T>(gradient), {Data<T>(weight), displacement->flat<Real<Storage>>().data()},
                            scratch.data(), parallel);
  }
};

#define DAU_REGISTER_ONE(NAME, OP, T, U)                                                                           \
  REGISTER_KERNEL_BUILDER(Name(NAME).Device(tensorflow::DEVICE_CPU).TypeConstraint<T>("T").TypeConstraint<U>("U"), \
                          OP<T>)
#define DAU_REGISTER(T, U)                                                   \
  DAU_REGISTER_ONE("Dau>Conv2D", DauConvForwardOp, T, U);                    \
  DAU_REGISTER_ONE("Dau>Conv2DBackpropInput", DauConvBackpropInputOp, T, U); \
  DAU_REGISTER_ONE("Dau>Conv2DBackpropParams", DauConvBackpropParamsOp, T, U)
DAU_REGISTER(Eigen::half, float);
DAU_REGISTER(Eigen::bfloat16, float);
DAU_REGISTER(float, float);
DAU_REGISTER(double, double);
#undef DAU_REGISTER_ONE
#undef DAU_REGISTER

}  // namespace
}  // namespace dau::tf
