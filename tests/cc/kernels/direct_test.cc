// The direct engine against the reference: every case, both precisions, one thread and several.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <thread>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/dau_conv.h"
#include "cc/kernels/direct/cost.h"
#include "cc/kernels/direct/layout.h"
#include "cc/kernels/reference/dau_conv_reference.h"
#include "hwy/highway.h"
#include "tests/cc/kernels/cases.h"

namespace dau {
namespace {

using testing::Case;

// Rounding errors of a sum of n terms grow like √n; 4 roundings go into each term.
struct Tolerance {
  double relative_eps;

  template <typename T>
  static Tolerance OfSum(double terms) {
    return {4 * std::sqrt(terms + 9) * std::numeric_limits<T>::epsilon()};
  }
};

// Threads that take their items in an odd order, to show that the result does not depend on it.
Parallel Threads(int count) {
  Parallel parallel;
  parallel.num_threads = count;
  parallel.run = [count](int64_t total, int64_t, const Parallel::Range& range) {
    std::vector<std::thread> threads;
    for (int t = 0; t < count; ++t) {
      threads.emplace_back([=, &range] {
        for (int64_t item = total - 1 - t; item >= 0; item -= count) range(item, item + 1);
      });
    }
    for (std::thread& thread : threads) thread.join();
  };
  return parallel;
}

std::vector<double> Double(const std::vector<float>& values) { return {values.begin(), values.end()}; }
const std::vector<double>& Double(const std::vector<double>& values) { return values; }

template <typename T>
void ExpectNear(const std::vector<T>& actual, const std::vector<double>& expected, double terms) {
  double scale = 0, error = 0;
  for (double value : expected) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(std::isfinite(actual[i])) << "at " << i;
    error = std::max(error, std::abs(static_cast<double>(actual[i]) - expected[i]));
  }
  EXPECT_LE(error, Tolerance::OfSum<T>(terms).relative_eps * scale);
}

template <typename T>
struct Problem {
  DauConvShape shape;
  DisplacementRange range;
  std::vector<T> x, weight, displacement, dy;

  explicit Problem(const Case& c) : shape(c.shape) {
    std::mt19937_64 random(7);
    x = Random(shape.batch * shape.height * shape.width * shape.in_channels, random);
    weight = Random(shape.units * shape.in_channels * shape.filters, random);
    displacement = testing::RandomDisplacement<T>(random, c);
    dy = Random(OutputCount(), random);
    EXPECT_TRUE(Validate(shape).ok());
    EXPECT_TRUE(FindDisplacementRange(shape, displacement.data(), &range).ok());
  }
  int64_t OutputCount() const { return shape.batch * OutputHeight(shape) * OutputWidth(shape) * shape.filters; }
  static std::vector<T> Random(int64_t count, std::mt19937_64& random) { return testing::Random<T>(random, count); }

  // Scratch of just the size that was asked for, filled with NaN: whatever is read must have been written. What lies
  // behind it must stay as it was.
  class Scratch {
   public:
    explicit Scratch(size_t bytes)
        : used_(CeilDiv(bytes, sizeof(T))), values_(used_ + kGuard, std::numeric_limits<T>::quiet_NaN()) {}
    ~Scratch() {
      for (size_t i = used_; i < values_.size(); ++i) EXPECT_TRUE(std::isnan(values_[i])) << "written beyond the end";
    }
    T* data() { return values_.data(); }

   private:
    static constexpr size_t kGuard = 4096;
    size_t used_;
    std::vector<T> values_;
  };

