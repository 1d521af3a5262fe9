// Registration of Dau>SigmaConv2D and its gradients: names, attributes, documentation, shapes.
#include "cc/tf/dau_conv_inference.h"
#include "cc/tf/sigma_conv_args.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace dau::tf {
namespace {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// The units of inputs 1 and 2; sigma, input 3, is a scalar or has their shape.
absl::Status CheckParams(InferenceContext* c, UnitDims* dims) {
  TF_RETURN_IF_ERROR(CheckUnits(c, dims));
  const ShapeHandle sigma = c->input(3);
  if (!c->RankKnown(sigma) || c->Rank(sigma) == 0) return absl::OkStatus();
  return c->Merge(sigma, dims->units, &dims->units);
}

absl::Status ForwardShape(InferenceContext* c) {
  SigmaAttrs attrs;
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
  return ParameterGradientOutputs(c, 3);
}

#define DAU_ATTRS                                     \
  Attr("T: {half, bfloat16, float, double}")          \
      .Attr("U: {float, double} = DT_FLOAT")          \
      .Attr("max_sigma: float")                       \
      .Attr("strides: list(int) = [1, 1]")            \
      .Attr("padding: {'SAME', 'VALID'} = 'SAME'")    \
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'") \
      .Attr("max_displacement: float = -1.0")         \
      .Attr("displacement_gradient: {'gaussian', 'exact'} = 'gaussian'")

REGISTER_OP("Dau>SigmaConv2D")
    .Input("input: T")
    .Input("weight: T")
    .Input("displacement: U")
    .Input("sigma: U")
    .Output("output: T")
    .DAU_ATTRS.SetShapeFn(ForwardShape)
    .Doc(R"doc(
Dau>Conv2D where sigma is learned: one for all units, or one a unit.

With one sigma it computes what Dau>Conv2D does, but that the Gaussian reaches
ceil(3*max_sigma) pixels to each side whatever sigma is. With one a unit (the
general form, Eq. 2-4 of the paper) each unit is a Gaussian around its
displacement, sampled at the pixels nearer than ceil(3*max_sigma) + 1 and over
its own sum:

output[n,h,w,f] = sum_s sum_k weight[k,s,f] * sum_p sum_q
    tap(p; displacement[0,k,s,f], sigma[k,s,f]) *
    tap(q; displacement[1,k,s,f], sigma[k,s,f]) *
    input[n, h*strides[0] + m + p, w*strides[1] + m + q, s]

input: [N, H, W, S], or [N, S, H, W] for NCHW.
weight: [K, S, F], the amplification of each unit.
displacement: [2, K, S, F] in pixels, as in Dau>Conv2D.
sigma: Scalar or [K, S, F], in pixels, > 0 and <= max_sigma.
output: As of Dau>Conv2D.
max_sigma: The largest sigma, in pixels: fixes how far units reach, so that
  the derivative by sigma is exact, and the margin of VALID,
  m = ceil(max_displacement) + ceil(3*max_sigma).
strides: As in Dau>Conv2D.
padding: As in Dau>Conv2D.
data_format: As in Dau>Conv2D.
max_displacement: As in Dau>Conv2D.
T: As in Dau>Conv2D.
U: As in Dau>Conv2D.
displacement_gradient: As in Dau>Conv2D. With a sigma a unit it is exact
  either way.
)doc");

REGISTER_OP("Dau>SigmaConv2DBackpropInput")
    .Input("input_sizes: int32")
    .Input("weight: T")
    .Input("displacement: U")
    .Input("sigma: U")
    .Input("out_backprop: T")
    .Output("input_backprop: T")
    .DAU_ATTRS.SetShapeFn(BackpropInputShape)
    .Doc(R"doc(
The gradient of Dau>SigmaConv2D with respect to its input: the exact adjoint.

input_sizes: The shape of the input, 4 integers.
weight: [K, S, F].
displacement: [2, K, S, F] in pixels.
sigma: Scalar or [K, S, F].
out_backprop: The gradient with respect to the output of Dau>SigmaConv2D.
input_backprop: The gradient with respect to its input, of shape input_sizes.
max_sigma: As in Dau>SigmaConv2D.
strides: As in Dau>Conv2D.
padding: As in Dau>Conv2D.
data_format: As in Dau>Conv2D.
max_displacement: As in Dau>Conv2D.
T: As in Dau>Conv2D.
U: As in Dau>Conv2D.
displacement_gradient: Not used here; for one set of attributes.
)doc");

REGISTER_OP("Dau>SigmaConv2DBackpropParams")
    .Input("input: T")
    .Input("weight: T")
    .Input("displacement: U")
    .Input("sigma: U")
    .Input("out_backprop: T")
    .Output("weight_backprop: T")
    .Output("displacement_backprop: U")
    .Output("sigma_backprop: U")
    .DAU_ATTRS.SetShapeFn(BackpropParamsShape)
    .Doc(R"doc(
The gradients of Dau>SigmaConv2D with respect to weight, displacement and sigma.

input: The input of Dau>SigmaConv2D.
weight: [K, S, F].
displacement: [2, K, S, F] in pixels.
sigma: Scalar or [K, S, F].
out_backprop: The gradient with respect to the output of Dau>SigmaConv2D.
weight_backprop: [K, S, F], exact.
displacement_backprop: [2, K, S, F], of the kind displacement_gradient says.
sigma_backprop: Of the shape of sigma, exact.
max_sigma: As in Dau>SigmaConv2D.
strides: As in Dau>Conv2D.
padding: As in Dau>Conv2D.
data_format: As in Dau>Conv2D.
max_displacement: As in Dau>Conv2D.
T: As in Dau>Conv2D.
U: As in Dau>Conv2D.
displacement_gradient: As in Dau>SigmaConv2D.
)doc");
#undef DAU_ATTRS

}  // namespace
}  // namespace dau::tf
