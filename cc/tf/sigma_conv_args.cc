#include "cc/tf/sigma_conv_args.h"

#include <algorithm>

namespace dau::tf {
namespace {

using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using ::tensorflow::TensorShapeUtils;

// max_sigma came as a float, and updates clip sigma to the nearest number of its own type.
constexpr double kRounding = 1 + 1e-6;

}  // namespace

template <typename T>
Status CheckSigma(const T* sigma, int64_t count, double max_sigma) {
  const T highest = static_cast<T>(max_sigma * kRounding);
  for (int64_t i = 0; i < count; ++i) {
    if (sigma[i] > 0 && sigma[i] <= highest) continue;
    return InvalidArgument("`sigma` must be > 0 and ≤ max_sigma=", max_sigma, " pixels. Received: ", sigma[i]);
  }
  return Status();
}
template Status CheckSigma(const float*, int64_t, double);
template Status CheckSigma(const double*, int64_t, double);

absl::Status CheckSigmaShape(const TensorShape& sigma, const TensorShape& weight) {
  if (TensorShapeUtils::IsScalar(sigma) || sigma == weight) return absl::OkStatus();
  return ToAbsl(InvalidArgument("`sigma` must be a scalar, or have the shape [K, S, F] = ", weight.DebugString(),
                                " of `weight`. Received shape: ", sigma.DebugString()));
}

void SetSigma(const double* shared, DauConvShape* shape) {
  shape->sigma = shared == nullptr ? shape->max_sigma : std::min(*shared, shape->max_sigma);
}

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
  if (absl::Status status = CheckSigmaShape(sigma.shape(), weight.shape()); !status.ok()) return status;
  const int64_t count = sigma.NumElements();
  const Status status = sigma.dtype() == tensorflow::DT_DOUBLE
                            ? CheckSigma(sigma.flat<double>().data(), count, attrs.max_sigma)
                            : CheckSigma(sigma.flat<float>().data(), count, attrs.max_sigma);
  if (!status.ok()) return ToAbsl(status);
  const bool scalar = TensorShapeUtils::IsScalar(sigma.shape());
  const double shared = scalar ? SigmaValue(sigma) : 0;
  shape->max_sigma = attrs.max_sigma;
  SetSigma(scalar ? &shared : nullptr, shape);
  return ToAbsl(Validate(*shape));
}

}  // namespace dau::tf
