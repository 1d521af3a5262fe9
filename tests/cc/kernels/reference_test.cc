// The definition itself, against what can be said about it without repeating it.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "cc/kernels/reference/dau_conv_reference.h"
#include "tests/cc/kernels/cases.h"

namespace dau {
namespace {

using testing::Case;
using Array = std::vector<double>;

double Dot(const Array& a, const Array& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

struct Problem {
  DauConvShape shape;
  Array x, weight, displacement, dy;

  explicit Problem(const Case& c) : shape(c.shape) {
    std::mt19937_64 random(3);
    x = testing::Random<double>(random, shape.batch * shape.height * shape.width * shape.in_channels);
    weight = testing::Random<double>(random, shape.units * shape.in_channels * shape.filters);
    displacement = testing::RandomDisplacement<double>(random, c);
    dy = testing::Random<double>(random, shape.batch * OutputHeight(shape) * OutputWidth(shape) * shape.filters);
  }
  Array Forward() const {
    Array y(dy.size());
    reference::Forward(shape, x.data(), weight.data(), displacement.data(), y.data());
    return y;
  }
  double Loss() const { return Dot(Forward(), dy); }

  Array dx() const {
    Array gradient(x.size());
    reference::BackwardInput(shape, weight.data(), displacement.data(), dy.data(), gradient.data());
    return gradient;
  }
  // ∂weight, then ∂displacement, then ∂σ.
  Array Params(DisplacementGradient kind) const {
    Array gradient(3 * weight.size() + 1);
    reference::BackwardParams(shape, kind, x.data(), weight.data(), displacement.data(), dy.data(),
                              {gradient.data(), gradient.data() + weight.size(), &gradient.back()});
    return gradient;
  }
};

// d loss / d values[i], one-sided to the right: what is defined at integers too. The loss is linear in the weights and,
// between integers, bilinear in the displacement, so the step makes no error but rounding's.
double RightDifference(Problem problem, Array Problem::* values, size_t i) {
  constexpr double kStep = 1e-6;
  const double before = problem.Loss();
  (problem.*values)[i] += kStep;
  return (problem.Loss() - before) / kStep;
}
constexpr double kDifferenceTolerance = 1e-7;  // 1e-16 rounding · sum of some hundred terms / 1e-6 step

class ReferenceTest : public ::testing::TestWithParam<Case> {};

// <y, dy> is linear in x and in the weights: it equals <x, dx> and <w, dw>.
TEST_P(ReferenceTest, GradientsAreAdjoint) {
  const Problem p(GetParam());
  const double loss = p.Loss(), scale = std::sqrt(Dot(p.x, p.x) * Dot(p.dy, p.dy)) + 1;
  EXPECT_NEAR(Dot(p.x, p.dx()), loss, 1e-13 * scale);
  Array dw = p.Params(DisplacementGradient::kExact);
  dw.resize(p.weight.size());
  EXPECT_NEAR(Dot(p.weight, dw), loss, 1e-13 * scale);
}

TEST_P(ReferenceTest, ExactGradientsAreDifferences) {
  const Problem p(GetParam());
  if (p.x.size() * p.weight.size() > 20000) return;  // the difference repeats the slow forward
  const Array gradient = p.Params(DisplacementGradient::kExact);
  const size_t count = p.weight.size();
  for (size_t i = 0; i < std::min<size_t>(count, 6); ++i) {
    EXPECT_NEAR(gradient[i], RightDifference(p, &Problem::weight, i), kDifferenceTolerance);
    for (const size_t j : {i, count + i}) {
      // Not across an integer: the slope jumps there.
      const double to_next = std::floor(p.displacement[j]) + 1 - p.displacement[j];
      if (to_next < 1e-5) continue;
      EXPECT_NEAR(gradient[count + j], RightDifference(p, &Problem::displacement, j), kDifferenceTolerance) << j;
    }
  }
}

TEST_P(ReferenceTest, SigmaGradientIsADifference) {
  Problem p(GetParam());
  if (p.x.size() * p.weight.size() > 20000) return;
  const double sigma = p.Params(DisplacementGradient::kExact).back();
  EXPECT_EQ(p.Params(DisplacementGradient::kGaussian).back(), sigma);
  constexpr double kStep = 1e-5;  // cut off at 1e-10 · third derivative, rounded at 1e-15 / 1e-5
  Problem wider = p, narrower = p;
  wider.shape.sigma += kStep;
  narrower.shape.sigma -= kStep;
  ASSERT_EQ(SupportRadius(wider.shape.sigma), SupportRadius(narrower.shape.sigma));
  const double scale = std::sqrt(Dot(p.x, p.x) * Dot(p.dy, p.dy)) + 1;
  EXPECT_NEAR(sigma, (wider.Loss() - narrower.Loss()) / (2 * kStep), 1e-8 * scale);
}

INSTANTIATE_TEST_SUITE_P(Cases, ReferenceTest, ::testing::ValuesIn(testing::Cases()),
                         [](const auto& info) { return info.param.name; });

// A unit at (+1, +2) looks one pixel down and two to the right.
TEST(ReferenceTest, DirectionOfTheDisplacement) {
  Problem p({"", testing::Shape(1, 5, 6, 1, 1, 1, 1e-3), 0});
  p.weight = {2};
  p.displacement = {1, 2};
  const Array y = p.Forward();
  EXPECT_DOUBLE_EQ(y[0], 2 * p.x[1 * 6 + 2]);
  EXPECT_DOUBLE_EQ(y[4 * 6], 0);
}

TEST(ReferenceTest, HalfwayIsTheMean) {
  Problem p({"", testing::Shape(1, 3, 3, 1, 1, 1, 1e-3), 0});
  p.weight = {1};
  p.displacement = {0.5, -0.25};
  EXPECT_NEAR(p.Forward()[4], 0.5 * (0.75 * p.x[4] + 0.25 * p.x[3]) + 0.5 * (0.75 * p.x[7] + 0.25 * p.x[6]), 1e-15);
}

// The blurred image reaches beyond the border: a unit that looks 2 px outside still sees the tail of the Gaussian.
TEST(ReferenceTest, BlurIsNotCutOffAtTheBorder) {
  Problem p({"", testing::Shape(1, 1, 1, 1, 1, 1, 0.8), 0});
  p.x = p.weight = {1};
  p.displacement = {0, 2};
  const GaussianTaps g(0.8);
  EXPECT_NEAR(p.Forward()[0], g.smooth[g.radius] * g.smooth[g.radius + 2], 1e-16);
  EXPECT_GT(p.Forward()[0], 0.01);
}

// Eq. 16 measures a slope: exactly, of a plane far from its border.
TEST(ReferenceTest, GaussianGradientOfAPlaneIsItsSlope) {
  Problem p({"", testing::Shape(1, 15, 15, 1, 1, 1, 0.8), 0});
  for (int i = 0; i < 15 * 15; ++i) p.x[i] = 3.0 * (i / 15) + 5.0 * (i % 15);
  p.weight = {1};
  p.displacement = {0.3, -0.4};
  std::fill(p.dy.begin(), p.dy.end(), 0.0);
  p.dy[7 * 15 + 7] = 1;
  const GaussianTaps g(0.8);
  double second_moment = 0;  // of the cut Gaussian; σ² when it is not cut
  for (int64_t i = -g.radius; i <= g.radius; ++i) second_moment += i * g.derivative[g.radius + i];
  const Array gradient = p.Params(DisplacementGradient::kGaussian);
  EXPECT_NEAR(gradient[1], 3 * second_moment, 1e-12);
  EXPECT_NEAR(gradient[2], 5 * second_moment, 1e-12);
  EXPECT_NEAR(second_moment, 1, 0.02);
}

}  // namespace
}  // namespace dau
