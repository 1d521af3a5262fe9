// The general form, a σ per unit, against its definition: every case and random ones, both precisions, any number of
// threads, every instruction set.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cc/kernels/base/convert.h"
#include "cc/kernels/general_conv.h"
#include "cc/kernels/reference/unit_taps.h"
#include "tests/cc/kernels/cases.h"
#include "tests/cc/kernels/general_problem.h"
#include "tests/cc/kernels/instruction_sets.h"

namespace dau::testing {
namespace {

TEST(GeneralTest, Cases) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    CheckEverything(GeneralProblem<float>(c));
    CheckEverything(GeneralProblem<double>(c));
    CheckEverything(GeneralProblem<float>(c), kReference<float>);
  }
}

// Tiles of 512 × 128 or 256 × 256 samples do not hold these displacements: they are computed block by block. Each unit
// counts once, those at the edge of reach and beyond it too.
TEST(GeneralTest, DisplacementsTooFarApartForATile) {
  for (const DauConvShape& shape :
       {Shape(2, 130, 140, 1, 2, 1), Shape(1, 3, 300, 1, 2, 2, 0.9), Strided(Shape(1, 150, 130, 2, 1, 2), 2, 3),
        Valid(Nchw(Shape(1, 270, 270, 1, 2, 1)), 60)}) {
    const double height = static_cast<double>(shape.height), width = static_cast<double>(shape.width);
    GeneralProblem<float> p({"", shape, width});
    // Two units as far as they still see a pixel, from which the ranges follow.
    const size_t count = p.weight.size();
    p.displacement[0] = static_cast<float>(0.4 - height);
    p.displacement[1] = static_cast<float>(height - 1.3);
    p.displacement[count] = static_cast<float>(0.3 - width);
    p.displacement[count + 1] = static_cast<float>(width - 0.5);
    ASSERT_TRUE(FindDisplacementRange(p.shape, p.displacement.data(), &p.range).ok());
    size_t bytes = 0;
    EXPECT_FALSE(kSpectral<float>.forward_workspace(p.shape, p.range, Threads(1), &bytes).ok());
    EXPECT_FALSE(p.Forward(kFrontDoor<float>, Threads(1)).empty());
    EXPECT_FALSE(p.BackwardInput(kFrontDoor<float>, Threads(1)).empty());
    EXPECT_FALSE(p.BackwardParams(kFrontDoor<float>, Threads(1)).empty());
    CheckEverything(p, kFrontDoor<float>);
  }
}

// The reference takes over where a unit's own taps fill no tile; what options force is taken or refused.
TEST(GeneralTest, EnginesByName) {
  GeneralProblem<float> p({"", Shape(1, 2000, 1, 1, 1, 1, 0.5), 1});
  p.shape.max_sigma = 100;
  size_t bytes = 0;
  const auto forward = [&](Engine engine) {
    return dau::GeneralForwardWorkspace<float>({engine}, p.shape, p.range, Threads(1), &bytes);
  };
  EXPECT_TRUE(forward(Engine::kAuto).ok());
  EXPECT_TRUE(forward(Engine::kReference).ok());
  EXPECT_FALSE(forward(Engine::kSpectral).ok());
  p.shape.max_sigma = 1;
  EXPECT_TRUE(forward(Engine::kSpectral).ok());
  EXPECT_TRUE(forward(Engine::kDirect).ok());
}

template <typename Half>
std::vector<Half> Stored(const std::vector<float>& values) {
  std::vector<Half> stored(values.size());
  FromFloat(values.data(), static_cast<int64_t>(values.size()), stored.data(), Threads(1));
  return stored;
}
template <typename Half>
std::vector<float> Read(const std::vector<Half>& stored) {
  std::vector<float> values(stored.size());
  ToFloat(stored.data(), static_cast<int64_t>(stored.size()), values.data(), Threads(1));
  return values;
}

// Images and weights of 16 bits are computed in float: the same bits as of their values, rounded at the end.
template <typename Half>
void CheckStorage() {
  for (double reach : {3.0, 400.0}) {  // in one piece, and block by block
    GeneralProblem<float> p({"", Shape(1, 9, 400, 2, 3, 2), reach});
    const auto x = Stored<Half>(p.x), weight = Stored<Half>(p.weight), dy = Stored<Half>(p.dy);
    p.x = Read(x);
    p.weight = Read(weight);
    p.dy = Read(dy);
    const std::vector<float> y = p.Forward(kFrontDoor<float>, Threads(1));
    const std::vector<float> dx = p.BackwardInput(kFrontDoor<float>, Threads(1));
    const std::vector<float> gradients = p.BackwardParams(kFrontDoor<float>, Threads(1));
    const size_t count = weight.size();
    size_t bytes[3];
    ASSERT_TRUE(GeneralForwardWorkspace<Half>({}, p.shape, p.range, Threads(1), &bytes[0]).ok());
    ASSERT_TRUE(GeneralBackwardInputWorkspace<Half>({}, p.shape, p.range, Threads(1), &bytes[1]).ok());
    ASSERT_TRUE(GeneralBackwardParamsWorkspace<Half>({}, p.shape, p.range, Threads(1), &bytes[2]).ok());
    std::vector<Half> half_y(y.size()), half_dx(dx.size()), d_weight(count);
    std::vector<float> others(3 * count);
    GeneralForward<Half>({}, p.shape, p.range, x.data(), weight.data(), p.displacement.data(), p.sigma.data(),
                         half_y.data(), Scratch(bytes[0]).data(), Threads(1));
    GeneralBackwardInput<Half>({}, p.shape, p.range, weight.data(), p.displacement.data(), p.sigma.data(), dy.data(),
                               half_dx.data(), Scratch(bytes[1]).data(), Threads(1));
    GeneralBackwardParams<Half>({}, p.shape, p.range, x.data(), weight.data(), p.displacement.data(), p.sigma.data(),
                                dy.data(), {d_weight.data(), others.data(), others.data() + 2 * count},
                                Scratch(bytes[2]).data(), Threads(1));
    EXPECT_EQ(Read(half_y), Read(Stored<Half>(y)));
    EXPECT_EQ(Read(half_dx), Read(Stored<Half>(dx)));
    EXPECT_EQ(Read(d_weight), Read(Stored<Half>({gradients.begin(), gradients.begin() + count})));
    EXPECT_EQ(others, std::vector<float>(gradients.begin() + count, gradients.end()));
  }
}

