// The CUDA engine's kernels, run on the processor by cuda_on_cpu.h, against the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cc/kernels/base/half_convert.h"
#include "cc/kernels/cuda/cuda_on_cpu.h"
#include "cc/kernels/cuda/dau_conv_cuda.h"
#include "tests/cc/kernels/cuda_engine.h"
#include "tests/cc/kernels/engine_tests.h"

namespace dau::testing {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Cuda, EngineTest, Cuda);

// Every array that a call writes.
template <typename T>
struct Results {
  std::vector<T> y, dx, dw;
  std::vector<Real<T>> dmu, dsigma;
};

template <typename T>
Results<T> AllPasses(const DauConvShape& shape, const std::vector<T>& x, const std::vector<T>& weight,
                     const std::vector<Real<T>>& mu, const std::vector<T>& dy) {
  const DisplacementGradient kind = DisplacementGradient::kGaussian;
  Results<T> r{std::vector<T>(dy.size()), std::vector<T>(x.size()), std::vector<T>(weight.size()),
               std::vector<Real<T>>(mu.size()), std::vector<Real<T>>(1)};
  size_t bytes = 0;
  EXPECT_TRUE(cuda::ForwardWorkspace<T>(shape, &bytes).ok());
  Scratch forward(bytes);
  ExpectLaunched(cuda::Forward<T>(shape, x.data(), weight.data(), mu.data(), r.y.data(), forward.data(), nullptr));
  EXPECT_TRUE(cuda::BackwardInputWorkspace<T>(shape, &bytes).ok());
  Scratch input(bytes);
  ExpectLaunched(
      cuda::BackwardInput<T>(shape, weight.data(), mu.data(), dy.data(), r.dx.data(), input.data(), nullptr));
  EXPECT_TRUE(cuda::BackwardParamsWorkspace<T>(shape, kind, true, &bytes).ok());
  Scratch params(bytes);
  ExpectLaunched(cuda::BackwardParams<T>(shape, kind, x.data(), weight.data(), mu.data(), dy.data(),
                                         {r.dw.data(), r.dmu.data(), r.dsigma.data()}, params.data(), nullptr));
  return r;
}

template <typename Half>
class CudaHalfTest : public ::testing::Test {
 public:
  static std::vector<Half> Halves(const std::vector<float>& values) {
    std::vector<Half> halves(values.size());
    for (size_t i = 0; i < values.size(); ++i) Narrow(values[i], &halves[i]);
    return halves;
  }
  static std::vector<float> Floats(const std::vector<Half>& halves) {
    std::vector<float> values;
    for (Half half : halves) values.push_back(Widen(half));
    return values;
  }
  static void ExpectRounded(const std::vector<Half>& actual, const std::vector<float>& expected) {
    const std::vector<Half> rounded = Halves(expected);
    EXPECT_EQ(std::memcmp(actual.data(), rounded.data(), rounded.size() * sizeof(Half)), 0);
  }
};
using HalfTypes = ::testing::Types<BFloat16, Float16>;
TYPED_TEST_SUITE(CudaHalfTest, HalfTypes);

// 16 bits are float's results rounded once: what holds for float holds for them.
TYPED_TEST(CudaHalfTest, IsFloatRoundedOnce) {
  for (const Case& c : Cases()) {
    if (UnitCount(c.shape) > 10000) continue;  // seconds that would show nothing new about types
    SCOPED_TRACE(c.name);
    const Inputs<float> p(c);
    const std::vector<TypeParam> x = this->Halves(p.x), weight = this->Halves(p.weight), dy = this->Halves(p.dy);
    const Results<TypeParam> actual = AllPasses(p.shape, x, weight, p.displacement, dy);
    const Results<float> expected =
        AllPasses(p.shape, this->Floats(x), this->Floats(weight), p.displacement, this->Floats(dy));
    this->ExpectRounded(actual.y, expected.y);
    this->ExpectRounded(actual.dx, expected.dx);
    this->ExpectRounded(actual.dw, expected.dw);
    EXPECT_EQ(actual.dmu, expected.dmu);
    EXPECT_EQ(actual.dsigma, expected.dsigma);
  }
}

