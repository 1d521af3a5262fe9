// Registration of Dau>Conv2D and its gradients: names, attributes, documentation, shapes.
#include "cc/kernels/dau_conv_shape.h"
#include "cc/tf/dau_conv_args.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace dau::tf {
namespace {

using ::tensorflow::Tensor;
using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

struct ParamDims {
  DimensionHandle in_channels, filters;
};

// weight [K, S, F] and displacement [2, K, S, F] agree; sigma is a scalar.
absl::Status CheckParams(InferenceContext* c, int weight, int displacement, int sigma, ParamDims* dims) {
  ShapeHandle w, mu, units, scalar;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(weight), 3, &w));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(displacement), 4, &mu));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(sigma), 0, &scalar));
  DimensionHandle axes;
  TF_RETURN_IF_ERROR(c->WithValue(c->Dim(mu, 0), 2, &axes));
  TF_RETURN_IF_ERROR(c->Subshape(mu, 1, &units));
  TF_RETURN_IF_ERROR(c->Merge(w, units, &w));
  *dims = {c->Dim(w, 1), c->Dim(w, 2)};
  return absl::OkStatus();
}

// One axis of the output; unknown where the input or, for `valid`, sigma is.
absl::Status OutputDim(InferenceContext* c, const Attrs& attrs, DimensionHandle size, int sigma_input, int64_t stride,
                       DimensionHandle* out) {
  *out = c->UnknownDim();
  if (!c->ValueKnown(size)) return absl::OkStatus();
  int64_t margin = 0;
  if (attrs.padding == Padding::kValid) {
    const Tensor* sigma = c->input_tensor(sigma_input);
    margin = attrs.margin;
    if (margin < 0) {
      if (sigma == nullptr) return absl::OkStatus();
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

absl::Status ForwardShape(InferenceContext* c) {
  Attrs attrs;
  TF_RETURN_IF_ERROR(attrs.Read(c));
  ShapeHandle input;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &input));
  ParamDims dims;
  TF_RETURN_IF_ERROR(CheckParams(c, 1, 2, 3, &dims));
  const bool nhwc = attrs.format == DataFormat::kNHWC;
  DimensionHandle channels, height, width;
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(input, nhwc ? 3 : 1), dims.in_channels, &channels));
  TF_RETURN_IF_ERROR(OutputDim(c, attrs, c->Dim(input, nhwc ? 1 : 2), 3, attrs.stride_h, &height));
  TF_RETURN_IF_ERROR(OutputDim(c, attrs, c->Dim(input, nhwc ? 2 : 3), 3, attrs.stride_w, &width));
  const DimensionHandle batch = c->Dim(input, 0);
  c->set_output(0, nhwc ? c->MakeShape({batch, height, width, dims.filters})
                        : c->MakeShape({batch, dims.filters, height, width}));
  return absl::OkStatus();
}

absl::Status BackpropInputShape(InferenceContext* c) {
  ParamDims dims;
  TF_RETURN_IF_ERROR(CheckParams(c, 1, 2, 3, &dims));
  ShapeHandle sizes, gradient, input;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 1, &sizes));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(4), 4, &gradient));
  TF_RETURN_IF_ERROR(c->MakeShapeFromShapeTensor(0, &input));
  TF_RETURN_IF_ERROR(c->WithRank(input, 4, &input));
  c->set_output(0, input);
  return absl::OkStatus();
}

absl::Status BackpropParamsShape(InferenceContext* c) {
  ShapeHandle input, gradient;
  ParamDims dims;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &input));
  TF_RETURN_IF_ERROR(CheckParams(c, 1, 2, 3, &dims));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(4), 4, &gradient));
  c->set_output(0, c->input(1));
  c->set_output(1, c->input(2));
  return absl::OkStatus();
}

