// What the ops' kernels for XLA share: check the shapes, emit the custom call.
#ifndef DAU_CC_TF_XLA_CONV_XLA_H_
#define DAU_CC_TF_XLA_CONV_XLA_H_

#include <string>
#include <vector>

#include "cc/tf/dau_conv_args.h"
#include "cc/tf/xla/dau_conv_call.h"
#include "tensorflow/compiler/tf2xla/shape_util.h"
#include "tensorflow/compiler/tf2xla/type_util.h"
#include "tensorflow/compiler/tf2xla/xla_op_kernel.h"
#include "xla/hlo/builder/xla_builder.h"
#include "xla/shape_util.h"

namespace dau::tf {

// A: the attributes of the ops, Attrs or SigmaAttrs.
template <typename A>
class ConvXla : public tensorflow::XlaOpKernel {
 public:
  explicit ConvXla(tensorflow::OpKernelConstruction* ctx) : XlaOpKernel(ctx) { OP_REQUIRES_OK(ctx, attrs_.Read(ctx)); }

 protected:
  // All of the shape but sigma. The parameters are inputs 1, 2 and 3 of all three ops. sigma: the shape to check.
  absl::Status Prepare(tensorflow::XlaOpKernelContext* ctx, const tensorflow::TensorShape& input,
                       const tensorflow::TensorShape& sigma, DauConvShape* shape) const {
    for (int i = 0; i < ctx->num_inputs(); ++i) {
      const auto compiled = ctx->InputXlaShape(i);
      if (!compiled.ok()) return compiled.status();
      if (!compiled->is_static()) {
        return absl::UnimplementedError(
            "`" + this->type_string() + "` under XLA needs shapes that are known when it is " +
            "compiled. Received: input " + std::to_string(i) + " of shape " + xla::ShapeUtil::HumanString(*compiled));
      }
    }
    return CheckShapes(attrs_, input, ctx->InputShape(1), ctx->InputShape(2), sigma, shape);
  }

  // Operands and results lie row by row, as everywhere in TensorFlow; without being asked XLA may choose otherwise.
  absl::Status Emit(tensorflow::XlaOpKernelContext* ctx, const char* call, const std::vector<int>& inputs,
                    const std::vector<tensorflow::TensorShape>& results, const DauConvShape& shape,
                    double sigma = kSigmaOfRun) const {
    std::vector<xla::XlaOp> operands;
    std::vector<xla::Shape> operand_shapes, result_shapes(results.size());
    for (int input : inputs) {
      operands.push_back(ctx->Input(input));
      operand_shapes.emplace_back();
      const tensorflow::DataType type = ctx->input_type(input);
      TF_RETURN_IF_ERROR(tensorflow::TensorShapeToXLAShape(type, ctx->InputShape(input), &operand_shapes.back()));
    }
    for (size_t i = 0; i < results.size(); ++i) {
      const tensorflow::DataType type = ctx->expected_output_dtype(static_cast<int>(i));
      TF_RETURN_IF_ERROR(tensorflow::TensorShapeToXLAShape(type, results[i], &result_shapes[i]));
    }
    const bool one = results.size() == 1;
    const xla::XlaOp output = xla::CustomCallWithLayout(
        ctx->builder(), call, operands, one ? result_shapes[0] : xla::ShapeUtil::MakeTupleShape(result_shapes),
        operand_shapes, WriteAttributes(shape, sigma, attrs_.margin, attrs_.displacement_gradient),
        /*has_side_effect=*/false,
        /*output_operand_aliasing=*/{}, /*literal=*/nullptr, xla::CustomCallSchedule::SCHEDULE_NONE,
        xla::CustomCallApiVersion::API_VERSION_TYPED_FFI);
    for (size_t i = 0; i < results.size(); ++i) {
      ctx->SetOutput(static_cast<int>(i), one ? output : xla::GetTupleElement(output, i));
    }
    return absl::OkStatus();
  }

  A attrs_;
};

}  // namespace dau::tf

#endif  // DAU_CC_TF_XLA_CONV_XLA_H_
