// Dau>Conv2D and its gradients where XLA compiles them (`jit_compile=True`): check the shapes, emit the custom call.
#include <cmath>

#include "cc/tf/dau_conv_args.h"
#include "cc/tf/xla/conv_xla.h"
#include "cc/tf/xla/dau_conv_call.h"
#include "cc/tf/xla/registration.h"

namespace dau::tf {
namespace {

using ::tensorflow::OpKernelConstruction;
using ::tensorflow::TensorShape;
using ::tensorflow::XlaOpKernelContext;

class DauConvXla : public ConvXla<Attrs> {
 public:
  explicit DauConvXla(OpKernelConstruction* ctx) : ConvXla(ctx), gpu_(ctx->device_type().type_string() == kGpu) {}

 protected:
  // What the call is told. For the CPU nothing: it reads sigma where that lies.
  double KnownSigma(XlaOpKernelContext* ctx) const {
    double sigma;
    return gpu_ && ctx->ConstantInputAsFloatScalar(3, &sigma).ok() ? sigma : kSigmaOfRun;
  }

 private:
  const bool gpu_;
};

class DauConvForwardXla : public DauConvXla {
 public:
  using DauConvXla::DauConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, Prepare(ctx, ctx->InputShape(0), ctx->InputShape(3), &shape));
    if (attrs_.padding == Padding::kValid) {
      // The size of the output hangs on sigma here, of which no more than its radius matters.
      if (attrs_.margin >= 0) {
        shape.sigma = (static_cast<double>(attrs_.margin) - std::ceil(attrs_.max_displacement)) / 3;
      } else {
        const absl::Status known = ctx->ConstantInputAsFloatScalar(3, &shape.sigma);
        OP_REQUIRES(ctx, known.ok(),
                    absl::InvalidArgumentError("padding `valid` under XLA needs `margin`, or a `sigma` that is known " +
                                               ("when it is compiled. Received: " + known.ToString())));
      }
    }
    OP_REQUIRES_OK(ctx, ToAbsl(Validate(shape)));
    OP_REQUIRES_OK(ctx, Emit(ctx, kForwardCall, {1, 2, 3, 0}, {OutputShape(shape)}, shape, KnownSigma(ctx)));
  }
};

class DauConvBackpropInputXla : public DauConvXla {
 public:
  using DauConvXla::DauConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    TensorShape input;
    OP_REQUIRES_OK(ctx, ctx->ConstantInputAsShape(0, &input));
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, Prepare(ctx, input, ctx->InputShape(3), &shape));
    OP_REQUIRES_OK(ctx, Emit(ctx, kBackpropInputCall, {1, 2, 3, 4}, {input}, shape, KnownSigma(ctx)));
  }
};

class DauConvBackpropParamsXla : public DauConvXla {
 public:
  using DauConvXla::DauConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, Prepare(ctx, ctx->InputShape(0), ctx->InputShape(3), &shape));
    OP_REQUIRES_OK(ctx, Emit(ctx, kBackpropParamsCall, {1, 2, 3, 0, 4}, {ctx->InputShape(1), ctx->InputShape(2)}, shape,
                             KnownSigma(ctx)));
  }
};

[[maybe_unused]] const bool registered = [] {
  Register<DauConvForwardXla>("Dau>Conv2D", CpuAndGpu());
  Register<DauConvBackpropInputXla>("Dau>Conv2DBackpropInput", CpuAndGpu(), "input_sizes");
  Register<DauConvBackpropParamsXla>("Dau>Conv2DBackpropParams", CpuAndGpu());
  return true;
}();

}  // namespace
}  // namespace dau::tf
