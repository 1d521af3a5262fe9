// Dau>SigmaConv2D and its gradients where XLA compiles them (`jit_compile=True`): check the shapes, emit the custom
// call.
#include "cc/tf/sigma_conv_args.h"
#include "cc/tf/xla/conv_xla.h"
#include "cc/tf/xla/dau_conv_call.h"
#include "cc/tf/xla/registration.h"

namespace dau::tf {
namespace {

using ::tensorflow::TensorShape;
using ::tensorflow::XlaOpKernelContext;

class SigmaConvXla : public ConvXla<SigmaAttrs> {
 public:
  using ConvXla::ConvXla;

 protected:
  // The whole shape: what hangs on sigma's value is fixed by max_sigma.
  absl::Status PrepareSigma(XlaOpKernelContext* ctx, const TensorShape& input, DauConvShape* shape) const {
    if (absl::Status status = Prepare(ctx, input, /*sigma=*/TensorShape(), shape); !status.ok()) return status;
    if (absl::Status status = CheckSigmaShape(ctx->InputShape(3), ctx->InputShape(1)); !status.ok()) return status;
    shape->max_sigma = attrs_.max_sigma;
    SetSigma(nullptr, shape);
    return ToAbsl(Validate(*shape));
  }
};

class SigmaConvForwardXla : public SigmaConvXla {
 public:
  using SigmaConvXla::SigmaConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, PrepareSigma(ctx, ctx->InputShape(0), &shape));
    OP_REQUIRES_OK(ctx, Emit(ctx, kSigmaForwardCall, {1, 2, 3, 0}, {OutputShape(shape)}, shape));
  }
};

class SigmaConvBackpropInputXla : public SigmaConvXla {
 public:
  using SigmaConvXla::SigmaConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    TensorShape input;
    OP_REQUIRES_OK(ctx, ctx->ConstantInputAsShape(0, &input));
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, PrepareSigma(ctx, input, &shape));
    OP_REQUIRES_OK(ctx, Emit(ctx, kSigmaBackpropInputCall, {1, 2, 3, 4}, {input}, shape));
  }
};

class SigmaConvBackpropParamsXla : public SigmaConvXla {
 public:
  using SigmaConvXla::SigmaConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, PrepareSigma(ctx, ctx->InputShape(0), &shape));
    OP_REQUIRES_OK(ctx, Emit(ctx, kSigmaBackpropParamsCall, {1, 2, 3, 0, 4},
                             {ctx->InputShape(1), ctx->InputShape(2), ctx->InputShape(3)}, shape));
  }
};

[[maybe_unused]] const bool registered = [] {
  Register<SigmaConvForwardXla>("Dau>SigmaConv2D", CpuOnly());
  Register<SigmaConvBackpropInputXla>("Dau>SigmaConv2DBackpropInput", CpuOnly(), "input_sizes");
  Register<SigmaConvBackpropParamsXla>("Dau>SigmaConv2DBackpropParams", CpuOnly());
  return true;
}();

}  // namespace
}  // namespace dau::tf
