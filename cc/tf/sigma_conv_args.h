// From TensorFlow's attributes and tensors to a DauConvShape where sigma is learned: one of the layer, or one a unit.
#ifndef DAU_CC_TF_SIGMA_CONV_ARGS_H_
#define DAU_CC_TF_SIGMA_CONV_ARGS_H_

#include "cc/tf/dau_conv_args.h"

namespace dau::tf {

struct SigmaAttrs : Attrs {
  double max_sigma = 0;

  // Source: OpKernelConstruction or InferenceContext. `margin` follows from max_sigma.
  template <typename Source>
  absl::Status Read(Source* source) {
    float max = 0;
    absl::Status status = Attrs::Read</*kMargin=*/false>(source);
    if (status.ok()) status = source->GetAttr("max_sigma", &max);
    if (!status.ok()) return status;
    max_sigma = max;
    return SetMargin();
  }

 private:
  absl::Status SetMargin();
};

// Each of them > 0 and ≤ max_sigma. T: float or double.
template <typename T>
Status CheckSigma(const T* sigma, int64_t count, double max_sigma);

// A scalar, or one a unit.
absl::Status CheckSigmaShape(const tensorflow::TensorShape& sigma, const tensorflow::TensorShape& weight);

// shape->sigma of a shape with max_sigma: the shared one, or null where each unit has its own.
void SetSigma(const double* shared, DauConvShape* shape);

// The shape of a call, validated, and every sigma: > 0 and ≤ max_sigma. sigma: a scalar or [K, S, F] like the weight.
absl::Status MakeSigmaShape(const SigmaAttrs& attrs, const tensorflow::TensorShape& input,
                            const tensorflow::Tensor& weight, const tensorflow::Tensor& displacement,
                            const tensorflow::Tensor& sigma, DauConvShape* shape);

}  // namespace dau::tf

#endif  // DAU_CC_TF_SIGMA_CONV_ARGS_H_