  std::vector<T> RunForward(const Parallel& parallel) const {
    size_t bytes = 0;
    EXPECT_TRUE(ForwardWorkspace<T>(shape, range, parallel, &bytes).ok());
    Scratch scratch(bytes);
    std::vector<T> y(OutputCount());
    Forward(shape, range, x.data(), weight.data(), displacement.data(), y.data(), scratch.data(), parallel);
    return y;
  }
  std::vector<T> RunBackwardInput(const Parallel& parallel) const {
    size_t bytes = 0;
    EXPECT_TRUE(BackwardInputWorkspace<T>(shape, range, parallel, &bytes).ok());
    Scratch scratch(bytes);
    std::vector<T> dx(x.size());
    BackwardInput(shape, range, weight.data(), displacement.data(), dy.data(), dx.data(), scratch.data(), parallel);
    return dx;
  }
  // ∂weight, then ∂displacement, then ∂σ if wanted.
  std::vector<T> RunBackwardParams(DisplacementGradient kind, const Parallel& parallel, bool sigma = true) const {
    size_t bytes = 0;
    EXPECT_TRUE(BackwardParamsWorkspace<T>(shape, range, kind, sigma, parallel, &bytes).ok());
    Scratch scratch(bytes);
    std::vector<T> gradients(3 * weight.size() + sigma);
    const ParamGradients<T> targets{gradients.data(), gradients.data() + weight.size(),
                                    sigma ? &gradients.back() : nullptr};
    BackwardParams(shape, range, kind, x.data(), weight.data(), displacement.data(), dy.data(), targets, scratch.data(),
                   parallel);
    return gradients;
  }
};

class DirectTest : public ::testing::TestWithParam<Case> {};

template <typename T>
void CheckForward(const Case& c) {
  const Problem<T> p(c);
  std::vector<double> expected(p.OutputCount());
  reference::Forward(p.shape, Double(p.x).data(), Double(p.weight).data(), Double(p.displacement).data(),
                     expected.data());
  ExpectNear(p.RunForward(Threads(1)), expected, p.shape.units * p.shape.in_channels);
}

template <typename T>
void CheckBackwardInput(const Case& c) {
  const Problem<T> p(c);
  std::vector<double> expected(p.x.size());
  reference::BackwardInput(p.shape, Double(p.weight).data(), Double(p.displacement).data(), Double(p.dy).data(),
                           expected.data());
  ExpectNear(p.RunBackwardInput(Threads(1)), expected, p.shape.units * p.shape.filters);
}

// The largest |∂x̃/∂σ| of an image within ±1.
double SigmaSlope(const DauConvShape& shape) {
  double sum = 0;
  for (double tap : GaussianTaps(shape.sigma).perimeter) sum += std::abs(tap);
  return 2 * sum;
}

template <typename T>
void CheckBackwardParams(const Case& c, DisplacementGradient kind) {
  const Problem<T> p(c);
  std::vector<double> expected(3 * p.weight.size());
  double sigma;
  reference::BackwardParams(p.shape, kind, Double(p.x).data(), Double(p.weight).data(), Double(p.displacement).data(),
                            Double(p.dy).data(), {expected.data(), expected.data() + p.weight.size(), &sigma});
  std::vector<T> actual = p.RunBackwardParams(kind, Threads(1));
  const double pixels = p.shape.batch * OutputHeight(p.shape) * OutputWidth(p.shape);
  // ∂σ sums terms of both signs: its error is that of |weight| units, each with a sum over all pixels.
  const double terms = pixels * p.weight.size();
  EXPECT_NEAR(actual.back(), sigma,
              Tolerance::OfSum<T>(terms).relative_eps * std::sqrt(terms) * SigmaSlope(p.shape) +
                  terms * std::numeric_limits<T>::min());  // the slope of a σ of 0.05 px underflows
  actual.pop_back();
  ExpectNear(actual, expected, pixels);
  EXPECT_EQ(p.RunBackwardParams(kind, Threads(1), /*sigma=*/false), actual);
}

TEST_P(DirectTest, ForwardFloat) { CheckForward<float>(GetParam()); }
TEST_P(DirectTest, ForwardDouble) { CheckForward<double>(GetParam()); }
TEST_P(DirectTest, BackwardInputFloat) { CheckBackwardInput<float>(GetParam()); }
TEST_P(DirectTest, BackwardInputDouble) { CheckBackwardInput<double>(GetParam()); }
TEST_P(DirectTest, BackwardParamsExactFloat) { CheckBackwardParams<float>(GetParam(), DisplacementGradient::kExact); }
TEST_P(DirectTest, BackwardParamsExactDouble) { CheckBackwardParams<double>(GetParam(), DisplacementGradient::kExact); }
TEST_P(DirectTest, BackwardParamsGaussianFloat) {
  CheckBackwardParams<float>(GetParam(), DisplacementGradient::kGaussian);
}
TEST_P(DirectTest, BackwardParamsGaussianDouble) {
  CheckBackwardParams<double>(GetParam(), DisplacementGradient::kGaussian);
}

class ForcedLayout {
 public:
  explicit ForcedLayout(direct::Layout layout) { direct::ForceLayoutForTest(layout); }
  ~ForcedLayout() { direct::ForceLayoutForTest(direct::Layout::kCheapest); }
};

// Both memory layouts wherever they serve: the same bits forward and for the input gradient.
TEST_P(DirectTest, LayoutsHaveTheSameBits) {
  const auto check = [](const auto& p) {
    const auto run = [&](direct::Layout layout, bool forward) {
      const ForcedLayout forced(layout);
      return forward ? p.RunForward(Threads(1)) : p.RunBackwardInput(Threads(1));
    };
    for (const bool forward : {true, false}) {
      EXPECT_EQ(run(direct::Layout::kPlanes, forward), run(direct::Layout::kLanes, forward));
    }
  };
  check(Problem<float>(GetParam()));
  check(Problem<double>(GetParam()));
}

TEST_P(DirectTest, BackwardParamsInEachLayout) {
  for (const direct::Layout layout : {direct::Layout::kPlanes, direct::Layout::kLanes}) {
    const ForcedLayout forced(layout);
    for (const DisplacementGradient kind : {DisplacementGradient::kExact, DisplacementGradient::kGaussian}) {
      CheckBackwardParams<float>(GetParam(), kind);
      CheckBackwardParams<double>(GetParam(), kind);
    }
  }
}

// An image alone and within a batch, wherever the layout puts its tiles.
TEST_P(DirectTest, SameBitsAloneAndInABatch) {
  const Problem<float> batch(GetParam());
  const std::vector<float> y = batch.RunForward(Threads(1)), dx = batch.RunBackwardInput(Threads(1));
  Problem<float> image = batch;
  image.shape.batch = 1;
  const size_t x_size = batch.x.size() / batch.shape.batch, y_size = y.size() / batch.shape.batch;
  for (int64_t n = 0; n < batch.shape.batch; ++n) {
    image.x.assign(batch.x.begin() + n * x_size, batch.x.begin() + (n + 1) * x_size);
    image.dy.assign(batch.dy.begin() + n * y_size, batch.dy.begin() + (n + 1) * y_size);
    for (const direct::Layout layout : {direct::Layout::kCheapest, direct::Layout::kPlanes, direct::Layout::kLanes}) {
      const ForcedLayout forced(layout);
      EXPECT_EQ(std::memcmp(image.RunForward(Threads(1)).data(), y.data() + n * y_size, y_size * sizeof(float)), 0);
      EXPECT_EQ(std::memcmp(image.RunBackwardInput(Threads(1)).data(), dx.data() + n * x_size, x_size * sizeof(float)),
                0);
    }
  }
}

// A NaN in one image stays there.
TEST_P(DirectTest, NotANumberStaysInItsImage) {
  Problem<float> p(GetParam());
  if (p.shape.batch < 2) return;
  const size_t x_size = p.x.size() / p.shape.batch, y_size = p.dy.size() / p.shape.batch;
  std::fill_n(p.x.begin() + x_size, x_size, std::numeric_limits<float>::quiet_NaN());
  std::fill_n(p.dy.begin() + y_size, y_size, std::numeric_limits<float>::quiet_NaN());
  for (const direct::Layout layout : {direct::Layout::kPlanes, direct::Layout::kLanes}) {
    const ForcedLayout forced(layout);
    const std::vector<float> y = p.RunForward(Threads(1)), dx = p.RunBackwardInput(Threads(1));
    for (size_t i = 0; i < y.size(); ++i) ASSERT_TRUE(i / y_size == 1 || std::isfinite(y[i])) << i;
    for (size_t i = 0; i < dx.size(); ++i) ASSERT_TRUE(i / x_size == 1 || std::isfinite(dx[i])) << i;
  }
}

TEST_P(DirectTest, SameBitsWithAnyNumberOfThreads) {
  const Problem<float> p(GetParam());
  const DisplacementGradient kind = DisplacementGradient::kGaussian;
  const auto same = [](const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  };
  for (const direct::Layout layout : {direct::Layout::kPlanes, direct::Layout::kLanes}) {
    const ForcedLayout forced(layout);
    for (int threads : {2, 5}) {
      EXPECT_TRUE(same(p.RunForward(Threads(1)), p.RunForward(Threads(threads))));
      EXPECT_TRUE(same(p.RunBackwardInput(Threads(1)), p.RunBackwardInput(Threads(threads))));
      EXPECT_TRUE(same(p.RunBackwardParams(kind, Threads(1)), p.RunBackwardParams(kind, Threads(threads))));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, DirectTest, ::testing::ValuesIn(testing::Cases()),
                         [](const auto& info) { return info.param.name; });

TEST(DirectTest, EmptyBatchGivesZeroGradients) {
  const Problem<float> p({"", testing::Shape(0, 5, 6, 2, 3, 2), 2});
  EXPECT_TRUE(p.RunForward(Threads(1)).empty());
  EXPECT_TRUE(p.RunBackwardInput(Threads(1)).empty());
  EXPECT_EQ(p.RunBackwardParams(DisplacementGradient::kExact, Threads(1)),
            std::vector<float>(3 * p.weight.size() + 1, 0));
}

// Every instruction set that this machine has, down to the one that every machine has.
TEST(DirectTest, EveryInstructionSet) {
  for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    for (const Case& c : testing::Cases()) {
      for (const direct::Layout layout : {direct::Layout::kPlanes, direct::Layout::kLanes}) {
        SCOPED_TRACE(c.name);
        const ForcedLayout forced(layout);
        CheckForward<float>(c);
        CheckForward<double>(c);
        CheckBackwardInput<float>(c);
        CheckBackwardParams<float>(c, DisplacementGradient::kExact);
        CheckBackwardParams<double>(c, DisplacementGradient::kGaussian);
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

// More images than fit into one chunk of the workspace: the same as image by image.
TEST(DirectTest, ManyChunks) {
  const Problem<float> batch({"", testing::Shape(5, 1500, 1500, 1, 1, 1), 3});
  const std::vector<float> y = batch.RunForward(Threads(2)), dx = batch.RunBackwardInput(Threads(2));
  const std::vector<float> gradients = batch.RunBackwardParams(DisplacementGradient::kExact, Threads(2));
  std::vector<double> sum(gradients.size());
  for (int64_t n = 0; n < 5; ++n) {
    Problem<float> image = batch;
    const size_t size = 1500 * 1500, begin = n * size;
    image.shape.batch = 1;
    image.x.assign(batch.x.begin() + begin, batch.x.begin() + begin + size);
    image.dy.assign(batch.dy.begin() + begin, batch.dy.begin() + begin + size);
    EXPECT_EQ(std::memcmp(image.RunForward(Threads(1)).data(), y.data() + begin, size * sizeof(float)), 0);
    EXPECT_EQ(std::memcmp(image.RunBackwardInput(Threads(1)).data(), dx.data() + begin, size * sizeof(float)), 0);
    const std::vector<float> part = image.RunBackwardParams(DisplacementGradient::kExact, Threads(1));
    std::transform(sum.begin(), sum.end(), part.begin(), sum.begin(), std::plus<>());
  }
  ExpectNear(gradients, sum, 5);
}

// The estimate is of the layout that runs, the cheaper one; it grows with the work, and not with a batch of nothing.
TEST(DirectTest, EstimateOfTheCost) {
  const DisplacementRange range{-4, 3, -4, 3};
  for (const direct::Pass pass : {direct::Pass::kForward, direct::Pass::kBackwardInput,
                                  direct::Pass::kBackwardParamsExact, direct::Pass::kBackwardParamsGaussian}) {
    const DauConvShape shape = testing::Shape(8, 32, 32, 64, 96, 2);
    const auto estimate = [&](const DauConvShape& s, direct::Layout layout) {
      const ForcedLayout forced(layout);
      return direct::EstimateCost<float>(pass, s, range);
    };
    const double cheapest = estimate(shape, direct::Layout::kCheapest);
    EXPECT_EQ(cheapest, std::min(estimate(shape, direct::Layout::kPlanes), estimate(shape, direct::Layout::kLanes)));
    EXPECT_GT(cheapest, 1e5);  // 0.4 G multiply-adds
    EXPECT_LT(cheapest, 1e9);
    DauConvShape larger = shape;
    larger.units = 6;
    EXPECT_GT(estimate(larger, direct::Layout::kCheapest), 1.5 * cheapest);
    larger = shape;
    larger.batch = 32;
    EXPECT_GT(estimate(larger, direct::Layout::kCheapest), 3 * cheapest);
    larger.batch = 0;
    EXPECT_LT(estimate(larger, direct::Layout::kCheapest), 0.2 * cheapest);
  }
}

TEST(DirectTest, RefusesPlanesItCannotAddress) {
  const DauConvShape shape = testing::Shape(1, 60000, 60000, 1, 1, 1);
  size_t bytes = 0;
  const Status status = ForwardWorkspace<float>(shape, {}, Parallel(), &bytes);
  EXPECT_NE(status.message().find("height=60000"), std::string::npos) << status.message();
  EXPECT_FALSE(BackwardInputWorkspace<float>(shape, {}, Parallel(), &bytes).ok());
  EXPECT_FALSE(BackwardParamsWorkspace<float>(shape, {}, DisplacementGradient::kExact, false, Parallel(), &bytes).ok());
}

}  // namespace
}  // namespace dau
