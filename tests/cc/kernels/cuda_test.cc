// The CUDA engine's kernels, run on the processor by cuda_on_cpu.h, against the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cc/kernels/base/half_convert.h"
#include "cc/kernels/cuda/cost.h"
#include "cc/kernels/cuda/cuda_on_cpu.h"
#include "cc/kernels/cuda/dau_conv_cuda.h"
#include "cc/kernels/cuda/dau_conv_spectral.h"
#include "cc/kernels/cuda/read_number.h"
#include "tests/cc/kernels/cuda_engine.h"
#include "tests/cc/kernels/engine_tests.h"

namespace dau::testing {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(CudaDirect, EngineTest, CudaDirect);
INSTANTIATE_TYPED_TEST_SUITE_P(CudaSpectral, EngineTest, CudaSpectral);

constexpr Engine kForms[] = {Engine::kDirect, Engine::kSpectral};

// Every array that a call writes.
template <typename T>
struct Results {
  std::vector<T> y, dx, dw;
  std::vector<Real<T>> dmu, dsigma;
};

template <typename T>
Results<T> AllPasses(Engine form, const DauConvShape& shape, const std::vector<T>& x, const std::vector<T>& weight,
                     const std::vector<Real<T>>& mu, const std::vector<T>& dy) {
  const Options options{form};
  const DisplacementGradient kind = DisplacementGradient::kGaussian;
  Results<T> r{std::vector<T>(dy.size()), std::vector<T>(x.size()), std::vector<T>(weight.size()),
               std::vector<Real<T>>(mu.size()), std::vector<Real<T>>(1)};
  size_t bytes = 0;
  EXPECT_TRUE(cuda::ForwardWorkspace<T>(options, shape, &bytes).ok());
  Scratch forward(bytes);
  ExpectLaunched(
      cuda::Forward<T>(options, shape, x.data(), weight.data(), mu.data(), r.y.data(), forward.data(), nullptr));
  EXPECT_TRUE(cuda::BackwardInputWorkspace<T>(options, shape, &bytes).ok());
  Scratch input(bytes);
  ExpectLaunched(
      cuda::BackwardInput<T>(options, shape, weight.data(), mu.data(), dy.data(), r.dx.data(), input.data(), nullptr));
  EXPECT_TRUE(cuda::BackwardParamsWorkspace<T>(options, shape, kind, true, &bytes).ok());
  Scratch params(bytes);
  ExpectLaunched(cuda::BackwardParams<T>(options, shape, kind, x.data(), weight.data(), mu.data(), dy.data(),
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

// Whether a form is there for this shape.
bool Serves(Engine form, const DauConvShape& shape) {
  size_t bytes;
  return cuda::ForwardWorkspace<float>(Options{form}, shape, &bytes).ok();
}

// 16 bits are float's results rounded once: what holds for float holds for them.
TYPED_TEST(CudaHalfTest, IsFloatRoundedOnce) {
  for (Engine form : kForms) {
    for (const Case& c : Cases()) {
      if (UnitCount(c.shape) > 10000 || !Serves(form, c.shape)) continue;  // seconds that would show nothing new
      SCOPED_TRACE(::testing::Message() << EngineName(form) << " " << c.name);
      const Inputs<float> p(c);
      const std::vector<TypeParam> x = this->Halves(p.x), weight = this->Halves(p.weight), dy = this->Halves(p.dy);
      const Results<TypeParam> actual = AllPasses(form, p.shape, x, weight, p.displacement, dy);
      const Results<float> expected =
          AllPasses(form, p.shape, this->Floats(x), this->Floats(weight), p.displacement, this->Floats(dy));
      this->ExpectRounded(actual.y, expected.y);
      this->ExpectRounded(actual.dx, expected.dx);
      this->ExpectRounded(actual.dw, expected.dw);
      EXPECT_EQ(actual.dmu, expected.dmu);
      EXPECT_EQ(actual.dsigma, expected.dsigma);
    }
  }
}

// A grid holds 2³¹ − 1 blocks; each block then does several pieces of work. Here with 3.
TEST(CudaTest, SameBitsFromASmallGrid) {
  for (Engine form : kForms) {
    for (const Case& c : Cases()) {
      if (UnitCount(c.shape) > 1000 || !Serves(form, c.shape)) continue;
      SCOPED_TRACE(::testing::Message() << EngineName(form) << " " << c.name);
      const Inputs<float> p(c);
      const Results<float> large = AllPasses(form, p.shape, p.x, p.weight, p.displacement, p.dy);
      cuda_on_cpu::GetSettings().max_blocks = 3;
      const Results<float> small = AllPasses(form, p.shape, p.x, p.weight, p.displacement, p.dy);
      cuda_on_cpu::GetSettings() = {};
      EXPECT_EQ(large.y, small.y);
      EXPECT_EQ(large.dx, small.dx);
      EXPECT_EQ(large.dw, small.dw);
      EXPECT_EQ(large.dmu, small.dmu);
      EXPECT_EQ(large.dsigma, small.dsigma);
    }
  }
}

TEST(CudaTest, SeveralTilesInAGroup) {
  Checks<CudaDirect>::BackwardParams(Problem<float>(ManyTiles()), DisplacementGradient::kGaussian);
  Checks<CudaDirect>::BackwardParams(Problem<double>(ManyTiles()), DisplacementGradient::kExact);
}

// Where the spectra of all tiles don't fit, some are worked on at a time.
TEST(CudaTest, SpectraInPieces) {
  for (const Case& c : Cases()) {
    if (UnitCount(c.shape) > 1000 || !Serves(Engine::kSpectral, c.shape)) continue;
    SCOPED_TRACE(c.name);
    const Problem<float> p(c);
    const Results<float> at_once = AllPasses(Engine::kSpectral, p.shape, p.x, p.weight, p.displacement, p.dy);
    cuda::spectral::SpectraBytesForTest() = 1;  // one tile
    const Results<float> in_pieces = AllPasses(Engine::kSpectral, p.shape, p.x, p.weight, p.displacement, p.dy);
    Checks<CudaSpectral>::BackwardParams(p, DisplacementGradient::kExact);
    cuda::spectral::SpectraBytesForTest() = 64 << 20;
    EXPECT_EQ(at_once.y, in_pieces.y);
    EXPECT_EQ(at_once.dx, in_pieces.dx);
  }
}

// Rooms for 8, 16 and 32 tiles, several of them, and edges of each.
TEST(CudaTest, ProductsOfManyTilesAndFilters) {
  for (int64_t batch : {7, 13, 33}) {
    for (int64_t filters : {3, 17, 70}) {
      const Case c = {"", Shape(batch, 3, 2, 6, filters, 2), 2};
      SCOPED_TRACE(Describe(c, 7));
      ASSERT_TRUE(Serves(Engine::kSpectral, c.shape));
      Checks<CudaSpectral>::Forward(Problem<float>(c));
      Checks<CudaSpectral>::BackwardInput(Problem<double>(c));
    }
  }
}

// Every pair of lengths that tiles may have.
TEST(CudaTest, TilesOfEveryLength) {
  for (int64_t height : {5, 12, 20, 28, 36, 50}) {
    for (int64_t width : {5, 12, 20, 28, 36, 50, 130}) {
      Case c = {"", Shape(1, height, width, 2, 3, 2), 2};
      c.shape.max_displacement = 2;
      SCOPED_TRACE(Describe(c, 7));
      ASSERT_TRUE(Serves(Engine::kSpectral, c.shape));
      Checks<CudaSpectral>::Everything(Problem<float>(c));
    }
  }
}

// Units beyond max_displacement, for which tiles have no room, are no different.
TEST(CudaTest, UnitsBeyondTheirTile) {
  for (double max_displacement : {0.0, 1.0, 3.0}) {
    for (int64_t stride : {1, 2}) {
      Case c = {"", Strided(Shape(2, 9, 11, 3, 4, 3), stride, 1), 7};
      c.shape.max_displacement = max_displacement;
      SCOPED_TRACE(Describe(c, 7));
      ASSERT_TRUE(Serves(Engine::kSpectral, c.shape));
      Checks<CudaSpectral>::Everything(Problem<float>(c));
      Checks<CudaSpectral>::Everything(Problem<double>(c));
    }
  }
}

// The form is chosen where both could serve, and what the spectral one can't is the direct one's.
TEST(CudaTest, EachFormHasItsShapes) {
  const auto form = [](DauConvShape shape, double max_displacement, Pass pass = Pass::kForward, size_t bytes = 4) {
    shape.max_displacement = max_displacement;
    return cuda::ChooseForm(pass, DisplacementGradient::kGaussian, shape, bytes);
  };
  const DauConvShape many_units = Shape(8, 32, 32, 192, 192, 6);
  EXPECT_EQ(form(many_units, 4), Engine::kSpectral);
  EXPECT_EQ(form(many_units, 4, Pass::kBackwardInput), Engine::kSpectral);
  EXPECT_EQ(form(many_units, 4, Pass::kBackwardParams), Engine::kSpectral);
  EXPECT_EQ(form(many_units, 1000), Engine::kDirect);  // no tile holds that
  EXPECT_EQ(form(many_units, -1), Engine::kDirect);    // nobody knows how far
  EXPECT_EQ(form(many_units, 4, Pass::kForward, 8), Engine::kDirect);
  EXPECT_EQ(form(Shape(1, 7, 7, 64, 64, 1), 4), Engine::kDirect);
}

// auto computes what the form it takes computes.
TEST(CudaTest, AutoIsOneOfTheForms) {
  for (double max_displacement : {4.0, -1.0}) {
    Case c = {"", Shape(8, 9, 9, 8, 64, 6), 3};
    c.shape.max_displacement = max_displacement;
    const Inputs<float> p(c);
    const Engine form = cuda::ChooseForm(Pass::kForward, DisplacementGradient::kGaussian, p.shape, sizeof(float));
    EXPECT_EQ(form, max_displacement < 0 ? Engine::kDirect : Engine::kSpectral);
    const Results<float> automatic = AllPasses(Engine::kAuto, p.shape, p.x, p.weight, p.displacement, p.dy);
    const Results<float> forced = AllPasses(form, p.shape, p.x, p.weight, p.displacement, p.dy);
    EXPECT_EQ(automatic.y, forced.y);
  }
}

TEST(CudaTest, AFormThatCannotServeSaysSo) {
  DauConvShape shape = Shape(1, 100, 100, 2, 2, 1);
  shape.max_displacement = 1000;
  size_t bytes;
  const Status far = cuda::ForwardWorkspace<float>(Options{Engine::kSpectral}, shape, &bytes);
  EXPECT_NE(far.message().find("max_displacement=1000"), std::string::npos) << far.message();
  EXPECT_TRUE(cuda::ForwardWorkspace<float>(Options{}, shape, &bytes).ok());
  const Status reference = cuda::ForwardWorkspace<float>(Options{Engine::kReference}, shape, &bytes);
  EXPECT_NE(reference.message().find("must be auto, direct or spectral. Received: reference"), std::string::npos)
      << reference.message();
}

// A displacement that is not a number shows where it acts, and nowhere else.
TEST(CudaTest, NotANumberStaysWithItsFilter) {
  for (Engine form : kForms) {
    SCOPED_TRACE(EngineName(form));
    for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Inputs<float> p(Cases().front());
      p.displacement[0] = bad;  // of the first unit: channel 0, filter 0
      const Results<float> r = AllPasses(form, p.shape, p.x, p.weight, p.displacement, p.dy);
      for (size_t i = 0; i < r.y.size(); ++i) EXPECT_EQ(std::isnan(r.y[i]), i % p.shape.filters == 0) << i;
      for (size_t i = 0; i < r.dx.size(); ++i) EXPECT_EQ(std::isnan(r.dx[i]), i % p.shape.in_channels == 0) << i;
      for (size_t i = 0; i < r.dw.size(); ++i) EXPECT_EQ(std::isnan(r.dw[i]), i == 0) << i;
      for (size_t i = 0; i < r.dmu.size(); ++i) EXPECT_EQ(std::isnan(r.dmu[i]), i % r.dw.size() == 0) << i;
      EXPECT_TRUE(std::isnan(r.dsigma[0]));
    }
  }
}

// Images of float are aligned to 4 bytes, no more.
TEST(CudaTest, ArraysNeedNoMoreAlignmentThanTheirElements) {
  const Inputs<float> p({"", Nchw(Shape(1, 32, 32, 2, 3, 2)), 3});
  const Results<float> aligned = AllPasses(Engine::kDirect, p.shape, p.x, p.weight, p.displacement, p.dy);
  std::vector<float> x(p.x.size() + 1), y(p.dy.size() + 1);
  std::copy(p.x.begin(), p.x.end(), x.begin() + 1);
  size_t bytes = 0;
  ASSERT_TRUE(cuda::ForwardWorkspace<float>(Options{Engine::kDirect}, p.shape, &bytes).ok());
  Scratch scratch(bytes);
  ExpectLaunched(cuda::Forward<float>(Options{Engine::kDirect}, p.shape, x.data() + 1, p.weight.data(),
                                      p.displacement.data(), y.data() + 1, scratch.data(), nullptr));
  EXPECT_EQ(std::vector<float>(y.begin() + 1, y.end()), aligned.y);
}

TEST(CudaTest, ARefusedLaunchIsAStatus) {
  const Inputs<float> p(Cases().front());
  size_t bytes = 0;
  ASSERT_TRUE(cuda::ForwardWorkspace<float>(Options{Engine::kDirect}, p.shape, &bytes).ok());
  Scratch scratch(bytes);
  std::vector<float> y(p.dy.size());
  cuda_on_cpu::GetSettings().next_launch = cudaErrorInvalidConfiguration;
  const Status status = cuda::Forward<float>(Options{Engine::kDirect}, p.shape, p.x.data(), p.weight.data(),
                                             p.displacement.data(), y.data(), scratch.data(), nullptr);
  EXPECT_NE(status.message().find("StoreNumbers"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("invalid configuration"), std::string::npos) << status.message();
}

TEST(CudaTest, ANumberIsRead) {
  const double there = 0.1;
  double here = 0;
  ExpectLaunched(cuda::ReadNumber(&there, &here, nullptr));
  EXPECT_EQ(here, there);
}

TEST(CudaTest, SizesThatOverflowAreRefused) {
  DauConvShape shape = Shape(1, int64_t{1} << 30, int64_t{1} << 27, 1, 1, 1);
  size_t bytes = 0;
  EXPECT_TRUE(Validate(shape).ok());
  const Status status = cuda::ForwardWorkspace<float>(Options{}, shape, &bytes);
  EXPECT_NE(status.message().find("height=1073741824"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace dau::testing
