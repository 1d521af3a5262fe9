// CPU kernels of Dau>SigmaConv2D and its gradients: unpack, check, allocate, call.
#include "cc/tf/dau_conv_options.h"
#include "cc/tf/dau_conv_storage.h"
#include "cc/tf/device_threads.h"
#include "cc/tf/memory_guard.h"
#include "cc/tf/sigma_call.h"
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

  void Compute(OpKernelContext* ctx) final {
    GuardMemory(ctx, [this](OpKernelContext* call) { Run(call); });
  }

 protected:
  virtual void Run(OpKernelContext* ctx) = 0;

  // A validated call. The parameters are inputs 1, 2 and 3 of all three ops.
  absl::Status Prepare(OpKernelContext* ctx, const TensorShape& input, SigmaCall<Storage>* call) const {
    const Tensor &weight = ctx->input(1), &displacement = ctx->input(2), &sigma = ctx->input(3);
    absl::Status status = MakeSigmaShape(attrs_, input, weight, displacement, sigma, &call->shape);
    if (!status.ok()) return status;
    status = ReadOptions(&call->options);
    if (!status.ok()) return status;
    call->gradient = attrs_.displacement_gradient;
    call->parallel = DeviceThreads(ctx);
    call->general = sigma.dims() > 0;
    call->weight = Data<T>(weight);
    call->displacement = displacement.flat<R>().data();
    call->sigma = sigma.flat<R>().data();
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
  using typename SigmaConvOp<T>::Storage;

  void Run(OpKernelContext* ctx) override {
    const Tensor& input = ctx->input(0);
    SigmaCall<Storage> call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(call.ForwardWorkspace(&bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, OutputShape(call.shape), &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    call.Forward(Data<T>(input), Data<T>(output), scratch.data());
  }
};

template <typename T>
class SigmaConvBackpropInputOp : public SigmaConvOp<T> {
 public:
  using SigmaConvOp<T>::SigmaConvOp;
  using typename SigmaConvOp<T>::Storage;

  void Run(OpKernelContext* ctx) override {
    const Tensor& gradient = ctx->input(4);
    TensorShape input;
    OP_REQUIRES_OK(ctx, InputShape(ctx->input(0), &input));
    SigmaCall<Storage> call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input, &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(call.BackwardInputWorkspace(&bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, input, &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    call.BackwardInput(Data<T>(gradient), Data<T>(output), scratch.data());
  }
};

template <typename T>
class SigmaConvBackpropParamsOp : public SigmaConvOp<T> {
 public:
  using SigmaConvOp<T>::SigmaConvOp;
  using typename SigmaConvOp<T>::Storage;
  using typename SigmaConvOp<T>::R;

  void Run(OpKernelContext* ctx) override {
    const Tensor &input = ctx->input(0), &gradient = ctx->input(4);
    SigmaCall<Storage> call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(call.BackwardParamsWorkspace(&bytes)));
    Tensor *weight, *displacement, *sigma, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, ctx->input(1).shape(), &weight));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(1, ctx->input(2).shape(), &displacement));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(2, ctx->input(3).shape(), &sigma));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    call.BackwardParams(Data<T>(input), Data<T>(gradient),
                        {Data<T>(weight), displacement->flat<R>().data(), sigma->flat<R>().data()}, scratch.data());
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
