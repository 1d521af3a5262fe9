#include "cc/tf/xla/dau_conv_call.h"

#include <cstdio>

namespace dau::tf {
namespace {

void Append(const char* name, int64_t value, std::string* text) {
  *text += std::string(name) + " = " + std::to_string(value) + " : i64, ";
}

void Append(const char* name, double value, std::string* text) {
  char number[32];  // 17 digits bring every double back
  std::snprintf(number, sizeof(number), "%.16e", value);
  *text += std::string(name) + " = " + number + " : f64, ";
}

}  // namespace

std::string WriteAttributes(const DauConvShape& shape, double sigma, int64_t margin, DisplacementGradient gradient) {
  std::string text = "{";
  for (const ShapeAttribute& attribute : kShapeAttributes) Append(attribute.name, shape.*attribute.field, &text);
  Append(kPadding, static_cast<int64_t>(shape.padding), &text);
  Append(kFormat, static_cast<int64_t>(shape.format), &text);
  Append(kMargin, margin, &text);
  Append(kDisplacementGradient, static_cast<int64_t>(gradient), &text);
  Append(kMaxDisplacement, shape.max_displacement, &text);
  Append(kSigma, sigma, &text);
  Append(kMaxSigma, shape.max_sigma, &text);
  text.resize(text.size() - 2);  // the last comma
  return text + "}";
}

}  // namespace dau::tf
