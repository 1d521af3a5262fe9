#include "cc/tf/sigma_conv_args.h"

#include <algorithm>

namespace dau::tf {
namespace {

using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using ::tensorflow::TensorShapeUtils;

// max_sigma came as a float, and updates clip sigma to the nearest number of its own type.
constexpr double kRounding = 1 + 1e-6;

template <typename T>
absl::Status CheckValues(const Tensor& sigma, double max_sigma) {
  const auto values = sigma.flat<T>();
  const T highest = static_cast<T>(max_sigma * kRounding);
  for (int64_t i = 0; i < values.size(); ++i) {
    if (values(i) > 0 && values(i) <= highest) continue;
    return ToAbsl(InvalidArgument("`sigma` must be > 0 and ≤ max_sigma=", max_sigma, " pixels. Received: ", values(i)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SigmaAttrs::SetMargin() {
  if (!(max_sigma > 0)) {
    return ToAbsl(InvalidArgument("`max_sigma` must be a number of pixels > 0. Received: max_sigma=", max_sigma));
  }
  if (padding != Padding::kValid || !(max_displacement >= 0)) return absl::OkStatus();  // Validate refuses the latter
  DauConvShape shape;
  shape.padding = padding;
  shape.max_displacement = max_displacement;
  shape.sigma = shape.max_sigma = max_sigma;
  margin = Margin(shape);
  return absl::OkStatus();
}

absl::Status MakeSigmaShape(const SigmaAttrs& attrs, const TensorShape& input, const Tensor& weight,
                            const Tensor& displacement, const Tensor& sigma, DauConvShape* shape) {
  if (absl::Status status =
          CheckShapes(attrs, input, weight.shape(), displacement.shape(), /*sigma=*/TensorShape(), shape);
      !status.ok()) {
    return status;
  }
  const bool scalar = TensorShapeUtils::IsScalar(sigma.shape());
  if (!scalar && sigma.shape() != weight.shape()) {
    return ToAbsl(
        InvalidArgument("`sigma` must be a scalar, or have the shape [K, S, F] = ", weight.shape().DebugString(),
                        " of `weight`. Received shape: ", sigma.shape().DebugString()));
  }
  const bool doubles = sigma.dtype() == tensorflow::DT_DOUBLE;
  if (absl::Status status =
          doubles ? CheckValues<double>(sigma, attrs.max_sigma) : CheckValues<float>(sigma, attrs.max_sigma);
      !status.ok()) {
    return status;
  }
  shape->max_sigma = attrs.max_sigma;
  shape->sigma = scalar ? std::min(SigmaValue(sigma), attrs.max_sigma) : attrs.max_sigma;
  return ToAbsl(Validate(*shape));
}

}  // namespace dau::tf
