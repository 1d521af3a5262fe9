// From TensorFlow's attributes and tensors to a DauConvShape, with every check that needs both.
#ifndef DAU_CC_TF_DAU_CONV_ARGS_H_
#define DAU_CC_TF_DAU_CONV_ARGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/kernels/dau_conv_shape.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor_shape.h"

namespace dau::tf {

struct Attrs {
  int64_t stride_h = 1, stride_w = 1;
  Padding padding = Padding::kSame;
  DataFormat format = DataFormat::kNHWC;
  double max_displacement = -1;
  int64_t margin = -1;  // of `valid`; negative: from sigma, whose value has to be known then
  DisplacementGradient displacement_gradient = DisplacementGradient::kGaussian;

  // Source: OpKernelConstruction or InferenceContext. kMargin: whether the op has the attribute `margin`.
  template <bool kMargin = true, typename Source>
  absl::Status Read(Source* source) {
    std::vector<int32_t> strides;
    std::string padding_name, format_name, gradient_name;
    float max;
    int64_t known_margin = -1;
    absl::Status status = source->GetAttr("strides", &strides);
    if (status.ok()) status = source->GetAttr("padding", &padding_name);
    if (status.ok()) status = source->GetAttr("data_format", &format_name);
    if (status.ok()) status = source->GetAttr("max_displacement", &max);
    if (kMargin && status.ok()) status = source->GetAttr("margin", &known_margin);
    if (status.ok()) status = source->GetAttr("displacement_gradient", &gradient_name);
    if (!status.ok()) return status;
    max_displacement = max;
    margin = known_margin;
    padding = padding_name == "VALID" ? Padding::kValid : Padding::kSame;
    format = format_name == "NCHW" ? DataFormat::kNCHW : DataFormat::kNHWC;
    displacement_gradient = gradient_name == "exact" ? DisplacementGradient::kExact : DisplacementGradient::kGaussian;
    return SetStrides(strides);
  }

 private:
  absl::Status SetStrides(const std::vector<int32_t>& strides);
};

// The value of a scalar float or double.
double SigmaValue(const tensorflow::Tensor& sigma);

// The shape of a call, validated. `input`: the dimensions of x.
absl::Status MakeShape(const Attrs& attrs, const tensorflow::TensorShape& input, const tensorflow::Tensor& weight,
                       const tensorflow::Tensor& displacement, const tensorflow::Tensor& sigma, DauConvShape* shape);

// The same where sigma's value is not known yet, and not validated: all of the shape but sigma.
absl::Status CheckShapes(const Attrs& attrs, const tensorflow::TensorShape& input,
                         const tensorflow::TensorShape& weight, const tensorflow::TensorShape& displacement,
                         const tensorflow::TensorShape& sigma, DauConvShape* shape);

// Of an input whose sizes are given as a tensor of 4 integers.
absl::Status InputShape(const tensorflow::Tensor& sizes, tensorflow::TensorShape* input);

tensorflow::TensorShape OutputShape(const DauConvShape& shape);

absl::Status CheckOutBackprop(const DauConvShape& shape, const tensorflow::Tensor& out_backprop);

// Refuses a sigma whose margin is another than what the caller reckoned with; for a valid shape.
Status CheckMargin(const DauConvShape& shape, int64_t margin);

absl::Status ToAbsl(const Status& status);

}  // namespace dau::tf

#endif  // DAU_CC_TF_DAU_CONV_ARGS_H_
