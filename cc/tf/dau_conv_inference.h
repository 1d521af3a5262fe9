// Static shapes of the ops' inputs and outputs, as far as a graph knows them.
#ifndef DAU_CC_TF_DAU_CONV_INFERENCE_H_
#define DAU_CC_TF_DAU_CONV_INFERENCE_H_

#include "absl/status/status.h"
#include "cc/tf/dau_conv_args.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace dau::tf {

struct UnitDims {
  tensorflow::shape_inference::ShapeHandle units;  // [K, S, F]
  tensorflow::shape_inference::DimensionHandle in_channels, filters;
};

// Input 1, weight [K, S, F], and input 2, displacement [2, K, S, F], agree.
absl::Status CheckUnits(tensorflow::shape_inference::InferenceContext* c, UnitDims* dims);

// Sets output 0 to the shape of the images that input 0 gives. Sizes are unknown where the input's are or, for `valid`
// without attrs.margin, the scalar sigma of input 3.
absl::Status ForwardOutput(tensorflow::shape_inference::InferenceContext* c, const Attrs& attrs, const UnitDims& dims);

// Sets output 0 to the shape that input 0, the sizes of the images, tells; input 4 is a gradient of the outputs.
absl::Status InputGradientOutput(tensorflow::shape_inference::InferenceContext* c);

// Sets `count` outputs to the shapes of inputs 1, 2, …; input 0 are images and input 4 is a gradient of the outputs.
absl::Status ParameterGradientOutputs(tensorflow::shape_inference::InferenceContext* c, int count);

}  // namespace dau::tf

#endif  // DAU_CC_TF_DAU_CONV_INFERENCE_H_
