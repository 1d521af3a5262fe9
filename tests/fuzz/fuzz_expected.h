// What a fuzzed call must give: the definition's values within the tolerances of tests/cc/kernels, and where values are
// not finite or too large for that, the bits of everything that they must not reach (docs/extreme_values.md).
#ifndef DAU_TESTS_FUZZ_FUZZ_EXPECTED_H_
#define DAU_TESTS_FUZZ_FUZZ_EXPECTED_H_

#include <algorithm>
#include <cmath>
#include <set>
#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include "cc/kernels/reference/dau_conv_reference.h"
#include "cc/kernels/reference/general_reference.h"
#include "tests/cc/kernels/general_scales.h"
#include "tests/cc/kernels/scales.h"
#include "tests/fuzz/fuzz_call.h"

namespace dau::fuzz {

// Up to here intermediate results stay in range whatever the engine, docs/extreme_values.md.
template <typename R>
constexpr double kSafe = sizeof(R) == 4 ? 1e30 : 1e290;

template <typename R>
bool IsSafe(R value) {
  return std::abs(static_cast<double>(value)) <= kSafe<R>;  // false for NaN
}

// Whether every array that the pass reads, and every product that it is made of, is in the safe range.
template <typename R>
bool IsSafe(const Arrays<R>& a, Pass pass) {
  const auto largest = [](const std::vector<R>& values) {
    double most = 0;
    for (const R value : values) most = IsSafe(value) ? std::max<double>(most, std::abs(value)) : kInfinity;
    return most;
  };
  const double weight = std::max(1.0, largest(a.weight));
  double product = weight;
  if (pass != Pass::kBackwardInput) product *= std::max(1.0, largest(a.x));
  if (pass != Pass::kForward) product *= std::max(1.0, largest(a.dy));
  return product <= kSafe<R>;
}

// The reference sees every pixel through every tap: where that takes longer than some milliseconds there is no
// comparison.
inline bool IsQuick(const DauConvShape& shape) {
  const double r = static_cast<double>(SupportRadius(shape)), taps = (2 * r + 1) * (2 * r + 1);
  const double blur = static_cast<double>(shape.batch * shape.in_channels) *
                      (static_cast<double>(shape.height) + 2 * r) * (static_cast<double>(shape.width) + 2 * r) * taps;
  const double units = static_cast<double>(UnitCount(shape)) * static_cast<double>(shape.batch) *
                       static_cast<double>(OutputHeight(shape) * OutputWidth(shape));
  return blur <= 4e5 && units <= 2e4;
}

// An empty string, or the first value that is not near enough. A value whose terms reach beyond the safe range may be
// anything.
template <typename R>
std::string Compare(const char* name, const std::vector<R>& actual, const double* expected,
                    const std::vector<testing::Scale>& scales, double terms) {
  constexpr double kUnderflows = 64 * 64;  // the spectral engine's; the others' are smaller
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!(scales[i].norm <= kSafe<R>)) continue;
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    const double allowed = testing::Allowed<R>(scales[i], terms, kUnderflows);
    if (error <= allowed) continue;  // NaN is not
    std::ostringstream text;
    text << std::setprecision(17) << name << "[" << i << "] is " << actual[i] << ", expected " << expected[i] << " ± "
         << allowed;
    return text.str();
  }
  return "";
}

// a: every array as the library saw it.
template <typename R>
std::string CompareWithReference(const FuzzCase& c, const Arrays<R>& a, const Result<R>& result) {
  using testing::Double;
  const DauConvShape& shape = a.shape;
  const auto x = Double(a.x), weight = Double(a.weight), mu = Double(a.displacement), dy = Double(a.dy),
             sigma = Double(a.sigma);
  const testing::Scales<R> scales(a, /*lerps_by_ratio=*/!c.general);
  std::vector<double> expected(result.values.size());
  const double units = static_cast<double>(shape.units);
  if (c.pass == Pass::kForward) {
    if (c.general) {
      reference::GeneralForward(shape, x.data(), weight.data(), mu.data(), sigma.data(), expected.data());
    } else {
      reference::Forward(shape, x.data(), weight.data(), mu.data(), expected.data());
    }
    return Compare("y", result.values, expected.data(), scales.Output(),
                   units * static_cast<double>(shape.in_channels));
  }
  if (c.pass == Pass::kBackwardInput) {
    if (c.general) {
      reference::GeneralBackwardInput(shape, weight.data(), mu.data(), sigma.data(), dy.data(), expected.data());
    } else {
      reference::BackwardInput(shape, weight.data(), mu.data(), dy.data(), expected.data());
    }
    return Compare("dx", result.values, expected.data(), scales.InputGradient(),
                   units * static_cast<double>(shape.filters));
  }
  const size_t count = result.values.size();
  std::vector<double> d_mu(2 * count), d_sigma(c.general ? count : 1);
  const ParamGradients<double> gradients{expected.data(), d_mu.data(), d_sigma.data()};
  const std::vector<testing::Scale> of_weight = scales.WeightGradient();
  std::vector<testing::Scale> of_mu, of_sigma;
  if (c.general) {
    reference::GeneralBackwardParams(shape, x.data(), weight.data(), mu.data(), sigma.data(), dy.data(), gradients);
    const auto derivatives = [&](const auto& of) { return testing::Derivatives<R>(a, of_weight, of); };
    of_mu = derivatives([](const auto& v, const auto&) { return v.slope; });
    const auto horizontal = derivatives([](const auto&, const auto& h) { return h.slope; });
    of_mu.insert(of_mu.end(), horizontal.begin(), horizontal.end());
    of_sigma = derivatives([](const auto& v, const auto& h) { return v.width + h.width; });
  } else {
    reference::BackwardParams(shape, c.kind, x.data(), weight.data(), mu.data(), dy.data(), gradients);
    of_mu = scales.DisplacementGradient(c.kind);
    of_sigma = scales.SigmaGradient();
  }
  const double pixels = static_cast<double>(shape.batch * OutputHeight(shape) * OutputWidth(shape));
  std::string wrong = Compare("dw", result.values, expected.data(), of_weight, pixels);
  if (wrong.empty()) wrong = Compare("dmu", result.displacement, d_mu.data(), of_mu, pixels);
  if (wrong.empty()) wrong = Compare("dsigma", result.sigma, d_sigma.data(), of_sigma, pixels);
  return wrong;
}

