// The shapes that every engine must get right, and random arrays for them.
#ifndef DAU_TESTS_CC_KERNELS_CASES_H_
#define DAU_TESTS_CC_KERNELS_CASES_H_

#include <algorithm>
#include <cmath>
#include <ostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "cc/kernels/dau_conv_shape.h"

namespace dau::testing {

struct Case {
  const char* name;
  DauConvShape shape;
  double reach;          // displacements are uniform in ±reach px
  bool integer = false;  // … and then rounded to integers
  bool ragged = false;   // two units in three stand at 1e9, where a ragged layer keeps the places left over
};

inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

inline DauConvShape Shape(int64_t n, int64_t h, int64_t w, int64_t s, int64_t f, int64_t k, double sigma = 0.5) {
  DauConvShape shape;
  shape.batch = n;
  shape.height = h;
  shape.width = w;
  shape.in_channels = s;
  shape.filters = f;
  shape.units = k;
  shape.sigma = sigma;
  return shape;
}
inline DauConvShape Strided(DauConvShape shape, int64_t stride_h, int64_t stride_w) {
  shape.stride_h = stride_h;
  shape.stride_w = stride_w;
  return shape;
}
inline DauConvShape Valid(DauConvShape shape, double max_displacement) {
  shape.padding = Padding::kValid;
  shape.max_displacement = max_displacement;
  return shape;
}
inline DauConvShape Nchw(DauConvShape shape) {
  shape.format = DataFormat::kNCHW;
  return shape;
}

inline const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"Plain", Shape(2, 9, 11, 3, 5, 2), 3},
      {"OnePixel", Shape(1, 1, 1, 1, 1, 1), 1},
      {"OnePixelFar", Shape(3, 1, 1, 2, 3, 4), 40},
      {"OneRow", Shape(2, 1, 37, 3, 2, 3), 4},
      {"OneColumn", Shape(1, 23, 1, 2, 3, 2), 4},
      {"OneUnit", Shape(1, 8, 8, 4, 4, 1), 2},
      {"OddEverything", Shape(3, 13, 7, 5, 3, 5), 4},
      {"ManyChannels", Shape(1, 5, 6, 67, 35, 2), 2},
      {"WideManyChannels", Shape(1, 2, 64, 130, 140, 1), 2},
      {"WideManyChannelsStride2", Strided(Shape(1, 2, 64, 130, 140, 1), 1, 2), 2},
      {"OneChannelIn", Shape(1, 17, 19, 1, 9, 6), 4},
      {"OneFilter", Shape(1, 17, 19, 9, 1, 6), 4},
      {"Integers", Shape(1, 12, 12, 3, 4, 3), 5, true},
      {"BeyondTheImage", Shape(2, 6, 7, 3, 4, 4), 30},
      {"FarBeyond", Shape(1, 4, 5, 2, 2, 3), 1e12},
      {"SmallSigma", Shape(1, 10, 9, 2, 3, 2, 0.05), 2},
      {"LargeSigma", Shape(1, 10, 9, 2, 3, 2, 2.7), 2},
      {"WideAndFlat", Shape(1, 2, 300, 2, 2, 2), 6},
      {"TallAndThin", Shape(1, 300, 3, 2, 2, 2), 6},
      {"LargerThanABand", Shape(1, 70, 130, 2, 3, 2), 4},
      {"Stride2", Strided(Shape(2, 12, 16, 3, 4, 2), 2, 2), 3},
      {"Stride2Odd", Strided(Shape(1, 13, 11, 3, 4, 2), 2, 2), 5},
      {"Stride3", Strided(Shape(1, 13, 14, 2, 3, 3), 3, 3), 4},
      {"Stride3Integers", Strided(Shape(1, 13, 14, 2, 3, 3), 3, 3), 4, true},
      {"StrideTall", Strided(Shape(1, 13, 14, 2, 3, 3), 2, 1), 4},
      {"StrideWide", Strided(Shape(1, 13, 14, 2, 3, 3), 1, 3), 4},
      {"StrideBeyondTheImage", Strided(Shape(2, 5, 4, 2, 3, 2), 7, 9), 12},
      {"Valid", Valid(Shape(2, 15, 17, 3, 4, 2), 2.5), 2.5},
      {"ValidOnePixel", Valid(Shape(1, 9, 9, 2, 3, 2), 2), 2},
      {"ValidStride2", Valid(Strided(Shape(1, 16, 19, 2, 3, 2), 2, 2), 2), 2},
      {"ValidBeyondItsMargin", Valid(Shape(1, 11, 12, 2, 3, 2), 1), 9},
      {"Nchw", Nchw(Shape(2, 9, 11, 3, 5, 2)), 3},
      {"NchwStride2", Nchw(Strided(Shape(2, 9, 11, 3, 5, 2), 2, 2)), 3},
      {"NchwValid", Nchw(Valid(Shape(1, 15, 17, 3, 4, 2), 2)), 2},
      {"NchwOneRow", Nchw(Shape(2, 1, 37, 3, 2, 3)), 4},
      {"Ragged", Shape(2, 9, 11, 3, 5, 4), 3, false, true},
      {"RaggedStride2", Strided(Shape(2, 12, 16, 3, 4, 2), 2, 2), 3, false, true},
      {"RaggedValid", Valid(Shape(2, 15, 17, 3, 4, 2), 2.5), 2.5, false, true},
  };
  return cases;
}

