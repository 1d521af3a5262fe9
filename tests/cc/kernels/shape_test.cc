// Geometry and validation.
#include "cc/kernels/dau_conv_shape.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "cc/kernels/base/int_math.h"
#include "tests/cc/kernels/cases.h"

namespace dau {
namespace {

using testing::Shape;

TEST(ShapeTest, IntegerDivisionRoundsDown) {
  for (int64_t a = -20; a <= 20; ++a) {
    for (int64_t b = 1; b <= 7; ++b) {
      EXPECT_EQ(FloorDiv(a, b), static_cast<int64_t>(std::floor(static_cast<double>(a) / b)));
      EXPECT_EQ(FloorDiv(a, b) * b + FloorMod(a, b), a);
      EXPECT_TRUE(FloorMod(a, b) >= 0 && FloorMod(a, b) < b);
    }
  }
}

TEST(ShapeTest, SupportRadius) {
  const struct {
    double sigma;
    int64_t radius;
  } rows[] = {{0.35, 2}, {0.5, 2}, {0.8, 3}, {1, 3}, {1.0 / 3, 1}, {1.0f / 3, 1}, {2.0f / 3, 2}, {1e-9, 1}, {1.01, 4}};
  for (const auto& row : rows) EXPECT_EQ(SupportRadius(row.sigma), row.radius) << row.sigma;
}

TEST(ShapeTest, GaussianSumsToOne) {
  for (double sigma : {1e-300, 1e-3, 0.35, 0.5, 2.7, 30.0}) {
    const GaussianTaps g(sigma);
    EXPECT_NEAR(std::accumulate(g.smooth.begin(), g.smooth.end(), 0.0), 1, 1e-14);
    EXPECT_NEAR(std::accumulate(g.derivative.begin(), g.derivative.end(), 0.0), 0, 1e-14);
  }
}

TEST(ShapeTest, Interpolate) {
  const struct {
    double displacement;
    int64_t cell;
    double fraction;
  } rows[] = {{0, 0, 0}, {-0.0, 0, 0}, {1.25, 1, 0.25}, {-1.25, -2, 0.75}, {-3, -3, 0}, {-1e-40, 0, 0}};
  for (const auto& row : rows) {
    EXPECT_EQ(Interpolate(row.displacement).cell, row.cell) << row.displacement;
    EXPECT_EQ(Interpolate(row.displacement).fraction, row.fraction) << row.displacement;
  }
  for (double mu : {-1e-9, -1e300, 1e300, 123456.789}) {
    const Interpolation at = Interpolate(mu);
    EXPECT_TRUE(at.fraction >= 0 && at.fraction < 1) << mu;
  }
}

TEST(ShapeTest, OutputSizes) {
  EXPECT_EQ(OutputHeight(testing::Strided(Shape(1, 7, 8, 1, 1, 1), 2, 3)), 4);
  EXPECT_EQ(OutputWidth(testing::Strided(Shape(1, 7, 8, 1, 1, 1), 2, 3)), 3);
  EXPECT_EQ(OutputHeight(testing::Valid(Shape(1, 15, 17, 1, 1, 1), 2.5)), 5);  // 15 − 2·(3 + 2)
  EXPECT_EQ(OutputWidth(testing::Valid(testing::Strided(Shape(1, 15, 17, 1, 1, 1), 1, 2), 2.5)), 4);
}

TEST(ShapeTest, EveryCaseIsValid) {
  for (const testing::Case& c : testing::Cases()) EXPECT_TRUE(Validate(c.shape).ok()) << c.name;
  EXPECT_TRUE(Validate(Shape(0, 3, 3, 1, 1, 1)).ok());
}

// Each message names the argument and what came.
TEST(ShapeTest, RefusesBadFields) {
  const auto changed = [](auto change) {
    DauConvShape shape = Shape(1, 9, 9, 2, 3, 2);
    change(shape);
    return Validate(shape).message();
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const struct {
    std::string message, part;
  } rows[] = {
      {changed([](auto& s) { s.height = 0; }), "`height` must be an integer ≥ 1 and ≤ 2^40. Received: height=0"},
      {changed([](auto& s) { s.width = -3; }), "width=-3"},
      {changed([](auto& s) { s.batch = -1; }), "batch=-1"},
      {changed([](auto& s) { s.in_channels = 0; }), "in_channels=0"},
      {changed([](auto& s) { s.filters = 0; }), "filters=0"},
      {changed([](auto& s) { s.units = 0; }), "units=0"},
      {changed([](auto& s) { s.stride_h = 0; }), "stride_h=0"},
      {changed([](auto& s) { s.stride_w = -1; }), "stride_w=-1"},
      {changed([](auto& s) { s.sigma = 0; }), "`sigma` must be a number > 0"},
      {changed([](auto& s) { s.sigma = -0.5; }), "sigma=-0.5"},
      {changed([=](auto& s) { s.sigma = nan; }), "sigma=nan"},
      {changed([](auto& s) { s.sigma = 1e30; }), "sigma=1e+30"},
      {changed([=](auto& s) { s.max_displacement = nan; }), "max_displacement=nan"},
      {changed([](auto& s) { s = testing::Valid(s, -1); }), "needs a finite `max_displacement`"},
      {changed([](auto& s) { s = testing::Valid(s, INFINITY); }), "max_displacement=inf"},
      {changed([](auto& s) { s = testing::Valid(s, 2.5); }), "greater than 10. Received: height=9"},
      {changed([](auto& s) { s.batch = s.height = s.width = int64_t{1} << 30; }), "overflows"},
      {changed([](auto& s) { s.units = s.filters = s.in_channels = int64_t{1} << 30; }), "overflows"},
  };
  for (const auto& row : rows) EXPECT_NE(row.message.find(row.part), std::string::npos) << row.message;
}

TEST(ShapeTest, RefusesNonFiniteDisplacement) {
  const DauConvShape shape = Shape(1, 4, 4, 2, 3, 2);
  for (float bad : {NAN, INFINITY, -INFINITY}) {
    std::vector<float> mu(2 * 2 * 2 * 3, 0.5f);
    mu[12 + 7] = bad;  // [1, 1, 0, 1]
    DisplacementRange range;
    const Status status = FindDisplacementRange(shape, mu.data(), &range);
    EXPECT_NE(status.message().find("`displacement` must be finite. Received: displacement[1, 1, 0, 1]="),
              std::string::npos)
        << status.message();
  }
}

TEST(ShapeTest, FindsTheRange) {
  const DauConvShape shape = Shape(1, 40, 40, 1, 2, 1);
  const std::vector<double> mu = {-1.5, 2.25, 7, 39};
  DisplacementRange range;
  ASSERT_TRUE(FindDisplacementRange(shape, mu.data(), &range).ok());
  EXPECT_EQ(range.seen_share, 1);
  EXPECT_EQ(range.min_v, -2);
  EXPECT_EQ(range.max_v, 2);
  EXPECT_EQ(range.min_h, 7);
  EXPECT_EQ(range.max_h, 39);
}

// One axis out of sight is enough.
TEST(ShapeTest, UnitsThatSeeNothingHaveNoRange) {
  const DauConvShape shape = Shape(1, 4, 4, 1, 4, 1);
  const struct {
    std::vector<float> mu;
    double seen_share;
    int64_t min_v, max_v, min_h, max_h;
  } rows[] = {{{-1.5, 2, 1e9, 1, 7, 1, 0, -30}, 0.5, -2, 2, 1, 7}, {std::vector<float>(8, 1e30f), 0, 0, 0, 0, 0}};
  for (const auto& row : rows) {
    DisplacementRange range;
    ASSERT_TRUE(FindDisplacementRange(shape, row.mu.data(), &range).ok());
    EXPECT_EQ(range.seen_share, row.seen_share);
    EXPECT_EQ(range.min_v, row.min_v);
    EXPECT_EQ(range.max_v, row.max_v);
    EXPECT_EQ(range.min_h, row.min_h);
    EXPECT_EQ(range.max_h, row.max_h);
  }
}

}  // namespace
}  // namespace dau
