// GPU kernels of Dau>Conv2D and its gradients: unpack, check, allocate, launch on TensorFlow's stream. Compiled by the
// host's compiler: no header of TensorFlow's goes through nvcc.
#include "cc/kernels/cuda/dau_conv_cuda.h"
#include "cc/tf/dau_conv_args.h"
#include "cc/tf/dau_conv_options.h"
#include "cc/tf/dau_conv_storage.h"
#include "cc/tf/memory_guard.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "xla/stream_executor/stream.h"

namespace dau::tf {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

cudaStream_t Stream(OpKernelContext* ctx) {
  return static_cast<cudaStream_t>(ctx->op_device_context()->stream()->platform_specific_handle().stream);
}

// A validated shape whose launch failed: not the arguments' fault.
absl::Status Launched(const Status& status) {
  return status.ok() ? absl::OkStatus() : absl::InternalError(status.message());
}

// T: of images and weights. Displacements are Real<Storage>; sigma lies in the host's memory.
template <typename T>
class DauConvGpuOp : public OpKernel {
 public:
  using Storage = typename StorageOf<T>::Type;

  explicit DauConvGpuOp(OpKernelConstruction* ctx) : OpKernel(ctx) { OP_REQUIRES_OK(ctx, attrs_.Read(ctx)); }

  void Compute(OpKernelContext* ctx) final {
    GuardMemory(ctx, [this](OpKernelContext* call) { Run(call); });
  }

 protected:
  virtual void Run(OpKernelContext* ctx) = 0;

  // The parameters are inputs 1, 2 and 3 of all three ops.
  struct Call {
    Options options;
    DauConvShape shape;
    const Storage* weight;
    const Real<Storage>* displacement;
  };

  absl::Status Prepare(OpKernelContext* ctx, const TensorShape& input, Call* call) const {
    const Tensor &weight = ctx->input(1), &displacement = ctx->input(2), &sigma = ctx->input(3);
    absl::Status status = MakeShape(attrs_, input, weight, displacement, sigma, &call->shape);
    if (!status.ok()) return status;
    call->weight = Data<T>(weight);
    call->displacement = displacement.flat<Real<Storage>>().data();
    return ReadOptions(&call->options);
  }

  static absl::Status AllocateScratch(OpKernelContext* ctx, size_t bytes, Tensor* scratch) {
    return ctx->allocate_temp(tensorflow::DT_UINT8, TensorShape({static_cast<int64_t>(bytes)}), scratch);
  }

  Attrs attrs_;
};

template <typename T>
class DauConvForwardGpuOp : public DauConvGpuOp<T> {
 public:
  using DauConvGpuOp<T>::DauConvGpuOp;
  using typename DauConvGpuOp<T>::Call;
  using typename DauConvGpuOp<T>::Storage;

  void Run(OpKernelContext* ctx) override {
    const Tensor& input = ctx->input(0);
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(cuda::ForwardWorkspace<Storage>(call.options, call.shape, &bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, OutputShape(call.shape), &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    OP_REQUIRES_OK(
        ctx, Launched(cuda::Forward<Storage>(call.options, call.shape, Data<T>(input), call.weight, call.displacement,
                                             Data<T>(output), scratch.data(), Stream(ctx))));
  }
};

template <typename T>
class DauConvBackpropInputGpuOp : public DauConvGpuOp<T> {
 public:
  using DauConvGpuOp<T>::DauConvGpuOp;
  using typename DauConvGpuOp<T>::Call;
  using typename DauConvGpuOp<T>::Storage;

  void Run(OpKernelContext* ctx) override {
    const Tensor& gradient = ctx->input(4);
    TensorShape input;
    OP_REQUIRES_OK(ctx, InputShape(ctx->input(0), &input));
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input, &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    size_t bytes;
    OP_REQUIRES_OK(ctx, ToAbsl(cuda::BackwardInputWorkspace<Storage>(call.options, call.shape, &bytes)));
    Tensor *output, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, input, &output));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    OP_REQUIRES_OK(
        ctx, Launched(cuda::BackwardInput<Storage>(call.options, call.shape, call.weight, call.displacement,
                                                   Data<T>(gradient), Data<T>(output), scratch.data(), Stream(ctx))));
  }
};

template <typename T>
class DauConvBackpropParamsGpuOp : public DauConvGpuOp<T> {
 public:
  using DauConvGpuOp<T>::DauConvGpuOp;
  using typename DauConvGpuOp<T>::Call;
  using typename DauConvGpuOp<T>::Storage;

  void Run(OpKernelContext* ctx) override {
    const Tensor &input = ctx->input(0), &gradient = ctx->input(4);
    Call call;
    OP_REQUIRES_OK(ctx, this->Prepare(ctx, input.shape(), &call));
    OP_REQUIRES_OK(ctx, CheckOutBackprop(call.shape, gradient));
    const DisplacementGradient kind = this->attrs_.displacement_gradient;
    size_t bytes;
    OP_REQUIRES_OK(
        ctx, ToAbsl(cuda::BackwardParamsWorkspace<Storage>(call.options, call.shape, kind, /*sigma=*/false, &bytes)));
    Tensor *weight, *displacement, scratch;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, ctx->input(1).shape(), &weight));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(1, ctx->input(2).shape(), &displacement));
    OP_REQUIRES_OK(ctx, this->AllocateScratch(ctx, bytes, &scratch));
    OP_REQUIRES_OK(
        ctx, Launched(cuda::BackwardParams<Storage>(
                 call.options, call.shape, kind, Data<T>(input), call.weight, call.displacement, Data<T>(gradient),
                 {Data<T>(weight), displacement->flat<Real<Storage>>().data()}, scratch.data(), Stream(ctx))));
  }
};

#define DAU_REGISTER_ONE(NAME, OP, T, U) \
  REGISTER_KERNEL_BUILDER(               \
      NAME.Device(tensorflow::DEVICE_GPU).TypeConstraint<T>("T").TypeConstraint<U>("U").HostMemory("sigma"), OP<T>)
#define DAU_REGISTER(T, U)                                                                                      \
  DAU_REGISTER_ONE(Name("Dau>Conv2D"), DauConvForwardGpuOp, T, U);                                              \
  DAU_REGISTER_ONE(Name("Dau>Conv2DBackpropInput").HostMemory("input_sizes"), DauConvBackpropInputGpuOp, T, U); \
  DAU_REGISTER_ONE(Name("Dau>Conv2DBackpropParams"), DauConvBackpropParamsGpuOp, T, U)
DAU_REGISTER(Eigen::half, float);
DAU_REGISTER(Eigen::bfloat16, float);
DAU_REGISTER(float, float);
DAU_REGISTER(double, double);
#undef DAU_REGISTER_ONE
#undef DAU_REGISTER

}  // namespace
}  // namespace dau::tf