// A grid holds 2³¹ − 1 blocks; each block then does several pieces of work. Here with 3.
TEST(CudaTest, SameBitsFromASmallGrid) {
  for (const Case& c : Cases()) {
    if (UnitCount(c.shape) > 1000) continue;
    SCOPED_TRACE(c.name);
    const Inputs<float> p(c);
    const Results<float> large = AllPasses(p.shape, p.x, p.weight, p.displacement, p.dy);
    cuda_on_cpu::GetSettings().max_blocks = 3;
    const Results<float> small = AllPasses(p.shape, p.x, p.weight, p.displacement, p.dy);
    cuda_on_cpu::GetSettings() = {};
    EXPECT_EQ(large.y, small.y);
    EXPECT_EQ(large.dx, small.dx);
    EXPECT_EQ(large.dw, small.dw);
    EXPECT_EQ(large.dmu, small.dmu);
    EXPECT_EQ(large.dsigma, small.dsigma);
  }
}

TEST(CudaTest, SeveralTilesInAGroup) {
  Checks<Cuda>::BackwardParams(Problem<float>(ManyTiles()), DisplacementGradient::kGaussian);
  Checks<Cuda>::BackwardParams(Problem<double>(ManyTiles()), DisplacementGradient::kExact);
}

// A displacement that is not a number shows where it acts, and nowhere else.
TEST(CudaTest, NotANumberStaysWithItsFilter) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Inputs<float> p(Cases().front());
    p.displacement[0] = bad;  // of the first unit: channel 0, filter 0
    const Results<float> r = AllPasses(p.shape, p.x, p.weight, p.displacement, p.dy);
    for (size_t i = 0; i < r.y.size(); ++i) EXPECT_EQ(std::isnan(r.y[i]), i % p.shape.filters == 0) << i;
    for (size_t i = 0; i < r.dx.size(); ++i) EXPECT_EQ(std::isnan(r.dx[i]), i % p.shape.in_channels == 0) << i;
    for (size_t i = 0; i < r.dw.size(); ++i) EXPECT_EQ(std::isnan(r.dw[i]), i == 0) << i;
    for (size_t i = 0; i < r.dmu.size(); ++i) EXPECT_EQ(std::isnan(r.dmu[i]), i % r.dw.size() == 0) << i;
    EXPECT_TRUE(std::isnan(r.dsigma[0]));
  }
}

// Images of float are aligned to 4 bytes, no more.
TEST(CudaTest, ArraysNeedNoMoreAlignmentThanTheirElements) {
  const Inputs<float> p({"", Nchw(Shape(1, 32, 32, 2, 3, 2)), 3});
  const Results<float> aligned = AllPasses(p.shape, p.x, p.weight, p.displacement, p.dy);
  std::vector<float> x(p.x.size() + 1), y(p.dy.size() + 1);
  std::copy(p.x.begin(), p.x.end(), x.begin() + 1);
  size_t bytes = 0;
  ASSERT_TRUE(cuda::ForwardWorkspace<float>(p.shape, &bytes).ok());
  Scratch scratch(bytes);
  ExpectLaunched(cuda::Forward<float>(p.shape, x.data() + 1, p.weight.data(), p.displacement.data(), y.data() + 1,
                                      scratch.data(), nullptr));
  EXPECT_EQ(std::vector<float>(y.begin() + 1, y.end()), aligned.y);
}

TEST(CudaTest, ARefusedLaunchIsAStatus) {
  const Inputs<float> p(Cases().front());
  size_t bytes = 0;
  ASSERT_TRUE(cuda::ForwardWorkspace<float>(p.shape, &bytes).ok());
  Scratch scratch(bytes);
  std::vector<float> y(p.dy.size());
  cuda_on_cpu::GetSettings().next_launch = cudaErrorInvalidConfiguration;
  const Status status = cuda::Forward<float>(p.shape, p.x.data(), p.weight.data(), p.displacement.data(), y.data(),
                                             scratch.data(), nullptr);
  EXPECT_NE(status.message().find("StoreTaps"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("invalid configuration"), std::string::npos) << status.message();
}

TEST(CudaTest, SizesThatOverflowAreRefused) {
  DauConvShape shape = Shape(1, int64_t{1} << 30, int64_t{1} << 27, 1, 1, 1);
  size_t bytes = 0;
  EXPECT_TRUE(Validate(shape).ok());
  const Status status = cuda::ForwardWorkspace<float>(shape, &bytes);
  EXPECT_NE(status.message().find("height=1073741824"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace dau::testing
