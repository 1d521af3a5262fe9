// What a compiled cluster tells the native kernels: the custom calls, their arrays and their attributes.
//
//   dau_conv2d                  weight, displacement, sigma, x      → y
//   dau_conv2d_backprop_input   weight, displacement, sigma, dy     → dx
//   dau_conv2d_backprop_params  weight, displacement, sigma, x, dy  → d_weight, d_displacement
//
// and dau_sigma_conv2d… where sigma is learned, whose last call has d_sigma as a third result.
//
// Shapes are fixed when the cluster is compiled, and travel as attributes; sigma's value is known when it runs. On a
// GPU, in whose memory it lies then, the first three get it as an attribute where it is a constant, which spares a
// wait.
#ifndef DAU_CC_TF_XLA_DAU_CONV_CALL_H_
#define DAU_CC_TF_XLA_DAU_CONV_CALL_H_

#include <string>

#include "cc/kernels/dau_conv_shape.h"

namespace dau::tf {

constexpr char kForwardCall[] = "dau_conv2d";
constexpr char kBackpropInputCall[] = "dau_conv2d_backprop_input";
constexpr char kBackpropParamsCall[] = "dau_conv2d_backprop_params";
constexpr char kSigmaForwardCall[] = "dau_sigma_conv2d";
constexpr char kSigmaBackpropInputCall[] = "dau_sigma_conv2d_backprop_input";
constexpr char kSigmaBackpropParamsCall[] = "dau_sigma_conv2d_backprop_params";

// The attributes that are integers, by name.
struct ShapeAttribute {
  const char* name;
  int64_t DauConvShape::* field;
};
constexpr ShapeAttribute kShapeAttributes[] = {
    {"batch", &DauConvShape::batch},       {"height", &DauConvShape::height},
    {"width", &DauConvShape::width},       {"in_channels", &DauConvShape::in_channels},
    {"filters", &DauConvShape::filters},   {"units", &DauConvShape::units},
    {"stride_h", &DauConvShape::stride_h}, {"stride_w", &DauConvShape::stride_w},
};
// The rest: enumerators as integers, and two doubles.
constexpr char kPadding[] = "padding";
constexpr char kFormat[] = "format";
constexpr char kMaxDisplacement[] = "max_displacement";
constexpr char kSigma[] = "sigma";         // kSigmaOfRun where only the operand has it
constexpr char kMaxSigma[] = "max_sigma";  // 0 where sigma is not learned
constexpr char kMargin[] = "margin";       // the op's attribute
constexpr char kDisplacementGradient[] = "displacement_gradient";

constexpr double kSigmaOfRun = 0;

// The attributes as XLA wants them, an MLIR dictionary: {batch = 1 : i64, …}.
std::string WriteAttributes(const DauConvShape& shape, double sigma, int64_t margin, DisplacementGradient gradient);

}  // namespace dau::tf

#endif  // DAU_CC_TF_XLA_DAU_CONV_CALL_H_