// Where the values are that are not in the safe range.
template <typename R>
struct Spoilt {
  std::set<int64_t> x_images, x_channels, dy_images, dy_filters, weight_channels, weight_filters, units;

  explicit Spoilt(const Arrays<R>& a) {
    const DauConvShape& shape = a.shape;
    const auto images = [&](const std::vector<R>& values, int64_t channels, std::set<int64_t>* n,
                            std::set<int64_t>* c) {
      for (size_t i = 0; i < values.size(); ++i) {
        if (IsSafe(values[i])) continue;
        n->insert(Image(values.size(), shape, i));
        c->insert(Channel(values.size(), shape, channels, i));
      }
    };
    images(a.x, shape.in_channels, &x_images, &x_channels);
    images(a.dy, shape.filters, &dy_images, &dy_filters);
    for (size_t i = 0; i < a.weight.size(); ++i) {
      if (IsSafe(a.weight[i])) continue;
      units.insert(static_cast<int64_t>(i));
      weight_filters.insert(static_cast<int64_t>(i) % shape.filters);
      weight_channels.insert(static_cast<int64_t>(i) / shape.filters % shape.in_channels);
    }
  }

  static int64_t Image(size_t count, const DauConvShape& shape, size_t i) {
    return static_cast<int64_t>(i) / (static_cast<int64_t>(count) / shape.batch);
  }
  static int64_t Channel(size_t count, const DauConvShape& shape, int64_t channels, size_t i) {
    const int64_t pixels = static_cast<int64_t>(count) / (shape.batch * channels);
    const int64_t index = static_cast<int64_t>(i);
    return shape.format == DataFormat::kNHWC ? index % channels : index / pixels % channels;
  }

  bool MayReachOutput(const DauConvShape& shape, size_t count, size_t i) const {
    return x_images.count(Image(count, shape, i)) || weight_filters.count(Channel(count, shape, shape.filters, i));
  }
  bool MayReachInput(const DauConvShape& shape, size_t count, size_t i) const {
    return dy_images.count(Image(count, shape, i)) ||
           weight_channels.count(Channel(count, shape, shape.in_channels, i));
  }
  bool MayReachWeight(const DauConvShape& shape, size_t i) const {
    const int64_t unit = static_cast<int64_t>(i);
    return x_channels.count(unit / shape.filters % shape.in_channels) || dy_filters.count(unit % shape.filters);
  }
  bool MayReachUnit(const DauConvShape& shape, size_t i) const {
    return MayReachWeight(shape, i) || units.count(static_cast<int64_t>(i));
  }
};

// A copy with 0 for every value that is not in the safe range.
template <typename R>
Arrays<R> Clean(Arrays<R> a) {
  for (std::vector<R>* array : {&a.x, &a.weight, &a.dy}) {
    for (R& value : *array) value = IsSafe(value) ? value : 0;
  }
  return a;
}

// Whether what the spoilt values must not reach has the bits that it has without them.
template <typename R>
std::string CompareWithClean(const FuzzCase& c, const Arrays<R>& a, const Result<R>& spoilt, const Result<R>& clean) {
  const Spoilt<R> where(a);
  const DauConvShape& shape = a.shape;
  const auto same = [](R one, R other) { return std::memcmp(&one, &other, sizeof(R)) == 0; };
  const size_t count = clean.values.size();
  for (size_t i = 0; i < count; ++i) {
    const bool may = c.pass == Pass::kForward         ? where.MayReachOutput(shape, count, i)
                     : c.pass == Pass::kBackwardInput ? where.MayReachInput(shape, count, i)
                                                      : where.MayReachWeight(shape, i);
    if (!may && !same(spoilt.values[i], clean.values[i])) return "spoilt result " + std::to_string(i);
  }
  for (size_t i = 0; i < clean.displacement.size(); ++i) {
    if (!where.MayReachUnit(shape, i % count) && !same(spoilt.displacement[i], clean.displacement[i])) {
      return "spoilt dmu " + std::to_string(i);
    }
  }
  for (size_t i = 0; c.general && i < clean.sigma.size(); ++i) {
    if (!where.MayReachUnit(shape, i) && !same(spoilt.sigma[i], clean.sigma[i])) {
      return "spoilt dsigma " + std::to_string(i);
    }
  }
  return "";
}

}  // namespace dau::fuzz

#endif  // DAU_TESTS_FUZZ_FUZZ_EXPECTED_H_