// Small enough to be computed hundreds of times, by the reference as well.
inline bool IsSmall(const Case& c) {
  return UnitCount(c.shape) <= 200 && InputCount(c.shape) + OutputCount(c.shape) <= 2000;
}

// More tiles than the CUDA engine makes groups of partial sums: some groups hold two.
inline Case ManyTiles() { return {"ManyTiles", Shape(1100, 1, 2, 2, 3, 1), 1}; }

// Displacements that rounding could break, for the first units of a case.
inline const std::vector<double>& NastyDisplacements() {
  static const std::vector<double> values = {-1e-9, 1e-9, -1.0, 0.0, -0.0, 1 - 1e-9, -1e-40, 0.5, -1.5};
  return values;
}

template <typename T>
std::vector<T> Random(std::mt19937_64& random, int64_t count) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(uniform(random));
  return values;
}

template <typename T>
std::vector<T> RandomDisplacement(std::mt19937_64& random, const Case& c) {
  std::vector<T> mu = Random<T>(random, 2 * c.shape.units * c.shape.in_channels * c.shape.filters);
  for (T& value : mu) value = static_cast<T>(c.integer ? std::round(c.reach * value) : c.reach * value);
  if (c.integer || c.reach > 100) return mu;
  for (size_t i = 0; i < std::min(mu.size() / 2, NastyDisplacements().size()); ++i) {
    mu[2 * i] = static_cast<T>(NastyDisplacements()[i]);
  }
  for (size_t i = 0; c.ragged && i < mu.size(); ++i) {
    if (i % (mu.size() / 2) % 3 != 0) mu[i] = 1e9;
  }
  return mu;
}

// A small shape of any kind: strides, paddings, formats, σ, displacements near and far. The same for the same seed.
inline Case RandomCase(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto between = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  const auto one_in = [&](int64_t n) { return between(1, n) == 1; };
  constexpr double kReaches[] = {0.5, 2, 4, 9, 25};
  constexpr double kSigmas[] = {0.3, 0.5, 0.5, 0.8, 1.6};
  Case c{"", Shape(between(1, 3), between(1, 24), between(1, 24), between(1, 6), between(1, 6), between(1, 4)), 0};
  c.shape.sigma = kSigmas[between(0, 4)];
  c.reach = kReaches[between(0, 4)];
  c.integer = one_in(6);
  if (one_in(3)) c.shape = Strided(c.shape, between(1, 3), between(1, 3));
  if (one_in(3)) c.shape = Nchw(c.shape);
  if (one_in(4)) {
    c.shape = Valid(c.shape, one_in(2) ? 1.5 : 2);
    c.shape.height += 2 * Margin(c.shape);
    c.shape.width += 2 * Margin(c.shape);
  }
  return c;
}

inline std::string Describe(const Case& c, uint64_t seed) {
  std::ostringstream text;
  const DauConvShape& s = c.shape;
  text << "seed " << seed << ": N=" << s.batch << " H=" << s.height << " W=" << s.width << " S=" << s.in_channels
       << " F=" << s.filters << " K=" << s.units << " strides=" << s.stride_h << "," << s.stride_w
       << " sigma=" << s.sigma << " reach=" << c.reach << (c.integer ? " integers" : "")
       << (s.padding == Padding::kValid ? " valid" : " same") << (s.format == DataFormat::kNCHW ? " NCHW" : " NHWC");
  return text.str();
}

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_CASES_H_