TEST(GeneralTest, Storage) {
  CheckStorage<BFloat16>();
  CheckStorage<Float16>();
}

TEST(GeneralTest, UnitsAndRadii) {
  for (int64_t units = 1; units <= 8; ++units) {
    for (double sigma : {0.3, 0.6, 1.0, 1.4, 4.0}) {  // radii 1, 2, 3, 5, 12: with loops of their own and without
      SCOPED_TRACE(::testing::Message() << units << " units, sigma " << sigma);
      CheckEverything(GeneralProblem<float>({"", Shape(2, 7, 9, 3, 4, units, sigma), 3}));
      CheckEverything(GeneralProblem<double>({"", Shape(1, 9, 6, 5, 3, units, sigma), 3}));
    }
  }
}

TEST(GeneralTest, EveryInstructionSet) {
  ForEachInstructionSet([] {
    for (uint64_t seed = 0; seed < 60; ++seed) {
      const Case c = RandomCase(seed);
      SCOPED_TRACE(Describe(c, seed));
      CheckEverything(GeneralProblem<float>(c, seed));
      CheckEverything(GeneralProblem<double>(c, seed));
    }
  });
}

bool Same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(GeneralTest, SameBitsWithAnyNumberOfThreads) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const GeneralProblem<float> p(c);
    for (int threads : {2, 5}) {
      EXPECT_TRUE(Same(p.Forward(kSpectral<float>, Threads(1)), p.Forward(kSpectral<float>, Threads(threads))));
      EXPECT_TRUE(
          Same(p.BackwardInput(kSpectral<float>, Threads(1)), p.BackwardInput(kSpectral<float>, Threads(threads))));
      EXPECT_TRUE(
          Same(p.BackwardParams(kSpectral<float>, Threads(1)), p.BackwardParams(kSpectral<float>, Threads(threads))));
    }
  }
}

// With ignore_batch an image alone gives the bits that it gives inside a batch, and a NaN stays in its image.
TEST(GeneralTest, ImagesDoNotSeeEachOther) {
  GeneralProblem<float> batch({"", Shape(3, 9, 11, 3, 5, 2), 3});
  batch.shape.ignore_batch = true;
  GeneralProblem<float> image = batch;
  image.shape.batch = 1;
  image.x.resize(InputCount(image.shape));
  image.dy.resize(OutputCount(image.shape));
  batch.x.back() = batch.dy.back() = std::numeric_limits<float>::quiet_NaN();  // of the last image
  std::vector<float> y = batch.Forward(kSpectral<float>, Threads(1)),
                     dx = batch.BackwardInput(kSpectral<float>, Threads(1));
  y.resize(image.dy.size());
  dx.resize(image.x.size());
  EXPECT_TRUE(Same(y, image.Forward(kSpectral<float>, Threads(1))));
  EXPECT_TRUE(Same(dx, image.BackwardInput(kSpectral<float>, Threads(1))));
}

TEST(GeneralTest, EmptyBatchGivesZeroGradients) {
  const GeneralProblem<float> p({"", Shape(0, 5, 6, 2, 3, 2), 2});
  EXPECT_TRUE(p.Forward(kSpectral<float>, Threads(1)).empty());
  EXPECT_EQ(p.BackwardParams(kSpectral<float>, Threads(1)), std::vector<float>(4 * p.weight.size(), 0));
}

// The definition is what dau_conv_shape.h says of one dimension, and its gradients are those of its values.
TEST(GeneralTest, TapsAreAGaussianAndTheirDerivatives) {
  constexpr double kStep =
      1e-6;  // cut off at 1e-12 times a third derivative of up to some 1e3, rounded at 1e-16 / 1e-6
  for (double mu : {0.0, 0.3, -2.5, 1.9, -0.2}) {
    for (double sigma : {0.3, 0.8}) {
      const reference::UnitTaps taps(mu, sigma, 3);
      double sum = 0;
      for (int64_t p = taps.first; p < taps.first + 8; ++p) {
        sum += std::abs(p - mu) < 4 ? std::exp(-(p - mu) * (p - mu) / (2 * sigma * sigma)) : 0;
      }
      const auto value = [&](double at, double s, int64_t i) { return reference::UnitTaps(at, s, 3).value[i]; };
      for (int64_t i = 0; i < 8; ++i) {
        const double distance = taps.first + i - mu;
        const double bell = std::abs(distance) < 4 ? std::exp(-distance * distance / (2 * sigma * sigma)) : 0;
        EXPECT_NEAR(taps.value[i], bell / sum, 1e-15);
        EXPECT_NEAR(taps.width[i], (value(mu, sigma + kStep, i) - value(mu, sigma - kStep, i)) / (2 * kStep), 1e-8);
        if (mu == std::round(mu)) continue;  // where the support moves on by a pixel
        EXPECT_NEAR(taps.slope[i], (value(mu + kStep, sigma, i) - value(mu - kStep, sigma, i)) / (2 * kStep), 1e-8);
      }
    }
  }
}

}  // namespace
}  // namespace dau::testing
