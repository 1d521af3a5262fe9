// Registration of Dau>Conv2D and its gradients: names, attributes, documentation, shapes.
#include "cc/tf/dau_conv_args.h"
#include "cc/tf/dau_conv_inference.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace dau::tf {
namespace {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// The units of inputs 1 and 2; sigma, input 3, is a scalar.
absl::Status CheckParams(InferenceContext* c, UnitDims* dims) {
  ShapeHandle scalar;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(3), 0, &scalar));
  return CheckUnits(c, dims);
}

absl::Status ForwardShape(InferenceContext* c) {
  Attrs attrs;
  TF_RETURN_IF_ERROR(attrs.Read(c));
  UnitDims dims;
  TF_RETURN_IF_ERROR(CheckParams(c, &dims));
  return ForwardOutput(c, attrs, dims);
}

absl::Status BackpropInputShape(InferenceContext* c) {
  UnitDims dims;
  TF_RETURN_IF_ERROR(CheckParams(c, &dims));
  return InputGradientOutput(c);
}

absl::Status BackpropParamsShape(InferenceContext* c) {
  UnitDims dims;
  TF_RETURN_IF_ERROR(CheckParams(c, &dims));
  return ParameterGradientOutputs(c, 2);
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
