// Values near the ends of the range, and of very different size side by side: every engine keeps as many digits of each
// image, channel and filter as if it were alone. Within a channel of an image the largest value sets the error.
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <vector>

#include "tests/cc/kernels/cases.h"
#include "tests/cc/kernels/checks.h"
#include "tests/cc/kernels/engines.h"
#include "tests/cc/kernels/instruction_sets.h"
#include "tests/cc/kernels/problem.h"

namespace dau::testing {
namespace {

enum Magnitude { kOne, kHuge, kTiny, kDenormal };

// kDenormal: random numbers times the least normal one. kHuge leaves room for the direct engine, which multiplies
// pixels by ratios of up to 2/ε (1.7e7 in float, 9e15 in double), and for the spectral one, which sums those of a tile.
template <typename T>
T Factor(Magnitude magnitude) {
  switch (magnitude) {
    case kHuge:
      return static_cast<T>(sizeof(T) == 4 ? 1e30 : 1e290);
    case kTiny:
      return static_cast<T>(sizeof(T) == 4 ? 1e-30 : 1e-290);
    case kDenormal:
      return std::numeric_limits<T>::min();
    case kOne:
      break;
  }
  return 1;
}

// What multiplies the even and the odd images, channels and filters.
using EvenOdd = std::array<Magnitude, 2>;
struct Row {
  const char* name;
  EvenOdd x_image, x_channel, weight_channel, weight_filter, dy_image, dy_filter;
};
constexpr EvenOdd kOnes = {kOne, kOne}, kHuges = {kHuge, kHuge}, kTinies = {kTiny, kTiny},
                  kDenormals = {kDenormal, kDenormal}, kUp = {kHuge, kTiny}, kDown = {kTiny, kHuge};

// No true result leaves the range, and neither does the gradient of a weight, which that of a displacement is made of.
constexpr Row kRows[] = {
    {"HugeX", kHuges, kOnes, kOnes, kOnes, kOnes, kOnes},
    {"TinyX", kTinies, kOnes, kOnes, kOnes, kOnes, kOnes},
    {"DenormalX", kDenormals, kOnes, kOnes, kOnes, kOnes, kOnes},
    {"HugeWeights", kOnes, kOnes, kHuges, kOnes, kOnes, kOnes},
    {"TinyWeights", kOnes, kOnes, kTinies, kOnes, kOnes, kOnes},
    {"DenormalWeights", kOnes, kOnes, kDenormals, kOnes, kOnes, kOnes},
    {"HugeGradients", kOnes, kOnes, kOnes, kOnes, kHuges, kOnes},
    {"TinyGradients", kOnes, kOnes, kOnes, kOnes, kTinies, kOnes},
    {"DenormalGradients", kOnes, kOnes, kOnes, kOnes, kDenormals, kOnes},
    {"HugeXTinyWeights", kHuges, kOnes, kTinies, kOnes, kOnes, kOnes},
    {"HugeXDenormalGradients", kHuges, kOnes, kOnes, kOnes, kDenormals, kOnes},
    {"ImagesApart", kUp, kOnes, kOnes, kOnes, kDown, kOnes},
    {"ChannelsApart", kOnes, kUp, kDown, kOnes, kOnes, kOnes},
    {"FiltersApart", kOnes, kOnes, kOnes, kUp, kOnes, kDown},
};

template <typename T>
void Multiply(const Row& row, Problem<T>* p) {
  const DauConvShape& shape = p->shape;
  const bool last = shape.format == DataFormat::kNHWC;
  const auto images = [&](std::vector<T>* values, int64_t channels, const EvenOdd& image, const EvenOdd& channel) {
    const int64_t size = values->size() / shape.batch, pixels = size / channels;
    for (size_t i = 0; i < values->size(); ++i) {
      const int64_t c = last ? i % channels : i / pixels % channels;
      (*values)[i] *= Factor<T>(image[i / size % 2]) * Factor<T>(channel[c % 2]);
    }
  };
  images(&p->x, shape.in_channels, row.x_image, row.x_channel);
  images(&p->dy, shape.filters, row.dy_image, row.dy_filter);
  for (size_t i = 0; i < p->weight.size(); ++i) {
    p->weight[i] *= Factor<T>(row.weight_channel[i / shape.filters % shape.in_channels % 2]) *
                    Factor<T>(row.weight_filter[i % shape.filters % 2]);
  }
}

template <typename E>
class MagnitudesTest : public ::testing::Test {
 protected:
  template <typename T>
  static void CheckRows() {
    for (const Row& row : kRows) {
      SCOPED_TRACE(row.name);
      for (const Case& c : Cases()) {
        if (!IsSmall(c) || c.shape.sigma > 1) continue;  // a wide blur makes the reference slow
        SCOPED_TRACE(c.name);
        Problem<T> p(c);
        Multiply(row, &p);
        Checks<E>::Everything(p);
      }
    }
  }
};
TYPED_TEST_SUITE(MagnitudesTest, Engines, NameOfEngine);

TYPED_TEST(MagnitudesTest, Float) {
  ForEachInstructionSet([] { TestFixture::template CheckRows<float>(); });
}

TYPED_TEST(MagnitudesTest, Double) { TestFixture::template CheckRows<double>(); }

// A unit beyond everything adds nothing, whatever its weight, and learns nothing.
TYPED_TEST(MagnitudesTest, HugeDisplacements) {
  for (const float far : {1e9f, -1e9f, 1e30f, -1e30f, std::numeric_limits<float>::max()}) {
    SCOPED_TRACE(far);
    for (const Case& c : Cases()) {
      if (!IsSmall(c)) continue;
      SCOPED_TRACE(c.name);
      Problem<float> p(c);
      const size_t count = p.weight.size();
      p.displacement[0] = p.displacement.back() = far;  // one unit up or down, another to the side
      p.weight[0] = 1e30f;
      ASSERT_TRUE(FindDisplacementRange(p.shape, p.displacement.data(), &p.range).ok());
      Problem<float> without = p;
      without.weight[0] = without.weight.back() = 0;
      Checks<TypeParam>::BackwardInput(without);
      EXPECT_EQ(p.Forward(TypeParam::template kFunctions<float>, Threads(1)),
                without.Forward(TypeParam::template kFunctions<float>, Threads(1)));
      EXPECT_EQ(p.BackwardInput(TypeParam::template kFunctions<float>, Threads(1)),
                without.BackwardInput(TypeParam::template kFunctions<float>, Threads(1)));
      for (const DisplacementGradient kind : {DisplacementGradient::kExact, DisplacementGradient::kGaussian}) {
        const auto gradients = p.BackwardParams(TypeParam::template kFunctions<float>, kind, Threads(1));
        if (!Checks<TypeParam>::Served(gradients, 3 * count + 1)) continue;
        for (const size_t unit : {size_t{0}, count - 1}) {
          for (const size_t i : {unit, count + unit, 2 * count + unit}) EXPECT_EQ(gradients[i], 0) << i;
        }
        Checks<TypeParam>::BackwardParams(without, kind);
      }
    }
  }
}

}  // namespace
}  // namespace dau::testing