REGISTER_OP("Dau>Conv2D")
    .Input("input: T")
    .Input("weight: T")
    .Input("displacement: U")
    .Input("sigma: U")
    .Output("output: T")
    .Attr("T: {half, bfloat16, float, double}")
    .Attr("U: {float, double} = DT_FLOAT")
    .Attr("strides: list(int) = [1, 1]")
    .Attr("padding: {'SAME', 'VALID'} = 'SAME'")
    .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
    .Attr("max_displacement: float = -1.0")
    .Attr("margin: int = -1")
    .Attr("displacement_gradient: {'gaussian', 'exact'} = 'gaussian'")
    .SetShapeFn(ForwardShape)
    .Doc(R"doc(
A convolution with displaced aggregation units: each of the K units of a filter
sees one blurred, displaced pixel of each input channel.

output[n,h,w,f] = sum_s sum_k weight[k,s,f] *
    bilinear(blurred[n,:,:,s]; h*strides[0] + m + displacement[0,k,s,f],
                               w*strides[1] + m + displacement[1,k,s,f])

`blurred` is the input convolved with a Gaussian of perimeter `sigma` on the
infinite plane, zero outside the image. The convention is cross-correlation.

input: [N, H, W, S], or [N, S, H, W] for NCHW.
weight: [K, S, F], the amplification of each unit.
displacement: [2, K, S, F] in pixels: [0] vertical, down positive; [1]
  horizontal, right positive. Must be finite; may lead beyond the image.
sigma: Scalar, the aggregation perimeter in pixels, > 0.
output: [N, H', W', F], or [N, F, H', W'] for NCHW, with
  H' = ceil((H - 2m) / strides[0]).
strides: Vertical and horizontal stride, each >= 1.
padding: SAME: zeros outside, m = 0. VALID: only outputs that see nothing but
  pixels of the image, m = ceil(max_displacement) + ceil(3*sigma).
data_format: Where the channels stand.
max_displacement: What VALID reckons with, in pixels. Negative: unlimited.
  Displacements are not clipped by it.
margin: m of VALID where the caller knows it before sigma has a value, as XLA
  needs; a sigma with another m is refused. Negative: from sigma.
T: Of images and weights. Computed in float for half and bfloat16.
U: Of displacement and sigma: T, or float for half and bfloat16.
displacement_gradient: gaussian: a smoothed derivative (Eq. 16 of the paper).
  exact: the derivative of this op, right-hand at integers.
)doc");

REGISTER_OP("Dau>Conv2DBackpropInput")
    .Input("input_sizes: int32")
    .Input("weight: T")
    .Input("displacement: U")
    .Input("sigma: U")
    .Input("out_backprop: T")
    .Output("input_backprop: T")
    .Attr("T: {half, bfloat16, float, double}")
    .Attr("U: {float, double} = DT_FLOAT")
    .Attr("strides: list(int) = [1, 1]")
    .Attr("padding: {'SAME', 'VALID'} = 'SAME'")
    .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
    .Attr("max_displacement: float = -1.0")
    .Attr("margin: int = -1")
    .Attr("displacement_gradient: {'gaussian', 'exact'} = 'gaussian'")
    .SetShapeFn(BackpropInputShape)
    .Doc(R"doc(
The gradient of Dau>Conv2D with respect to its input: the exact adjoint.

input_sizes: The shape of the input, 4 integers.
weight: [K, S, F].
displacement: [2, K, S, F] in pixels.
sigma: Scalar, > 0.
out_backprop: The gradient with respect to the output of Dau>Conv2D.
input_backprop: The gradient with respect to its input, of shape input_sizes.
strides: As in Dau>Conv2D.
padding: As in Dau>Conv2D.
data_format: As in Dau>Conv2D.
max_displacement: As in Dau>Conv2D.
margin: As in Dau>Conv2D.
T: As in Dau>Conv2D.
U: As in Dau>Conv2D.
displacement_gradient: Not used here; for one set of attributes.
)doc");

REGISTER_OP("Dau>Conv2DBackpropParams")
    .Input("input: T")
    .Input("weight: T")
    .Input("displacement: U")
    .Input("sigma: U")
    .Input("out_backprop: T")
    .Output("weight_backprop: T")
    .Output("displacement_backprop: U")
    .Attr("T: {half, bfloat16, float, double}")
    .Attr("U: {float, double} = DT_FLOAT")
    .Attr("strides: list(int) = [1, 1]")
    .Attr("padding: {'SAME', 'VALID'} = 'SAME'")
    .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
    .Attr("max_displacement: float = -1.0")
    .Attr("margin: int = -1")
    .Attr("displacement_gradient: {'gaussian', 'exact'} = 'gaussian'")
    .SetShapeFn(BackpropParamsShape)
    .Doc(R"doc(
The gradients of Dau>Conv2D with respect to weight and displacement.

input: The input of Dau>Conv2D.
weight: [K, S, F].
displacement: [2, K, S, F] in pixels.
sigma: Scalar, > 0.
out_backprop: The gradient with respect to the output of Dau>Conv2D.
weight_backprop: [K, S, F], exact.
displacement_backprop: [2, K, S, F], of the kind displacement_gradient says.
strides: As in Dau>Conv2D.
padding: As in Dau>Conv2D.
data_format: As in Dau>Conv2D.
max_displacement: As in Dau>Conv2D.
margin: As in Dau>Conv2D.
T: As in Dau>Conv2D.
U: As in Dau>Conv2D.
displacement_gradient: As in Dau>Conv2D.
)doc");

}  // namespace
}  // namespace dau::tf
