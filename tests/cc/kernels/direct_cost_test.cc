// What the direct engine says that it costs.
#include "cc/kernels/direct/cost.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cc/kernels/direct/layout.h"
#include "tests/cc/kernels/cases.h"

namespace dau {
namespace {

struct PassOfKind {
  Pass pass;
  DisplacementGradient kind = {};
};

class DirectCostTest : public ::testing::TestWithParam<PassOfKind> {
 protected:
  ~DirectCostTest() override { direct::ForceLayoutForTest(direct::Layout::kCheapest); }

  double Estimate(const DauConvShape& shape, direct::Layout layout = direct::Layout::kCheapest) const {
    direct::ForceLayoutForTest(layout);
    return direct::EstimateCost<float>(GetParam().pass, GetParam().kind, shape, {-4, 3, -4, 3});
  }
};

TEST_P(DirectCostTest, IsThatOfTheCheaperLayout) {
  for (const int64_t batch : {1, 8}) {
    const DauConvShape shape = testing::Shape(batch, 32, 32, 64, 96, 2);
    const double planes = Estimate(shape, direct::Layout::kPlanes), lanes = Estimate(shape, direct::Layout::kLanes);
    EXPECT_EQ(Estimate(shape), std::min(planes, lanes));
  }
}

TEST_P(DirectCostTest, GrowsWithTheWork) {
  const double cost = Estimate(testing::Shape(8, 32, 32, 64, 96, 2));  // 0.4 G multiply-adds
  EXPECT_GT(cost, 1e5);
  EXPECT_LT(cost, 1e9);
  EXPECT_GT(Estimate(testing::Shape(8, 32, 32, 64, 96, 6)), 1.5 * cost);
  EXPECT_GT(Estimate(testing::Shape(32, 32, 32, 64, 96, 2)), 3 * cost);
  EXPECT_LT(Estimate(testing::Shape(0, 32, 32, 64, 96, 2)), 0.3 * cost);
}

// A ragged layer costs what its units cost, not its places.
TEST_P(DirectCostTest, FallsWithTheUnitsThatSeeNothing) {
  const DauConvShape shape = testing::Shape(8, 32, 32, 64, 96, 6);
  const auto estimate = [&](double seen_share) {
    return direct::EstimateCost<float>(GetParam().pass, GetParam().kind, shape, {-4, 3, -4, 3, seen_share});
  };
  EXPECT_LT(estimate(0.5), 0.7 * estimate(1));
  EXPECT_LT(estimate(0.1), 0.5 * estimate(0.5));
}

// Every case has one: positive and finite.
TEST_P(DirectCostTest, ServesEveryCase) {
  for (const testing::Case& c : testing::Cases()) {
    EXPECT_GT(Estimate(c.shape), 0) << c.name;
    EXPECT_LT(Estimate(c.shape), 1e12) << c.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Passes, DirectCostTest,
                         ::testing::Values(PassOfKind{Pass::kForward}, PassOfKind{Pass::kBackwardInput},
                                           PassOfKind{Pass::kBackwardParams, DisplacementGradient::kExact},
                                           PassOfKind{Pass::kBackwardParams, DisplacementGradient::kGaussian}));

}  // namespace
}  // namespace dau
