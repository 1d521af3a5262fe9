// Dau>Conv2D and its gradients where XLA compiles them (`jit_compile=True`): check the shapes, emit the custom call.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cc/tf/dau_conv_args.h"
#include "cc/tf/xla/dau_conv_call.h"
#include "tensorflow/compiler/tf2xla/shape_util.h"
#include "tensorflow/compiler/tf2xla/type_util.h"
#include "tensorflow/compiler/tf2xla/xla_op_kernel.h"
#include "tensorflow/compiler/tf2xla/xla_op_registry.h"
#include "tensorflow/core/framework/kernel_def_builder.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "xla/hlo/builder/xla_builder.h"
#include "xla/shape_util.h"

namespace dau::tf {
namespace {

using ::tensorflow::DataType;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::TensorShape;
using ::tensorflow::XlaOpKernel;
using ::tensorflow::XlaOpKernelContext;
using ::tensorflow::XlaOpRegistrationBuilder;
using ::tensorflow::XlaOpRegistry;

// Where XLA compiles for the CPU. What compiles for GPUs finds no kernel and says so: the handlers are the host's.
constexpr char kDevice[] = "XLA_CPU_JIT";

class DauConvXla : public XlaOpKernel {
 public:
  explicit DauConvXla(OpKernelConstruction* ctx) : XlaOpKernel(ctx) { OP_REQUIRES_OK(ctx, attrs_.Read(ctx)); }

 protected:
  // All of the shape but sigma. The parameters are inputs 1, 2 and 3 of all three ops.
  absl::Status Prepare(XlaOpKernelContext* ctx, const TensorShape& input, DauConvShape* shape) const {
    for (int i = 0; i < ctx->num_inputs(); ++i) {
      const auto compiled = ctx->InputXlaShape(i);
      if (!compiled.ok()) return compiled.status();
      if (!compiled->is_static()) {
        return absl::UnimplementedError("`" + type_string() + "` under XLA needs shapes that are known when it is " +
                                        "compiled. Received: input " + std::to_string(i) + " of shape " +
                                        xla::ShapeUtil::HumanString(*compiled));
      }
    }
    return CheckShapes(attrs_, input, ctx->InputShape(1), ctx->InputShape(2), ctx->InputShape(3), shape);
  }

  // Operands and results lie row by row, as everywhere in TensorFlow; without being asked XLA may choose otherwise.
  absl::Status Emit(XlaOpKernelContext* ctx, const char* call, const std::vector<int>& inputs,
                    const std::vector<TensorShape>& results, const DauConvShape& shape) const {
    std::vector<xla::XlaOp> operands;
    std::vector<xla::Shape> operand_shapes, result_shapes(results.size());
    for (int input : inputs) {
      operands.push_back(ctx->Input(input));
      operand_shapes.emplace_back();
      const DataType type = ctx->input_type(input);
      TF_RETURN_IF_ERROR(tensorflow::TensorShapeToXLAShape(type, ctx->InputShape(input), &operand_shapes.back()));
    }
    for (size_t i = 0; i < results.size(); ++i) {
      const DataType type = ctx->expected_output_dtype(static_cast<int>(i));
      TF_RETURN_IF_ERROR(tensorflow::TensorShapeToXLAShape(type, results[i], &result_shapes[i]));
    }
    const bool one = results.size() == 1;
    const xla::XlaOp output = xla::CustomCallWithLayout(
        ctx->builder(), call, operands, one ? result_shapes[0] : xla::ShapeUtil::MakeTupleShape(result_shapes),
        operand_shapes, WriteAttributes(shape, attrs_.margin, attrs_.displacement_gradient), /*has_side_effect=*/false,
        /*output_operand_aliasing=*/{}, /*literal=*/nullptr, xla::CustomCallSchedule::SCHEDULE_NONE,
        xla::CustomCallApiVersion::API_VERSION_TYPED_FFI);
    for (size_t i = 0; i < results.size(); ++i) {
      ctx->SetOutput(static_cast<int>(i), one ? output : xla::GetTupleElement(output, i));
    }
    return absl::OkStatus();
  }

  Attrs attrs_;
};

class DauConvForwardXla : public DauConvXla {
 public:
  using DauConvXla::DauConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, Prepare(ctx, ctx->InputShape(0), &shape));
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
    OP_REQUIRES_OK(ctx, Emit(ctx, kForwardCall, {1, 2, 3, 0}, {OutputShape(shape)}, shape));
  }
};

class DauConvBackpropInputXla : public DauConvXla {
 public:
  using DauConvXla::DauConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    TensorShape input;
    OP_REQUIRES_OK(ctx, ctx->ConstantInputAsShape(0, &input));
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, Prepare(ctx, input, &shape));
    OP_REQUIRES_OK(ctx, Emit(ctx, kBackpropInputCall, {1, 2, 3, 4}, {input}, shape));
  }
};

class DauConvBackpropParamsXla : public DauConvXla {
 public:
  using DauConvXla::DauConvXla;

  void Compile(XlaOpKernelContext* ctx) override {
    DauConvShape shape;
    OP_REQUIRES_OK(ctx, Prepare(ctx, ctx->InputShape(0), &shape));
    OP_REQUIRES_OK(ctx,
                   Emit(ctx, kBackpropParamsCall, {1, 2, 3, 0, 4}, {ctx->InputShape(1), ctx->InputShape(2)}, shape));
  }
};

template <typename Op>
tensorflow::OpKernel* Make(OpKernelConstruction* ctx) {
  return new Op(ctx);
}

// XLA hands its kernels over to TensorFlow once, when the process runs its first function, compiled or not.
bool HandedOver() {
  const auto of_identity = tensorflow::GetRegisteredKernelsForOp("Identity");
  const auto& kernels = of_identity.kernel();
  return std::any_of(kernels.begin(), kernels.end(),
                     [](const tensorflow::KernelDef& kernel) { return kernel.device_type() == kDevice; });
}

// REGISTER_XLA_OP, which ends the process in two cases that are no reason to: a second copy of this library under
// another path, and one that comes before the library that defines the op. And it is not heard after HandedOver().
template <typename Op>
void Register(const char* name, const char* constant_input = nullptr) {
  if (tensorflow::OpRegistry::Global()->LookUp(name) == nullptr) {
    LOG(ERROR) << name << " is not defined: load _dau_ops.so before _dau_xla.so, or dau_tf, which loads both";
    return;
  }
  const std::vector<std::string> known = XlaOpRegistry::GetAllRegisteredOps();
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  auto registration = XlaOpRegistrationBuilder::Name(name);
  registration.Device(kDevice);
  if (constant_input != nullptr) registration.CompileTimeConstantInput(constant_input);
  tensorflow::XlaOpRegistrar(registration.Build(Make<Op>));
  if (HandedOver()) {
    const auto* kernel = tensorflow::KernelDefBuilder(name).Device(kDevice).Build();
    tensorflow::kernel_factory::OpKernelRegistrar(kernel, name, Make<Op>);
  }
}

[[maybe_unused]] const bool registered = [] {
  Register<DauConvForwardXla>("Dau>Conv2D");
  Register<DauConvBackpropInputXla>("Dau>Conv2DBackpropInput", "input_sizes");
  Register<DauConvBackpropParamsXla>("Dau>Conv2DBackpropParams");
  return true;
}();

}  // namespace
}  // namespace dau::tf
