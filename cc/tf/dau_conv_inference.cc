#include "cc/tf/dau_conv_inference.h"

#include "cc/kernels/dau_conv_shape.h"

namespace dau::tf {

using ::tensorflow::Tensor;
using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status CheckUnits(InferenceContext* c, UnitDims* dims) {
  ShapeHandle w, mu, units;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 3, &w));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 4, &mu));
  DimensionHandle axes;
  TF_RETURN_IF_ERROR(c->WithValue(c->Dim(mu, 0), 2, &axes));
  TF_RETURN_IF_ERROR(c->Subshape(mu, 1, &units));
  TF_RETURN_IF_ERROR(c->Merge(w, units, &w));
  *dims = {w, c->Dim(w, 1), c->Dim(w, 2)};
  return absl::OkStatus();
}

namespace {

// One axis of the output; unknown where the input or, for `valid`, sigma is.
absl::Status OutputDim(InferenceContext* c, const Attrs& attrs, DimensionHandle size, int64_t stride,
                       DimensionHandle* out) {
  *out = c->UnknownDim();
  if (!c->ValueKnown(size)) return absl::OkStatus();
  int64_t margin = 0;
  if (attrs.padding == Padding::kValid) {
    const Tensor* sigma = c->input_tensor(3);
    margin = attrs.margin;
    if (margin < 0) {
      if (sigma == nullptr || sigma->dims() != 0) return absl::OkStatus();  // of each unit: max_sigma has the say
      DauConvShape shape;
      shape.padding = attrs.padding;
      shape.max_displacement = attrs.max_displacement;
      shape.sigma = SigmaValue(*sigma);
      if (!(shape.sigma > 0) || !(shape.max_displacement >= 0))
        return absl::OkStatus();  // the kernel tells what is wrong
      margin = Margin(shape);
    }
    if (margin >= (c->Value(size) + 1) / 2) {
      return absl::InvalidArgumentError(InvalidArgument("padding `valid` drops ", margin,
                                                        " pixels on each side; nothing remains of an extent of ",
                                                        c->Value(size))
                                            .message());
    }
  }
  *out = c->MakeDim(OutputExtent(c->Value(size), margin, stride));
  return absl::OkStatus();
}

}  // namespace

absl::Status ForwardOutput(InferenceContext* c, const Attrs& attrs, const UnitDims& dims) {
  ShapeHandle input;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &input));
  const bool nhwc = attrs.format == DataFormat::kNHWC;
  DimensionHandle channels, height, width;
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(input, nhwc ? 3 : 1), dims.in_channels, &channels));
  TF_RETURN_IF_ERROR(OutputDim(c, attrs, c->Dim(input, nhwc ? 1 : 2), attrs.stride_h, &height));
  TF_RETURN_IF_ERROR(OutputDim(c, attrs, c->Dim(input, nhwc ? 2 : 3), attrs.stride_w, &width));
  const DimensionHandle batch = c->Dim(input, 0);
  c->set_output(0, nhwc ? c->MakeShape({batch, height, width, dims.filters})
                        : c->MakeShape({batch, dims.filters, height, width}));
  return absl::OkStatus();
}

absl::Status InputGradientOutput(InferenceContext* c) {
  ShapeHandle sizes, gradient, input;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 1, &sizes));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(4), 4, &gradient));
  TF_RETURN_IF_ERROR(c->MakeShapeFromShapeTensor(0, &input));
  TF_RETURN_IF_ERROR(c->WithRank(input, 4, &input));
  c->set_output(0, input);
  return absl::OkStatus();
}

absl::Status ParameterGradientOutputs(InferenceContext* c, int count) {
  ShapeHandle input, gradient;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &input));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(4), 4, &gradient));
  for (int i = 0; i < count; ++i) c->set_output(i, c->input(i + 1));
  return absl::OkStatus();
}

}  // namespace dau::tf
