#include "cc/tf/dau_conv_args.h"

namespace dau::tf {

using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using ::tensorflow::TensorShapeUtils;

absl::Status ToAbsl(const Status& status) {
  return status.ok() ? absl::OkStatus() : absl::InvalidArgumentError(status.message());
}

absl::Status Attrs::SetStrides(const std::vector<int32_t>& strides) {
  if (strides.size() != 2) {
    return ToAbsl(InvalidArgument("`strides` must be 2 integers, vertical and horizontal. Received: ", strides.size()));
  }
  for (int32_t stride : strides) {
    if (stride < 1) return ToAbsl(InvalidArgument("`strides` must be integers ≥ 1. Received: ", stride));
  }
  stride_h = strides[0];
  stride_w = strides[1];
  return absl::OkStatus();
}

double SigmaValue(const Tensor& sigma) {
  return sigma.dtype() == tensorflow::DT_DOUBLE ? sigma.scalar<double>()() : sigma.scalar<float>()();
}

absl::Status MakeShape(const Attrs& attrs, const TensorShape& input, const Tensor& weight, const Tensor& displacement,
                       const Tensor& sigma, DauConvShape* shape) {
  if (absl::Status status = CheckShapes(attrs, input, weight.shape(), displacement.shape(), sigma.shape(), shape);
      !status.ok()) {
    return status;
  }
  shape->sigma = SigmaValue(sigma);
  const Status status = Validate(*shape);
  return ToAbsl(status.ok() ? CheckMargin(*shape, attrs.margin) : status);
}

namespace {

// Whether `displacement` is [2] and then `weight`. Not by making that shape: of a weight without elements, whose other
// extents may be anything, it may have more elements than TensorShape counts, which aborts the process.
bool IsTwice(const TensorShape& displacement, const TensorShape& weight) {
  if (displacement.dims() != weight.dims() + 1 || displacement.dim_size(0) != 2) return false;
  for (int i = 0; i < weight.dims(); ++i) {
    if (displacement.dim_size(i + 1) != weight.dim_size(i)) return false;
  }
  return true;
}

}  // namespace

absl::Status CheckShapes(const Attrs& attrs, const TensorShape& input, const TensorShape& weight,
                         const TensorShape& displacement, const TensorShape& sigma, DauConvShape* shape) {
  const bool nhwc = attrs.format == DataFormat::kNHWC;
  if (input.dims() != 4) {
    return ToAbsl(InvalidArgument("`input` must have 4 dimensions, ", nhwc ? "[N, H, W, S]" : "[N, S, H, W]",
                                  ". Received shape: ", input.DebugString()));
  }
  if (weight.dims() != 3) {
    return ToAbsl(
        InvalidArgument("`weight` must have 3 dimensions, [K, S, F]. Received shape: ", weight.DebugString()));
  }
  if (!TensorShapeUtils::IsScalar(sigma)) {
    return ToAbsl(InvalidArgument("`sigma` must be a scalar. Received shape: ", sigma.DebugString()));
  }
  if (!IsTwice(displacement, weight)) {
    return ToAbsl(InvalidArgument("`displacement` must have the shape [2, K, S, F] = [2,",
                                  weight.DebugString().substr(1), " that belongs to `weight` of shape ",
                                  weight.DebugString(), ". Received shape: ", displacement.DebugString()));
  }
  if (input.dim_size(nhwc ? 3 : 1) != weight.dim_size(1)) {
    return ToAbsl(InvalidArgument("`input` must have as many channels as `weight` of shape ", weight.DebugString(),
                                  " has: ", weight.dim_size(1), ". Received shape: ", input.DebugString(), " in ",
                                  nhwc ? "NHWC" : "NCHW"));
  }
  shape->batch = input.dim_size(0);
  shape->height = input.dim_size(nhwc ? 1 : 2);
  shape->width = input.dim_size(nhwc ? 2 : 3);
  shape->units = weight.dim_size(0);
  shape->in_channels = weight.dim_size(1);
  shape->filters = weight.dim_size(2);
  shape->stride_h = attrs.stride_h;
  shape->stride_w = attrs.stride_w;
  shape->padding = attrs.padding;
  shape->format = attrs.format;
  shape->max_displacement = attrs.max_displacement;
  return absl::OkStatus();
}

Status CheckMargin(const DauConvShape& shape, int64_t margin) {
  if (shape.padding != Padding::kValid || margin < 0 || Margin(shape) == margin) return Status();
  return InvalidArgument("padding `valid` with max_displacement=", shape.max_displacement, " and sigma=", shape.sigma,
                         " drops ", Margin(shape), " pixels on each side. Expected the `margin`: ", margin);
}

absl::Status InputShape(const Tensor& sizes, TensorShape* input) {
  if (sizes.dims() != 1 || sizes.NumElements() != 4) {
    return ToAbsl(InvalidArgument("`input_sizes` must be 4 integers. Received shape: ", sizes.shape().DebugString()));
  }
  return TensorShapeUtils::MakeShape(sizes.vec<int32_t>(), input);
}

TensorShape OutputShape(const DauConvShape& shape) {
  const int64_t height = OutputHeight(shape), width = OutputWidth(shape);
  return shape.format == DataFormat::kNHWC ? TensorShape({shape.batch, height, width, shape.filters})
                                           : TensorShape({shape.batch, shape.filters, height, width});
}

absl::Status CheckOutBackprop(const DauConvShape& shape, const Tensor& out_backprop) {
  const TensorShape expected = OutputShape(shape);
  if (out_backprop.shape() == expected) return absl::OkStatus();
  return ToAbsl(InvalidArgument("`out_backprop` must have the output's shape ", expected.DebugString(),
                                ". Received shape: ", out_backprop.shape().DebugString()));
}

}  // namespace dau::tf
